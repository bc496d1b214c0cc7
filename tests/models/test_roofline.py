"""The expert's arithmetic on a product of matrices: what it must know of registers, and what of caches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tvm_litecoop.models import roofline
from tvm_litecoop.nest import Access, Axis, Block, Machine

AVX512 = Machine(cores=1, vector_bytes=64, registers=32, l1_bytes=48 * 1024, l2_bytes=2**20, l3_bytes=2**25)

Tiling = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
"""Factors of rows, columns and reduction, outermost first."""


def product(rows: int, columns: int, steps: int) -> Block:
    """C[i, j] += A[i, k] * B[k, j] in float32."""
    axes = (Axis("i", rows, False), Axis("j", columns, False), Axis("k", steps, True))
    i, j, k = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    accesses = (
        Access("A", 4, (rows, steps), (i, k)),
        Access("B", 4, (steps, columns), (k, j)),
        Access("C", 4, (rows, columns), (i, j), write=True),
    )
    return Block("product", axes, accesses, "SSRSRS")


def cycles(block: Block, tilings: Sequence[Tiling]) -> list[float]:
    factors = [np.array([tiling[axis] for tiling in tilings]) for axis in range(3)]
    return list(roofline.cycles(block, AVX512, factors))


def test_the_best_innermost_tile_fills_the_registers_and_spills_none() -> None:
    tiles = [(rows, columns) for rows in (1, 2, 4, 8, 16, 32) for columns in (4, 8, 16, 32, 64)]
    found = cycles(product(32, 64, 64), [((32 // r, 1, 1, r), (64 // c, 1, 1, c), (1, 64)) for r, c in tiles])
    rows, columns = tiles[int(np.argmin(found))]
    assert columns % 16 == 0 and 8 < rows * columns // 16 < AVX512.registers


def test_where_the_middle_level_adds_nothing_it_does_not_matter_how_the_reduction_is_split() -> None:
    first, *others = cycles(product(32, 64, 64), [((4, 1, 1, 8), (2, 1, 1, 32), k) for k in ((1, 64), (8, 8), (64, 1))])
    assert others == pytest.approx([first] * 2)


def test_a_middle_level_that_is_not_unrolled_has_its_sums_stored_again_and_again() -> None:
    alone, around = cycles(
        product(32, 64, 64), [((4, 1, 1, 8), (2, 1, 1, 32), (8, 8)), ((1, 1, 4, 8), (1, 1, 2, 32), (8, 8))]
    )
    assert around > 1.1 * alone


def test_a_middle_level_that_is_unrolled_is_part_of_the_tile() -> None:
    inner, middle, neither = cycles(
        product(32, 64, 64),
        [
            ((4, 1, 1, 8), (2, 1, 1, 32), (1, 64)),
            ((4, 1, 8, 1), (2, 1, 1, 32), (64, 1)),
            ((4, 1, 8, 1), (2, 1, 1, 32), (1, 64)),
        ],
    )
    assert middle == pytest.approx(inner)
    assert neither > 2 * inner


def test_what_is_transferred_in_time_costs_little() -> None:
    per_point = []
    for rows, columns in ((64, 512), (2048, 2048)):  # fits the second-level cache; only the last one
        (found,) = cycles(product(rows, columns, 64), [((rows // 8, 1, 1, 8), (columns // 32, 1, 1, 32), (1, 64))])
        per_point.append(found / (rows * columns))
    assert per_point[0] < per_point[1] < 1.5 * per_point[0]


def test_a_loop_around_a_single_point_is_vectorised_too() -> None:
    """LLVM does that where TVM has nothing to vectorise: of a prime extent there is no other tile."""
    block = product(509, 509, 509)
    rows, steps = (509, 1, 1, 1), (509, 1)
    scalars, vectors = cycles(block, [(rows, (509, 1, 1, 1), steps), (rows, (1, 1, 509, 1), steps)])
    assert vectors < scalars / 8
    vectors, a_reduction_inside = cycles(block, [(rows, (1, 1, 509, 1), steps), (rows, (1, 1, 509, 1), (1, 509))])
    assert vectors < a_reduction_inside / 8
