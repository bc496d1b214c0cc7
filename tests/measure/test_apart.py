"""Where the thread that calls kernels may run while one is timed, in a fresh process with two of TVM's threads."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")

SEEN = """
import os, tvm
from tvm_litecoop.measure.apart import apart, bound
tvm.runtime.num_threads()
before, others = os.sched_getaffinity(0), bound()
with apart():
    inside = os.sched_getaffinity(0)
print(len(others), bool(inside & others), inside == before, os.sched_getaffinity(0) == before)
"""


def seen(**variables: str) -> list[str]:
    environment = {**os.environ, "TVM_NUM_THREADS": "2", **variables}
    return subprocess.run([sys.executable, "-c", SEEN], env=environment, capture_output=True, text=True).stdout.split()


@pytest.mark.usefixtures("whole_machine")
def test_the_calling_thread_leaves_the_core_of_the_other_and_is_free_again_afterwards() -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two cores")
    assert seen() == ["1", "False", "False", "True"]


@pytest.mark.usefixtures("whole_machine")
def test_where_no_thread_is_bound_nothing_changes() -> None:
    assert seen(TVM_BIND_THREADS="0") == ["0", "False", "True", "True"]
