"""The threads kernels run on, and where. Owns `TVM_NUM_THREADS` and `TVM_BIND_THREADS`.

Imports neither TVM nor anything that does.
"""

from __future__ import annotations

import os

from tvm_litecoop import cores
from tvm_litecoop.errors import ConfigError

VARIABLE, BINDING = "TVM_NUM_THREADS", "TVM_BIND_THREADS"


def use_physical_cores() -> int:
    """Let kernels run on every physical core, unless the user has said otherwise. Call before TVM is imported.

    TVM's runtime halves the processor count on x86 to leave hyper-threads out, also on machines that have none, so a
    two-core virtual machine would run every kernel on one core.

    It binds its threads to the first cores of the machine (`threading_backend.cc`, `SetAffinity`), whichever this
    process was given: what `taskset` keeps to core 3 would run on core 0, as everybody else's. So a process that was
    given some of the cores binds none.

    Returns:
        The number of threads kernels will use.

    Raises:
        ConfigError: The user has said what is no number.
    """
    if cores.confined():
        os.environ.setdefault(BINDING, "0")
    said = os.environ.setdefault(VARIABLE, str(cores.physical()))
    if not said.isdecimal() or int(said) < 1:
        raise ConfigError(f"{VARIABLE} is {said!r}", "set it to the number of physical cores, or unset it")
    return int(said)
