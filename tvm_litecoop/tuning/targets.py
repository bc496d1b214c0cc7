"""The target a text names: a tag, a kind with options, or JSON."""

from __future__ import annotations

import json
import shlex
from typing import Any

from tvm.target import Target

from tvm_litecoop.errors import TargetError, last_line
from tvm_litecoop.tvm_bridge.machine import host_target, known_cpus, lacking

FORMS = (
    'leave it out for this machine, or give a tag ("nvidia/nvidia-a100"), a kind with options '
    '("llvm -mcpu=znver4 -num-cores=8"), or JSON ({"kind": "llvm", "mcpu": "znver4", "num-cores": 8})'
)


def parse_target(text: str | None) -> Any:
    """The TVM target a text names; the host CPU with its real features where there is none.

    Raises:
        TargetError: One line with the valid forms.
    """
    if not text:
        return host_target()
    try:
        target = Target(_as_json(text) if " " in text.strip() and not text.lstrip().startswith("{") else _loaded(text))
    except (ValueError, TypeError, RuntimeError) as error:
        raise TargetError(f"target {text!r}: {_reason(error)}", FORMS) from None
    cpu = dict(target.attrs).get("mcpu")
    if target.kind.name == "llvm" and cpu and cpu not in known_cpus(target):
        raise TargetError(f"target {text!r}: LLVM knows no CPU {str(cpu)!r}", "see llc -mcpu=help, or leave -mcpu out")
    if target.kind.name == "llvm" and "num-cores" not in dict(target.attrs):
        raise TargetError(f"target {text!r} does not say how many cores it has", "add -num-cores=N")
    return target


def check_executable(target: Any, text: str) -> None:
    """See that this machine can run what is made for a CPU; where it cannot, the process would end without a word.

    Args:
        target: What kernels are made for.
        text: How it was named, for the message.

    Raises:
        TargetError: A family of instructions is missing here.
    """
    if missing := lacking(target):
        raise TargetError(
            f"target {text!r} has {missing}, which this machine lacks, and kernels are run here", "leave --target out"
        )


def _loaded(text: str) -> Any:
    return json.loads(text) if text.lstrip().startswith("{") else text.strip()


def _as_json(text: str) -> dict[str, Any]:
    """`llvm -mcpu=x -num-cores=2` as the dictionary that TVM 0.26 and later want."""
    kind, *options = shlex.split(text)
    found: dict[str, Any] = {"kind": kind}
    for option in options:
        key, equals, value = option.lstrip("-").partition("=")
        if not option.startswith("-") or not equals:
            raise ValueError(f"{option!r} is not of the form -name=value")
        if key in ("keys", "mattr", "libs"):
            found[key] = value.split(",")
        else:
            found[key] = int(value) if value.isdigit() else value
    return found


def _reason(error: BaseException) -> str:
    return last_line(error).split(". Target creation")[0]
