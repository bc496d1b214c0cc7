"""The expert's rules: how good each value of a decision looks on a machine, and why.

- tiles (`roofline`): innermost extents that fill vector registers, accumulators enough to hide the latency of a
  multiply-add and few enough to stay in registers, working sets that fit their caches, parallel pieces that divide
  evenly over the cores.
- tiles on a GPU (`gpu`): whole warps of threads, several results a thread, operands that fit shared memory.
- unroll on a CPU: rather some, because accumulators stay in registers only where the tile around them is unrolled; but
  code that outgrows the instruction cache runs slower and takes minutes to compile. Where padding is inlined, enough to
  unroll the window of the convolution: only then its condition on the indices falls away.
- unroll on a GPU: high limits first; a thread's results are registers only where their loops are unrolled.
- compute location (`places`): where the loops around it do not make the producer run more than once.
- sketch: a factored reduction (`rfactor`) pays where its partial results fill vector lanes, and where the spatial loops
  cannot keep the cores busy; a program is prepared (`tvm_litecoop.design_space`) only where there is a reason to.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from tvm_litecoop import seeds
from tvm_litecoop.models import gpu, places, roofline
from tvm_litecoop.nest import Block, Machine
from tvm_litecoop.sites import INLINE, Choice, Location, Site, Tile, Value
from tvm_litecoop.view import Sketch, Traits

DRAWS = 16384  # random tilings of a nest that are ranked once; with few, their luck stays in every run
KEPT = 256  # of those, the ones whole programs are drawn from
CODE_STEPS = 128  # unrolled statements of a program, over its tiled nests (at least one), that run as fast as fewer
UNDECIDED = 0.125  # weight of an unroll limit that leaves a condition in the innermost loop
SHARPNESS = 6.0  # the weight of a tiling falls with its estimated cost to this power
LANES_GAIN = 4.0  # weight of a reduction whose partial results fill vector lanes, against a chain of scalar additions
PREPARED_GAIN = 8.0  # weight of the prepared program, against the program as it is
JOBS_PER_CORE = 16  # TVM's own bound for factoring a reduction (AddRFactor, `max_jobs_per_core`)


def draw(weights: Mapping[Value, float], rng: random.Random) -> Value:
    """One value, by weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


def weights(site: Site, sketch: Sketch, machine: Machine) -> dict[Value, float]:
    """How good every legal value of a site looks, all other sites as they are; larger is better."""
    if isinstance(site.domain, Choice):
        return _limits(site.domain, sketch, machine)
    if isinstance(site.domain, Location):
        return places.weights(site, site.domain, sketch, machine)
    block = sketch.block(site.block)
    if block is None or block.tiling not in _COST:
        return _untiled(site.domain, machine)
    return _tiles(site, site.domain, block, sketch, machine)


def draw_tiling(block: Block, sketch: Sketch, machine: Machine, rng: random.Random) -> tuple[tuple[int, ...], ...]:
    """Factors for every axis of a tiled nest at once; empty where no rule knows the tiling structure."""
    tiles = {s.axis: s.domain for s in sketch.sites if s.block == block.name and isinstance(s.domain, Tile)}
    if block.tiling not in _COST or not tiles:
        return ()
    domains = tuple(tiles.get(i) or Tile(1, parts) for i, parts in enumerate(_parts(block)))
    ranked = _ranked_tilings(block, domains, machine)
    return rng.choices([tiling for tiling, _ in ranked], [weight for _, weight in ranked])[0]


def estimate(
    block: Block, machine: Machine, factors: Mapping[tuple[str, int], npt.NDArray[np.int64]], count: int
) -> roofline.Array:
    """What the arithmetic of its tiling structure says a nest costs, for many tilings at once; 0 where none knows it.

    Args:
        block: The nest.
        machine: The target.
        factors: (block, axis) -> the tile factors, shape [count, parts]; an axis that is missing is not tiled.
        count: How many.
    """
    if block.tiling not in _COST:
        return np.zeros(count)
    columns = [
        factors.get((block.name, axis), np.ones((count, parts), dtype=np.int64))
        for axis, parts in enumerate(_parts(block))
    ]
    return _COST[block.tiling](block, machine, columns)


def spaces(traits: Sequence[Traits], machine: Machine) -> list[float]:
    """A weight for each design space of a task: 0 where a reduction is factored to no purpose, if there are others.

    Args:
        traits: What sets each apart.
        machine: The target.
    """
    jobs = machine.cores * JOBS_PER_CORE
    gains = [LANES_GAIN**one.lanes * PREPARED_GAIN**one.prepared for one in traits]
    idle = [one.factored > one.lanes and one.results >= jobs for one in traits]
    return gains if all(idle) else [0.0 if useless else gain for useless, gain in zip(idle, gains, strict=True)]


def importance(sketch: Sketch) -> dict[str, float]:
    """How much a change of each site may matter: the share of the work in the block it shapes, at least 0.1."""
    shaped = {site.block for site in sketch.sites}
    work = {block.name: float(block.iterations) for block in sketch.blocks if block.name in shaped}
    heaviest = max(work.values(), default=1.0)
    return {site.name: max(0.1, work.get(site.block, heaviest) / heaviest) for site in sketch.sites}


# ---- tiles ---------------------------------------------------------------------------------------------------------


def _tiles(site: Site, domain: Tile, block: Block, sketch: Sketch, machine: Machine) -> dict[Value, float]:
    """Every tiling of one axis, the other axes of the block as they are."""
    values = list(domain)
    present = sketch.tiles(block.name)
    factors = []
    for axis, parts in enumerate(_parts(block)):
        column = values if axis == site.axis else [present.get(axis, (1,) * parts)] * len(values)
        factors.append(np.array(column, dtype=np.int64))
    return dict(zip(values, _by_cost(_COST[block.tiling](block, machine, factors)), strict=True))


@lru_cache(maxsize=256)
def _ranked_tilings(
    block: Block, domains: tuple[Tile, ...], machine: Machine
) -> tuple[tuple[tuple[tuple[int, ...], ...], float], ...]:
    """The best of many random tilings of a nest with their weights; the draw is fixed by the nest itself."""
    rng = seeds.rng(0, "tilings", repr(block), repr(domains))
    columns = [rng.choices(domain.legal, k=DRAWS) for domain in domains]
    estimated = _COST[block.tiling](block, machine, [np.array(column, dtype=np.int64) for column in columns])
    promising = np.argsort(estimated, kind="stable")[: 2 * KEPT]  # some of them twice
    unique = {tuple(column[i] for column in columns): float(estimated[i]) for i in promising}
    best = list(unique.items())[:KEPT]
    weighted = _by_cost(np.array([cost for _, cost in best]))
    return tuple((tiling, weight) for (tiling, _), weight in zip(best, weighted, strict=True))


def _by_cost(cost: roofline.Array) -> list[float]:
    return [float(w) for w in (cost.min() / cost) ** SHARPNESS]


_COST = {"SSRSRS": roofline.cycles, "SSSRRSRS": gpu.penalty}
"""Tiling structure -> the arithmetic that ranks its tilings."""


def _parts(block: Block) -> list[int]:
    """Number of factors per axis, from the tiling structure."""
    spatial, reduction = block.tiling.count("S"), block.tiling.count("R")
    return [reduction if axis.reduction else spatial for axis in block.axes]


def _untiled(domain: Tile, machine: Machine) -> dict[Value, float]:
    """A split of a fused reduction: inside few instructions, so many that none has to wait; outside every core fed."""
    outside, inside = np.array([(value[0], value[-1]) for value in domain]).T
    waits = np.maximum(roofline.vectors(inside, machine.lanes(4)), roofline.FMA_LATENCY)
    found = np.where(outside >= machine.cores, 2.0, 1.0) * inside / waits
    return dict(zip(domain, map(float, found), strict=True))


# ---- other decisions -----------------------------------------------------------------------------------------------


def _limits(domain: Choice, sketch: Sketch, machine: Machine) -> dict[Value, float]:
    """By rank of the option: rather some on a CPU, less where the code would grow too long; rising on a GPU."""
    order = sorted(domain, key=lambda index: domain.options[index])
    if machine.kind != "llvm":
        return {index: 1.0 + rank for rank, index in enumerate(order)}
    unrolled = max(1, sum(bool(block.tiling) for block in sketch.blocks))
    deciding = _deciding_steps(sketch)
    if deciding > max(domain.options):
        deciding = 0  # none is enough: long code would gain nothing
    found: dict[Value, float] = {}
    for rank, index in enumerate(order):
        limit = domain.options[index]
        found[index] = 2.0 if rank else 1.0
        if not deciding:
            found[index] *= min(1.0, CODE_STEPS / max(1, limit * unrolled))
        elif limit < deciding:
            found[index] *= UNDECIDED
    return found


def _deciding_steps(sketch: Sketch) -> int:
    """Statements to unroll until the conditions of inlined producers are decided; 0 where there are none."""
    steps = 0
    for site in sketch.sites:
        producer = sketch.block(site.block)
        if isinstance(site.domain, Location) and site.value == INLINE and producer is not None and producer.conditions:
            steps = max([steps, *(_window_steps(producer, consumer, sketch) for consumer in sketch.consumers(site))])
    return steps


def _window_steps(producer: Block, consumer: Block, sketch: Sketch) -> int:
    """Statements of a tiled consumer inside its outermost loop over a window, all lanes of a vector as one.

    A window is what a convolution reduces beside a spatial axis, in one index. Without one the innermost tile counts;
    0 where the consumer is not tiled.
    """
    if not consumer.tiling:
        return 0
    windows = {
        axis
        for access in consumer.reads_of(producer)
        for index in access.dims
        if any(step and not axis.reduction for step, axis in zip(index, consumer.axes, strict=True))
        for axis in np.flatnonzero(index)
        if consumer.axes[axis].reduction
    }
    tiles = sketch.tiles(consumer.name)
    order = [(axis, tiles[axis][factor] if axis in tiles else 1) for level in consumer.levels for axis, factor in level]
    *loops, _vector = order
    inside = [n for n, (axis, extent) in enumerate(loops) if axis in windows and extent > 1]
    innermost = len(order) - len(consumer.levels[-1])
    return prod(extent for _, extent in loops[min(inside, default=innermost) :])
