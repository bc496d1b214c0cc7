"""Recorded states: programs that were measured on some machine, put together as nodes with a past.

`states.json` holds, for a few workloads, the target, the facts of the machine, and programs with their measured
seconds; `python -m litecoop_bench.record_states` makes it from the databases of a benchmark. Spaces are TVM's own for
that target, so the states are the same on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Any

from tvm.s_tir import meta_schedule as ms
from tvm.target import Target

from tvm_litecoop import seeds
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.nest import Machine
from tvm_litecoop.search import sight
from tvm_litecoop.search.tree import Node, Tree
from tvm_litecoop.tvm_bridge.arguments import args_of
from tvm_litecoop.tvm_bridge.context import Context
from tvm_litecoop.tvm_bridge.predict import Predictor
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.tvm_bridge.task import mutators_of
from tvm_litecoop.values import Built, Program
from tvm_litecoop.view import View
from tvm_litecoop.workloads import parse


@dataclass(frozen=True)
class Recorded:
    """One workload with programs that were measured, fastest first."""

    workload: str
    target: dict[str, Any]
    machine: Machine
    programs: tuple[tuple[Program, float], ...]


@dataclass(frozen=True)
class State:
    """What a member is asked about.

    Attributes:
        view: What it is shown.
        program: The program that is to be made faster.
        theatre: Where its proposals are applied and judged.
    """

    view: View
    program: Program
    theatre: Theatre


class Theatre:
    """One recorded workload: its space, and a cost model that has learned what was measured."""

    def __init__(self, recorded: Recorded) -> None:
        self.recorded = recorded
        tune = ms.TuneContext(
            parse(recorded.workload).mod,
            target=Target(recorded.target),
            space_generator="post-order-apply",
            rand_state=1,
            num_threads=2,
        )
        cost_model = ms.cost_model.XGBModel(num_warmup_samples=0, verbose_eval=0)
        self._predictor = Predictor(cost_model, Context.of(tune).for_cost_model(), args_of(tune.mod))
        self.space = TvmSpace(
            tune.mod,
            tune.generate_design_space(),
            postprocs=tune.space_generator.postprocs,
            mutators=mutators_of(tune),
            machine=recorded.machine,
            predictor=self._predictor,
            threads=2,
        )

    @cached_property
    def known(self) -> dict[int, tuple[Built, float]]:
        """The recorded programs by identity, fastest first; the cost model learns them on the way."""
        built = [self.space.rebuilt(program) for program, _ in self.recorded.programs]
        pairs = zip(built, (seconds for _, seconds in self.recorded.programs), strict=True)
        found = [(one, seconds) for one, seconds in pairs if isinstance(one, Built)]
        schedules = [self.space.schedule(one.program) for one, _ in found]
        self._predictor.learn(schedules, [[seconds] for _, seconds in found])
        return {one.key: (one, seconds) for one, seconds in found}

    def states(self, count: int, pool: Pool, seed: int) -> Iterator[State]:
        """Nodes with a parent, a grandparent and a best, drawn from what was recorded."""
        rng = seeds.rng(seed, "states", self.recorded.workload)
        known = list(self.known.values())
        for _ in range(count):
            chain = sorted(rng.sample(known, 3), key=lambda pair: -pair[1])
            tree, node = _tree([known[0], *chain], pool, SearchConfig())
            view = sight.view_of(tree, node, self.space, pool, SearchConfig())
            yield State(view, node.built.program, self)


def load() -> list[Recorded]:
    """The states that come with the package."""
    raw = json.loads(files("tvm_litecoop.audition").joinpath("states.json").read_text("utf-8"))
    return [
        Recorded(
            task["workload"],
            task["target"],
            Machine(**task["machine"]),
            tuple((_program(sketch, decisions), seconds) for sketch, decisions, seconds in task["programs"]),
        )
        for task in raw["tasks"]
    ]


def _program(sketch: int, decisions: Sequence[Any]) -> Program:
    return Program(sketch, tuple(tuple(one) if isinstance(one, list) else one for one in decisions))


def _tree(chain: Sequence[tuple[Built, float]], pool: Pool, config: SearchConfig) -> tuple[Tree, Node]:
    """A tree with the best below the root, and beside it a path of the others, the last of which is the node."""
    first = pool.first(config)
    tree = Tree(chain[1][0], first)
    tree.set_throughput(tree.root, 1.0 / chain[1][1])
    best = tree.add(tree.root, chain[0][0], "expert", first, ())
    tree.set_throughput(best, 1.0 / chain[0][1])
    node = tree.root
    for built, seconds in chain[2:]:
        node = tree.add(node, built, "expert", first, ())
        tree.set_throughput(node, 1.0 / seconds)
    return tree, node
