"""TVM's own post-optimization, DropletSearch: a walk over neighbouring decisions, from the best record of a search.

`ms.tune_tir(..., post_optimization=True)` runs it after a search, as `PostOpt` does. Two things are different here.
Its builder gets `BUILD_LIMIT_S`: TVM's 10 s are over before a worker has loaded TVM on a small machine, and then every
candidate "fails" and the walk never leaves its start. And it measures as many candidates as the search did, at most
TVM's 100; trials and total seconds are added to those of the search.
"""

from __future__ import annotations

import random
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tvm_litecoop.tuning.outcome import Outcome

MOST_TRIALS = 100
BUILD_LIMIT_S = 60.0
FAILED_S = 1e3
"""DropletSearch says 1e4 or 1e10 s for a candidate that did not build or run."""


def improve(outcome: Outcome, target: Any) -> Outcome:
    """Go on from the best record of a work directory; what is found is added to its database.

    Args:
        outcome: Of the search that has just ended there.
        target: The search's.
    """
    import numpy as np
    from tvm.s_tir.meta_schedule.post_optimization import Droplet, get_time, write_file
    from tvm.s_tir.meta_schedule.post_optimization.utils import read_cfg_file

    random.seed(outcome.seed)  # it draws from the global generator whether vectorization and the like are replayed
    folder = Path(outcome.directory)
    records = str(folder / "database_tuning_record.json")
    curve, trials, failed = list(outcome.curve), outcome.trials, outcome.failed
    best_s, start = outcome.best_s or FAILED_S, time.perf_counter()
    for _, record, workload in read_cfg_file(records, str(folder / "database_workload.json")).values():
        log = folder / "droplet.log"
        walk = Droplet(record, workload, target, str(log))
        walk.space.run = partial(walk.space.run, timeout=BUILD_LIMIT_S)
        walk.trials = min(MOST_TRIALS, outcome.trials)
        walk.speculation()
        while walk.has_next() and walk.count < walk.trials:
            results = [float(np.mean(result)) for result in _batch(walk)]
            trials, failed = trials + len(results), failed + sum(s >= FAILED_S for s in results)
            best_s = min([best_s, *results])
            curve.append((trials, outcome.seconds["total"] + time.perf_counter() - start, best_s))
        write_file([get_time(str(log))[1]], records, "a")
        log.unlink()
    seconds = {**outcome.seconds, "total": outcome.seconds["total"] + time.perf_counter() - start}
    return replace(outcome, curve=curve, best_s=best_s, trials=trials, failed=failed, seconds=seconds)


def _batch(walk: Any) -> Any:
    """One step of `Droplet.tune`."""
    results = walk.next_batch(walk.batch)
    walk.update(results)
    return results
