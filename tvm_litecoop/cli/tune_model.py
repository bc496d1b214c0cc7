"""`litecoop tune model.onnx`: a whole model, tuned, certified, compiled and compared. Owns what is printed of it."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tvm_litecoop.cli.files import as_text, write
from tvm_litecoop.cli.screen import Screen
from tvm_litecoop.errors import TargetError
from tvm_litecoop.models.pool import Pool
from tvm_litecoop.tuning.request import Request

if TYPE_CHECKING:
    from tvm_litecoop.tuning.model_outcome import ModelOutcome


@dataclass(frozen=True)
class Wanted:
    """What is to come of it.

    Attributes:
        output: Where the compiled model goes; None for nowhere.
        json_file: Where the outcome goes; None for nowhere.
        packed: Whether weights are packed in advance.
    """

    output: Path | None
    json_file: Path | None
    packed: bool = True


def run_all(requests: list[Request], model: Any, target: Any, pool: Pool | None, wanted: Wanted, screen: Screen) -> int:
    """Tune with each strategy, the last one first, certify and compile, compare and time together, print and write.

    Returns:
        0 where the outputs are right and no record that was tried is wrong; else 1, and no model is written where
        outputs are wrong.

    Raises:
        TargetError: The target is no CPU.
    """
    if target.kind.name != "llvm":
        raise TargetError(f"whole models are compiled for CPUs, not for {target.kind.name}", "leave --target out")
    from tvm_litecoop.tuning import arithmetic, artifact, model_check, model_session, model_tables, yardstick

    began = time.monotonic()
    screen.note(f"{model.spec}: {', '.join(map(str, model.inputs))}; timing its untuned kernels")
    with screen.logging():
        right = yardstick.measured_by(model, target, screen.note)
        mod, tasks = model_session.prepared(model, target, requests[-1], packed=wanted.packed)
    for line in model_tables.chosen(tasks):
        screen.note(line)
    outcomes: list[ModelOutcome] = []
    for request in reversed(requests):
        with screen.display() as display:
            outcomes.insert(0, model_session.run(request, tasks, arithmetic.of(request, target), display, pool))
        if outcomes[0].interrupted:
            screen.say("interrupted; going on with the best so far")
            break
    try:
        executable = model_check.finish(outcomes, model, mod, tasks, right, screen.note)
    except KeyboardInterrupt:
        again = "--trials 0 and without --fresh" if requests[-1].fresh else "--trials 0"
        screen.say(f"stopped before the model was compiled: the same command with {again} compiles what was found")
        raise
    for part in model_tables.shown(outcomes, requests[0].trials):
        screen.console.print(part, highlight=False, soft_wrap=isinstance(part, str))
    tuning_s, all_s = sum(outcome.seconds.get("total", 0.0) for outcome in outcomes), time.monotonic() - began
    screen.say(f"{all_s:.0f} s in all, {tuning_s:.0f} s of them tuning; the rest is timing and checking")
    screen.page_of(outcomes[-1])
    try:
        if executable is None:
            screen.say("the outputs are wrong: no model is written" if wanted.output else "the outputs are wrong")
        elif wanted.output is not None:
            artifact.write(executable, wanted.output)
            screen.say(
                f"{wanted.output}: the compiled model; time it with: litecoop run {shlex.quote(str(wanted.output))}"
            )
    finally:  # a model that cannot be written is made again by `--trials 0`, what the run was like is not
        if wanted.json_file is not None:
            write(wanted.json_file, as_text(outcomes, several=len(requests) > 1))
    return int(executable is None or outcomes[-1].harmful > 0)
