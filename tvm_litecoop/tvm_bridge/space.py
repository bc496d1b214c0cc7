"""The real search space: one TVM task behind the `search.space.Space` protocol."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from tvm.s_tir.analysis import estimate_tir_flops

from tvm_litecoop.errors import last_line
from tvm_litecoop.nest import Machine
from tvm_litecoop.tvm_bridge import traces
from tvm_litecoop.tvm_bridge.edits import Editor
from tvm_litecoop.tvm_bridge.locations import LocationMenus
from tvm_litecoop.tvm_bridge.made import loops_of
from tvm_litecoop.tvm_bridge.predict import Predictor
from tvm_litecoop.tvm_bridge.replay import Replayed, Replayer
from tvm_litecoop.tvm_bridge.sketch import Sketch
from tvm_litecoop.tvm_bridge.traits import traits_of
from tvm_litecoop.values import Built, Edit, Program, Rejection, Why
from tvm_litecoop.view import Loops, View

logger = logging.getLogger(__name__)

KEPT_SCHEDULES = 256
"""Schedules of a task kept beside their programs, of which each takes some 0.2 MB until the run ends; older ones are
replayed again when they are needed (1.6 ms each)."""

KEPT_OUTCOMES = 4096
"""Outcomes kept, the oldest let go first: what is asked for again is not replayed again."""

INITIAL_DRAWS = 512
"""Random programs tried for the root of the tree before a design space is called empty."""

BATCH = 16

REFUSED = "repeated sums, those of overlapping windows too"
"""What is refused beside what TVM's postprocs refuse; a tree from before that may hold such programs."""


class TvmSpace:
    """The programs of one task.

    Args:
        mod: The untuned module.
        design_spaces: TVM's design spaces (schedules), at least one.
        postprocs: TVM's postprocs, initialized with the tuning context.
        mutators: TVM's mutators by name, with their probabilities.
        machine: Facts of the target.
        predictor: Scores schedules with TVM's cost model; None where there is none.
        threads: Replays at once.
    """

    def __init__(
        self,
        mod: Any,
        design_spaces: Sequence[Any],
        *,
        postprocs: Sequence[Any],
        mutators: Mapping[str, tuple[Any, float]],
        machine: Machine,
        predictor: Predictor | None = None,
        threads: int = 1,
    ) -> None:
        menus = LocationMenus()
        self.sketches = [Sketch(index, mod, schedule, menus) for index, schedule in enumerate(design_spaces)]
        self.machine = machine
        self._flops = int(estimate_tir_flops(mod))
        self._probabilities = tuple((name, probability) for name, (_, probability) in mutators.items())
        self._editor = Editor(self.sketches, {name: mutator for name, (mutator, _) in mutators.items()})
        self._traits = traits_of(mod, [sketch.trace for sketch in self.sketches], machine)
        self._postprocs = [str(postproc).split("(")[0] for postproc in postprocs]
        self._replayer = Replayer(mod, self.sketches, postprocs, threads)
        self._predictor = predictor
        self._schedules: OrderedDict[Program, Any] = OrderedDict()
        self._outcomes: OrderedDict[Any, Built | Rejection] = OrderedDict()

    @property
    def signature(self) -> str:
        """What tells these design spaces and postprocs from others."""
        text = "\n".join([*(sketch.signature for sketch in self.sketches), *self._postprocs, REFUSED])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def read(self, seconds: float) -> None:
        """Read design spaces that nobody has looked at yet, each some 30 ms, so that a member need not wait for it.

        Args:
            seconds: No other one is begun after that.
        """
        end = time.perf_counter() + seconds
        for sketch in self.sketches:
            if time.perf_counter() >= end:
                return
            try:
                sketch.read()
            except Exception as error:  # TVM's; whoever draws it has to do with it
                logger.info("design space %d cannot be read: %s", sketch.index, last_line(error))

    def initial(self) -> Built | Rejection:
        """A program for the tree to start at: the default of a design space, else one of many random draws.

        On a GPU most random programs break a limit, the default ones too.

        Returns:
            The first program that survives, or the last reason where `INITIAL_DRAWS` draws gave none.
        """
        count = len(self.sketches)
        defaults: list[Program | tuple[int, int]] = [sketch.default for sketch in self.sketches[:INITIAL_DRAWS]]
        draws: list[Program | tuple[int, int]] = [(i % count, i + 1) for i in range(INITIAL_DRAWS)] if count else []
        outcome: Built | Rejection = Rejection(Why.POSTPROC, "no design space")
        programs = [*defaults, *draws]
        batches = [programs[start : start + BATCH] for start in range(1, len(programs), BATCH)]
        for some in (programs[:1], *batches):  # on a CPU the first one survives
            for replayed in self._replayer.replay(some):
                outcome = self._keep(replayed)
                if isinstance(outcome, Built):
                    return outcome
        return outcome

    def view(self, program: Program) -> View:
        """What a member is shown of a program."""
        sketch = self.sketches[program.sketch]
        return View(
            program=program,
            sketch=sketch.shown(program),
            sketches=_Shown(self.sketches),
            traits=self._traits,
            mutators=self._probabilities,
            machine=self.machine,
            flops=self._flops,
        )

    def apply(self, program: Program, alternatives: Sequence[Sequence[Edit]]) -> list[Built | Rejection]:
        """Apply each list of edits, replay what is asked for, run the postprocs."""
        asked = [self._editor.edited(program, edits) for edits in alternatives]
        new = list(dict.fromkeys(p for p in asked if not isinstance(p, Rejection) and p not in self._outcomes))
        for one, replayed in zip(new, self._replayer.replay(new), strict=True):
            self._outcomes[one] = self._keep(replayed)
        found = [p if isinstance(p, Rejection) else self._outcomes[p] for p in asked]
        while len(self._outcomes) > KEPT_OUTCOMES:
            self._outcomes.popitem(last=False)
        return found

    def loops(self, program: Program) -> tuple[Loops, ...]:
        """What TVM made of the nests of a program that survived before."""
        names = tuple(block.name for block in self.sketches[program.sketch].blocks)
        return loops_of(self.schedule(program), names)

    def predict(self, programs: Sequence[Program]) -> list[float] | None:
        """Scores of TVM's cost model, all programs in one call; None where there is no model."""
        if self._predictor is None:
            return None
        return self._predictor.predict([self.schedule(program) for program in programs])

    def schedule(self, program: Program) -> Any:
        """The schedule of a program that survived before."""
        if program not in self._schedules:
            replayed = self._replayer.replay([program])[0]
            if isinstance(replayed, Rejection):
                raise RuntimeError(f"a program that survived before does not replay: {replayed}")
            self._keep(replayed)
        return self._schedules[program]

    def rebuilt(self, program: Program) -> Built | Rejection:
        """A program that was written down, replayed."""
        return self._keep(self._replayer.replay([program])[0])

    def recorded(self, some: Sequence[Any]) -> list[Built | Rejection]:
        """Programs of the database: which sketch each trace belongs to, and what it replays to."""
        sketches = {sketch.signature: sketch.index for sketch in self.sketches}
        read = [_read(trace, sketches) for trace in some]
        programs = [one for one in read if isinstance(one, Program)]
        batches = (programs[start : start + BATCH] for start in range(0, len(programs), BATCH))
        found = (self._keep(replayed) for batch in batches for replayed in self._replayer.replay(batch))
        return [next(found) if isinstance(one, Program) else one for one in read]

    def close(self) -> None:
        """Let go of threads, schedules, outcomes, and the cost model with its context."""
        self._replayer.close()
        self._schedules.clear()
        self._outcomes.clear()
        self._predictor = None

    def _keep(self, outcome: Replayed | Rejection) -> Built | Rejection:
        if isinstance(outcome, Rejection):
            return outcome
        self._schedules[outcome.built.program] = outcome.schedule
        while len(self._schedules) > KEPT_SCHEDULES:
            self._schedules.popitem(last=False)
        return outcome.built


def _read(trace: Any, sketches: Mapping[str, int]) -> Program | Rejection:
    """The program of a trace, by the signatures of the design spaces."""
    try:
        index = sketches.get(traces.signature(trace))
        if index is not None:
            return Program(index, traces.decisions_of(trace))
    except (
        AttributeError,
        KeyError,
        IndexError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:  # a foreign one
        return Rejection(Why.REPLAY, f"the record cannot be read: {last_line(error)}")
    return Rejection(Why.REPLAY, "the record belongs to none of the design spaces")


class _Shown(Sequence[Any]):
    """The sketches of a task as members see them, read when one is looked at: a task may have hundreds."""

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        self._sketches = sketches

    def __len__(self) -> int:
        return len(self._sketches)

    def __getitem__(self, index: Any) -> Any:
        sketch = self._sketches[index]
        return sketch.shown(sketch.default)
