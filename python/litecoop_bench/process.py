"""A job in a process of its own, `python -m MODULE JOB`: JSON in, JSON out on the last line of standard output."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any


def ask(module: str, job: Mapping[str, Any], limit_s: float) -> dict[str, Any]:
    """What the process answers; `error` alone where it failed, crashed or took too long.

    Ctrl-C ends the process too.
    """
    command = [sys.executable, "-m", module, json.dumps(job)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"stopped after {limit_s:.0f} s"}
    if done.returncode < 0:
        return {"error": f"ended by signal {-done.returncode} ({signal.strsignal(-done.returncode)})"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"exit code {done.returncode}"}
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        return {"error": f"no answer, but {done.stdout[-80:]!r}"}
    return answer


def job() -> dict[str, Any]:
    """What this process is asked."""
    asked: dict[str, Any] = json.loads(sys.argv[1])
    return asked


def answer(found: Mapping[str, Any]) -> None:
    """Say it; nothing may be printed afterwards."""
    print(json.dumps(found), flush=True)
