"""The winner of a task as plain TVM Python: the program, its schedule, its target, `build()` and a check."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tempfile
import textwrap
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import tvm
import tvm_ffi
from tvm.s_tir.meta_schedule.database import TuningRecord, Workload

from tvm_litecoop import atomic, fast_math
from tvm_litecoop.certify import kernels
from tvm_litecoop.certify.equality import RARE, tolerances
from tvm_litecoop.certify.program import Unsupported, facts
from tvm_litecoop.certify.records import Record, Task
from tvm_litecoop.certify.template import CHECK, FILE, HEADER, NO_CHECK
from tvm_litecoop.errors import LiteCoOpError, WorkDirError, last_line


def eject(task: Task, record: Record | None, file: Path) -> None:
    """Write a file that makes the schedule of a record again, and see that it does.

    Args:
        task: The workload and its target.
        record: None for the untuned program.
        file: Replaced where an earlier `eject` wrote it.

    Raises:
        WorkDirError: The file, or a temporary one, cannot be written; or it is somebody else's.
        LiteCoOpError: The record does not replay, or no text of it could be made that does.
    """
    try:
        schedule = kernels.schedule_of(task.workload, record.text) if record else None
    except Exception as error:  # what TVM raises at a foreign trace has no common type
        raise LiteCoOpError(
            f"record {record.line if record else 0} of task {task.number} does not replay: {last_line(error)}",
            "litecoop verify names one that does",
        ) from None
    mod = kernels.module_of(task.workload)
    wanted = int(tvm_ffi.structural_hash(schedule.mod if schedule is not None else mod))
    programs = [_script(mod), _json("Module", "tvm.ir.load_json", tvm.ir.save_json(mod))]
    schedules = _schedules(task, record) if record else ["    return Schedule(Module)\n"]
    for program in programs:  # the readable form first; TVMScript and traces in Python do not bear everything
        for statements in schedules:
            text = _text(task, record, mod, wanted, program, statements)
            if _gives(text) == wanted:
                return _write(file, text)
    raise LiteCoOpError(f"task {task.number} cannot be written as Python", "report it with the work dir")


def _text(task: Task, record: Record | None, mod: Any, wanted: int, program: str, statements: str) -> str:
    target, fast = json.loads(task.target), ""
    if fast_math.asked(tuned_for := kernels.target_of(task.target)):
        target = json.loads(str(fast_math.plain(tuned_for)))
        fast = ", tuned with fast math, which TVM alone does not have"
    cores = target.get("num-cores") if isinstance(target, dict) else None
    which = f"record {record.line}, {record.seconds * 1e3:.4g} ms as recorded" if record else "the untuned program"
    try:
        check = _check(mod) if task.kind == "llvm" else NO_CHECK
    except Unsupported:
        check = NO_CHECK
    fields = {
        "HEADER": HEADER,
        "TITLE": task.title,
        "WHICH": which + fast,
        "VERSION": tvm.__version__,
        "THREADS": f'os.environ.setdefault("TVM_NUM_THREADS", "{cores}")' if cores else "",
        "TARGET": repr(target),
        "HASH": str(wanted),
        "PROGRAM": program,
        "SCHEDULE": statements,
        "CHECK": check,
        "INTRINSICS": "import tvm.s_tir.tensor_intrin  # noqa: F401\n" if record and "ensorize" in record.text else "",
    }
    return re.sub(r"@(\w+)@", lambda found: fields[found[1]], FILE)


def _check(mod: Any) -> str:
    program = facts(mod)
    rounded = RARE if program.floats else 0.0
    fields = {
        "ARGUMENTS": repr([(list(shape), kind) for shape, kind in program.arguments]),
        "OUTPUTS": repr(list(program.outputs)),
        "TOLERANCES": repr([(one.rtol, one.atol, 0.0 if one.rtol else rounded) for one in tolerances(program)]),
        "INDICES": "0" if program.single_row else "0 and 1",
        "END": "1" if program.single_row else "2",
    }
    return re.sub(r"@(\w+)@", lambda found: fields[found[1]], CHECK)


def _script(mod: Any) -> str:
    """TVMScript with the imports that it names in comments."""
    lines = mod.script(name="Module").splitlines()
    body = "\n".join(line for line in lines if not line.startswith("# from")).strip()
    imports = [line[2:] for line in lines if line.startswith("# from")]
    used = [line for line in imports if re.search(rf"\b{line.split()[-1]}\b", body)]
    return "\n".join(used) + "\n\n\n" + body


def _schedules(task: Task, record: Record) -> list[str]:
    entry = Workload.from_json(json.loads(task.workload))
    trace = TuningRecord.from_json(json.loads(record.text)[1], entry).trace
    statements = "\n".join(["sch = Schedule(Module)", *map(str, trace.as_python()), "return sch"])
    replayed = "\n".join(
        ["sch = Schedule(Module)", "Trace.apply_json_to_schedule(json.loads(TRACE), sch)", "return sch"]
    )
    text = json.dumps(json.loads(record.text)[1][0])
    constant = f"\n\nTRACE = {_quoted(text)}\n"
    return [textwrap.indent(statements, "    ") + "\n", textwrap.indent(replayed, "    ") + "\n" + constant]


def _json(name: str, function: str, text: str) -> str:
    return f"{name} = {function}({_quoted(text)})"


def _quoted(text: str) -> str:
    """A string literal on lines that an editor can show."""
    parts = textwrap.wrap(text, 100, break_on_hyphens=False, drop_whitespace=False, replace_whitespace=False)
    return "(\n" + "".join(f"    {part!r}\n" for part in parts) + ")"


def _write(file: Path, text: str) -> None:
    try:
        if file.exists() and not file.read_text(errors="replace").startswith(HEADER):
            raise WorkDirError(f"{file} is there and not of litecoop eject", "choose another file with -o")
        file.parent.mkdir(parents=True, exist_ok=True)
        atomic.replace(file, text.encode())
    except OSError as error:
        raise WorkDirError(f"{file} cannot be written: {error.strerror}", "choose another place with -o") from None


def _gives(text: str) -> int | None:
    """The structural hash of what a file of this text schedules; None where it fails."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="litecoop-"))
            draft = Path(folder) / "ejected.py"  # TVMScript reads its source from a file
            draft.write_text(text)
        except OSError as error:
            raise WorkDirError(f"no temporary file can be written: {error.strerror}", "set TMPDIR") from None
        spec = importlib.util.spec_from_file_location("_litecoop_ejected", draft)
        assert spec is not None and spec.loader is not None, draft  # the name ends in .py, so there is a loader
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # TVMScript finds the file by it
        try:
            spec.loader.exec_module(module)
            return int(tvm_ffi.structural_hash(module.schedule().mod))
        except Exception:  # TVM's printer and parser do not agree on everything; the next form is tried
            return None
        finally:
            del sys.modules[spec.name]
