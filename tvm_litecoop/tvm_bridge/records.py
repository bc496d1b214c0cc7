"""TVM's database and the tree: each gets what the other lacks, and nothing is doubled."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop.search.events import Event, Measured
from tvm_litecoop.search.loop import Search
from tvm_litecoop.tvm_bridge.arguments import args_of
from tvm_litecoop.tvm_bridge.space import TvmSpace
from tvm_litecoop.values import Built, Measurement, Rejection
from tvm_litecoop.waiting import waiting

logger = logging.getLogger(__name__)

REJECTED = "rejected.json"
"""Records that were found wrong or slow, beside the database (`certify/aside.py`)."""
FAILED_S, STUB_S = 1e9, 1e10
"""TVM writes the second as the run time of a candidate that failed; what is above the first is such a mark."""


def folder_of(database: Any) -> Path | None:
    """Where the files of a database are; None for one without files."""
    if not isinstance(database, ms.database.JSONDatabase):
        return None
    return Path(str(database.path_tuning_record)).absolute().parent


def mean_seconds(run_secs: Any) -> float | None:
    """Mean run time in seconds; None where there is none, or only a mark of failure."""
    times = [float(s) for s in run_secs or ()]
    return sum(times) / len(times) if times and max(times) < FAILED_S else None


def measurement_of(node: int, run_secs: Any, error: str = "") -> Measurement:
    """What TVM tells of a candidate, as the search keeps it."""
    return Measurement(node, mean_seconds(run_secs), error, tuple(float(seconds) for seconds in run_secs or ()))


@dataclass(frozen=True)
class Records:
    """What a database holds of one task.

    Attributes:
        database: TVM's.
        mod: The untuned module.
        target: Run times of other targets say nothing about this one.
        space: Replays the records.
    """

    database: Any
    mod: Any
    target: Any
    space: TvmSpace

    def share(self, search: Search, past: Sequence[Event]) -> None:
        """Tell the search what it does not know, and write what the database does not have.

        Args:
            search: Of this task.
            past: What has happened in it before this process, if anything.
        """
        known = self._known()
        nodes = {node.built.key: node for node in search.tree.nodes}
        unknown: list[Measurement] = []
        earlier: list[tuple[Built, float]] = []
        for key, (built, run_secs) in known.items():
            node, seconds = nodes.get(key), mean_seconds(run_secs)
            if node is not None and (node.id or node.id in search.state.running):
                if not node.measured:
                    unknown.append(measurement_of(node.id, run_secs, "" if seconds else "failed earlier"))
            elif seconds and (node is None or not node.measured) and (node or key not in search.state.seen):
                earlier.append((built, seconds))
        search.recall(unknown)
        rejected = self._rejected()
        search.adopt(earlier, rejected - search.state.seen)
        there = known.keys() | rejected
        missing = [one for one in measured_in(past).values() if search.tree.nodes[one.node].built.key not in there]
        for one in missing:
            self._commit(search.tree.nodes[one.node].built, one)
        if missing:
            logger.warning("%d records of the unfinished run were not in the database: written now", len(missing))

    def _known(self) -> dict[int, tuple[Built, tuple[float, ...]]]:
        """Every program that has a record, by its key, with the run times of the fastest one."""
        if not self.database.has_workload(self.mod):
            return {}
        workload = self.database.commit_workload(self.mod)
        known: dict[int, tuple[Built, tuple[float, ...]]] = {}
        records = [one for one in self.database.get_all_tuning_records() if one.workload.same_as(workload)]
        for record, built in self._replayed(records):
            if isinstance(built, Built):
                run_secs = tuple(float(s) for s in record.run_secs or ())
                if built.key not in known or _seconds(run_secs) < _seconds(known[built.key][1]):
                    known[built.key] = built, run_secs
            else:
                logger.info("a record of the database is not used: %s", built)
        return known

    def _rejected(self) -> set[int]:
        """Keys of records that `litecoop verify --set-aside` took out."""
        folder = folder_of(self.database)
        file = folder / REJECTED if folder is not None else None
        if file is None or not file.exists() or not self.database.has_workload(self.mod):
            return set()
        workload, records = self.database.commit_workload(self.mod), []
        known_as = workload.as_json()[0]
        for line in file.read_text().splitlines():
            try:
                entry = json.loads(line)
                if entry.get("workload", known_as) == known_as:  # earlier versions did not note it
                    records.append(ms.database.TuningRecord.from_json(entry["record"][1], workload))
            except (AttributeError, KeyError, IndexError, RuntimeError, TypeError, ValueError):
                continue  # no line of ours
        return {built.key for _, built in self._replayed(records) if isinstance(built, Built)}

    def _replayed(self, records: Sequence[Any]) -> list[tuple[Any, Built | Rejection]]:
        """Those of this target, each with its program."""
        mine = [record for record in records if str(record.target) == str(self.target)]
        with waiting(f"reading {len(mine)} records of earlier runs"):
            return list(zip(mine, self.space.recorded([record.trace for record in mine]), strict=True))

    def _commit(self, built: Built, one: Measurement) -> None:
        workload = self.database.commit_workload(self.mod)
        schedule, run_secs = self.space.schedule(built.program), list(one.run_secs) or [STUB_S]
        record = ms.database.TuningRecord(schedule.trace, workload, run_secs, self.target, args_of(schedule.mod))
        self.database.commit_tuning_record(record)


def measured_in(past: Iterable[Event]) -> dict[int, Measurement]:
    """What was measured, by node."""
    results = [result.measurement for event in past if isinstance(event, Measured) for result in event.results]
    return {one.node: one for one in results}


def _seconds(run_secs: Sequence[float]) -> float:
    return mean_seconds(run_secs) or math.inf
