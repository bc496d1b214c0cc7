"""Shapes drawn at random."""

from __future__ import annotations

from importlib.resources import files

from litecoop_bench import drawn
from tvm_litecoop.workloads import parse

SEED = 20261130


def test_the_grid_is_as_it_was_drawn() -> None:
    assert (files("litecoop_bench") / "grids" / "drawn.toml").read_text() == drawn.grid(SEED)


def test_other_seeds_draw_other_shapes_of_every_family_with_as_much_to_do() -> None:
    first, second = list(drawn.drawn(1)), list(drawn.drawn(2))
    assert not set(first) & set(second)
    for shapes in (first, second):
        for spec, (form, _, (fewest, most)) in zip(shapes, drawn.FAMILIES, strict=True):
            workload = parse(spec)
            assert workload.name == form.partition(":")[0] and fewest <= workload.flops <= most
