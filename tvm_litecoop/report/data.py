"""All that the page shows, as one JSON object. Read from the journal; the database and the certificate add to it."""

from __future__ import annotations

import datetime
import json
import shlex
import time
from pathlib import Path
from typing import Any

from tvm_litecoop._version import __version__
from tvm_litecoop.errors import WorkDirError
from tvm_litecoop.journal.record import Record, Run, read_run
from tvm_litecoop.models.books import Books
from tvm_litecoop.models.stats import MemberStats
from tvm_litecoop.report import lift
from tvm_litecoop.report.kernels import Kernel, Kernels
from tvm_litecoop.report.story import Story
from tvm_litecoop.report.tree import columns


def collect(folder: Path, number: int = 0) -> dict[str, Any]:
    """What is known of a run.

    Args:
        folder: Its work directory.
        number: Of the run in the journal; 0 for the newest.

    Raises:
        WorkDirError: There is no journal, one that cannot be read, or no such run in it.
    """
    run = read_run(folder, number)
    records = [record for record in run.records if record.events]
    if not records:
        raise WorkDirError(f"run {run.number} in {str(folder)!r} has not begun to search", "try again in a moment")
    params = {name: size for record in records for name, size in record.params.items()}
    books = Books(params)
    stories = [Story(record, books) for record in records]
    kernels = Kernels(folder)
    return {
        "litecoop": __version__,
        "read": _moment(time.time()),
        "work_dir": folder.resolve().name,
        "run": _run(run),
        "again": _again(run, folder.resolve().name),
        "members": _members(books, params, stories),
        "seconds": _seconds(books, stories),
        "tasks": [_task(one, story, kernels.of(one.identity)) for one, story in zip(records, stories, strict=True)],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "begun": _moment(run.begun.get(run.number, 0.0)),
        "ended": all(record.ended for record in run.records),
        "others": [[number, _moment(begun)] for number, begun in run.begun.items() if number != run.number],
    }


def _again(run: Run, name: str) -> list[list[str]]:
    """What is asked for -> the command; `replay` takes the newest run alone."""
    newest, place = run.number == max(run.begun, default=run.number), shlex.quote(name)
    return [
        *([["again, recorded", f"litecoop replay {place}"]] if newest else []),
        ["as Python", f"litecoop eject {place}"],
    ]


def _moment(seconds: float) -> str:
    """A moment as ISO 8601; empty where it is not known."""
    if not seconds:
        return ""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="seconds")


def _members(books: Books, params: dict[str, float], stories: list[Story]) -> list[dict[str, Any]]:
    """A row for each account, those of the pool first."""
    paid = set().union(*(story.paid for story in stories))
    free = [stats for name, stats in books.stats.items() if stats.calls and name not in paid]
    return [
        {
            "name": name,
            "params": params.get(name),
            "free": bool(stats.calls) and name not in paid,
            "lift": lift.lift(stats, free) if name in paid else None,
            **stats.as_json(),
        }
        for name, stats in books.stats.items()
    ]


def _seconds(books: Books, stories: list[Story]) -> dict[str, float]:
    """Where the time went: tasks take turns on one clock."""
    stats: list[MemberStats] = list(books.stats.values())
    total, measuring = max(story.end_s for story in stories), sum(story.measuring_s for story in stories)
    waiting = sum(one.blocked_s for one in stats)
    return {
        "total": total,
        "measuring": measuring,
        "waiting": waiting,
        "search": max(0.0, total - measuring - waiting),
        "model": sum(one.seconds for one in stats),
        "hidden": books.hidden_s,
    }


def _task(record: Record, story: Story, kernel: Kernel) -> dict[str, Any]:
    state = story.state
    return {
        **vars(kernel),
        "identity": record.identity,
        "ended": record.ended,
        "seed": record.seed,
        "facts": {name: _plain(text) for name, text in record.facts.items()},
        "trials": state.trials,
        "failed": sum(point.seconds is None for point in story.points),
        "steps": state.steps,
        "escalations": state.escalations,
        "trusted": state.trust.trusted,
        "backup": record.config.backup,
        "best": state.tree.best.id if state.tree.best else None,
        "points": [
            [point.node, round(point.at_s, 3), None if point.seconds is None else point.seconds * 1e3]
            for point in story.points
        ],
        "tree": columns(story, record.config.backup == "max"),
    }


def _plain(text: str) -> Any:
    """A fact, which may be JSON."""
    try:
        return json.loads(text) if text.startswith("{") else text
    except ValueError:
        return text
