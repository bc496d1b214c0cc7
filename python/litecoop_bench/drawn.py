"""A grid of shapes that nobody chose: `python -m litecoop_bench.drawn --seed N > GRID.toml`.

What holds for the shapes of `grids/search.toml`, beside which the search was made, might hold for those alone. These
are drawn: every extent log-uniform, every other one a multiple of 16 as those of models are, and drawn again until a
kernel has as much arithmetic as those of `grids/search.toml`. `grids/drawn.toml` is what one seed gave, drawn once.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator

from tvm_litecoop.workloads import parse

STEP = 16
"""Of every other extent."""
PRODUCTS = (1.5e7, 2.7e8)
ROWS = (1.5e6, 1.0e7)
"""Fewest and most operations of a kernel that multiplies matrices, and of one that goes over rows or windows."""

Extent = range | tuple[int, ...]
"""From a range log-uniform; of a tuple each is as likely."""

FAMILIES: tuple[tuple[str, tuple[Extent, ...], tuple[float, float]], ...] = (
    ("attention:{}x{}x{}", (range(1, 13), range(32, 513), range(16, 161)), PRODUCTS),
    ("moe:{}x{}x{}x{}", (range(2, 13), range(8, 129), range(64, 769), range(32, 513)), PRODUCTS),
    ("mlp:{}x{}x{}", (range(8, 257), range(64, 1025), range(64, 1025)), PRODUCTS),
    ("matmul:{}x{}x{}", (range(8, 2049), range(8, 2049), range(8, 2049)), PRODUCTS),
    (
        "conv2d:1x{0}x{0}x{1},{2}x{2},{3},s{4}",
        (range(7, 113), range(16, 257), (1, 3, 5), range(16, 257), (1, 2)),
        PRODUCTS,
    ),
    ("depthwise:1x{0}x{0}x{1},{2}x{2},s{3}", (range(7, 225), range(16, 513), (3, 5, 7), (1, 2)), ROWS),
    ("layernorm:{}x{}", (range(16, 4097), range(64, 4097)), ROWS),
    ("softmax:{}x{}", (range(16, 4097), range(64, 4097)), ROWS),
)


def main() -> None:
    """Print a grid."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the draw; 1 if left out")
    print(grid(parser.parse_args().seed), end="")


def grid(seed: int) -> str:
    """The text of a grid with a shape of every family, the same for the same seed."""
    lines = "".join(f'    "{spec}",\n' for spec in drawn(seed))
    return (
        f"# Shapes that nobody chose: `python -m litecoop_bench.drawn --seed {seed}`.\n"
        f"workloads = [\n{lines}]\n"
        'arms = ["evolutionary-warm", "litecoop"]\n'
        "trials = 256\n"
        "seeds = [1, 2, 3]\n"
    )


def drawn(seed: int) -> Iterator[str]:
    """A shape of every family as `tvm_litecoop.workloads.parse` reads it."""
    for form, extents, (fewest, most) in FAMILIES:
        rng = random.Random(f"{seed}, {form}")
        while True:
            workload = parse(form.format(*(_extent(one, rng) for one in extents)))
            if fewest <= workload.flops <= most:
                yield workload.spec
                break


def _extent(extent: Extent, rng: random.Random) -> int:
    if isinstance(extent, tuple):
        return rng.choice(extent)
    least, most = extent[0], extent[-1]
    value = math.floor(math.exp(rng.uniform(math.log(least), math.log(most + 1))))
    if value >= STEP and rng.random() < 0.5:
        value -= value % STEP
    return min(max(value, least), most)


if __name__ == "__main__":
    main()
