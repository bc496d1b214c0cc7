"""Facts of a target: vector width and cores from TVM, cache sizes from this machine where it is the target."""

from __future__ import annotations

import platform
import re
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import tvm
from tvm.target import Target, codegen

from tvm_litecoop import cores
from tvm_litecoop.nest import Machine

GPU_PROCESSORS = 100
"""Multiprocessors assumed of a GPU: TVM's targets do not say, and the order of magnitude is what the rules need."""

FAMILIES = ("avx", "avx2", "avx512f", "avx512bw", "avx512vbmi", "avx512vnni", "avx512bf16", "avx512fp16", "amx-tile")
"""Families of instructions that one CPU has and another has not."""
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64", "riscv64": "riscv64"}
"""By the names that systems and LLVM have for them. Of others nothing is said."""
GENERIC = "generic"
"""What LLVM calls a CPU that it does not know: nothing is known of its instructions then."""

_WARNED: list[bool] = []

CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
CPUINFO = Path("/proc/cpuinfo")
HIGHEST_KHZ = Path("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq")


def machine_of(target: Any, num_threads: int = 1) -> Machine:
    """The facts of a target that decide what a good loop nest is.

    Args:
        target: A TVM target.
        num_threads: Cores where the target does not say (`num-cores`).

    Cache sizes are those of this machine when the target is a CPU: tuning a remote CPU should pass its own `Machine`
    to the strategy. Where they cannot be read, the defaults of `Machine` stand.
    """
    kind = str(target.kind.name)
    attrs = dict(target.attrs)
    count = int(attrs.get("num-cores", 0)) or num_threads
    if kind != "llvm":
        shared = int(attrs.get("max_shared_memory_per_block", Machine.shared_bytes))
        return Machine(kind, GPU_PROCESSORS, shared_bytes=shared, max_threads=int(attrs.get("max_num_threads", 1024)))
    width, registers = _vectors(target)
    return Machine(kind, count, width, registers, ghz=_ghz(), **_cache_bytes(CACHES))


def warn_of_idle_cores(target: Any) -> None:
    """Warn, once, where kernels of this process run on other threads than the target has cores, or than it may use.

    TVM's runtime halves the processor count on x86, also on machines without hyper-threads, and knows nothing of a
    quota (`docker run --cpus`); what is measured then is not what the target promises. A target that does not name its
    cores is left alone, and one of another machine, whose kernels an `RPCRunner` times.
    """
    wanted, may = int(dict(target.attrs).get("num-cores", 0)), cores.usable()
    threads = int(tvm.get_global_func("runtime.NumThreads")())
    if target.kind.name != "llvm" or not wanted or threads == wanted <= may or _WARNED or lacking(target):
        return
    _WARNED.append(True)
    if threads == wanted:
        what = f"this process may use {may}; set TVM_NUM_THREADS={may} before TVM is imported, and num-cores={may}"
    else:
        what = (
            f"the target has {wanted} core(s); set TVM_NUM_THREADS={wanted} before TVM is imported, or the target's "
            f"num-cores to {threads}"
        )
    warnings.warn(
        f"kernels run on {threads} thread(s) in this process, but {what} (an RPCRunner times them elsewhere: ignore it "
        "then)",
        RuntimeWarning,
        stacklevel=2,
    )


def host_target() -> Any:
    """The host CPU with its real features: `llvm -keys=cpu -mcpu=<host> -num-cores=<physical>`."""
    mcpu = str(codegen.llvm_get_system_cpu())
    return Target({"kind": "llvm", "keys": ["cpu"], "mcpu": mcpu, "num-cores": cores.physical()})


def lacking(target: Any) -> str:
    """What code for a CPU needs and this machine lacks, so that it would end the process; empty where nothing."""
    if target.kind.name != "llvm":
        return ""
    attrs, has, host = dict(target.attrs), codegen.llvm_cpu_has_features, host_target()
    wanted, here = str(attrs.get("mtriple", "")).partition("-")[0], platform.machine().lower()
    if {wanted, here} <= ARCHITECTURES.keys() and ARCHITECTURES[wanted] != ARCHITECTURES[here]:
        return f"the instructions of {wanted}"
    if str(attrs.get("mcpu", GENERIC)) not in {GENERIC, *known_cpus(host)}:
        return f"the instructions of {attrs['mcpu']}"
    if dict(host.attrs).get("mcpu") == GENERIC or not {"mcpu", "mattr"} & attrs.keys():
        return ""
    return next((feature for feature in FAMILIES if has(feature, target) and not has(feature, host)), "")


def known_cpus(target: Any) -> set[str]:
    """The CPUs of a target's architecture that TVM's LLVM can make code for."""
    return {str(name) for name in tvm.get_global_func("target.llvm_get_cpu_archlist")(target)}


def _vectors(target: Any) -> tuple[int, int]:
    """Bytes of a vector register and how many there are, by the features the code is generated for."""
    if "mcpu" not in dict(target.attrs) and "mattr" not in dict(target.attrs):
        return 16, 16  # TVM generates for the baseline of the architecture, whatever this machine has
    for feature, width, registers in (("avx512f", 64, 32), ("avx", 32, 16), ("neon", 16, 32)):
        if codegen.llvm_cpu_has_features(feature, target):
            return width, registers
    return 16, 16


def _ghz() -> float:
    """Highest clock of the first core, to a tenth; 0 where it cannot be read.

    Where the system does not scale it, as in virtual machines, it is the one of `/proc/cpuinfo`; elsewhere that is the
    clock of the moment.
    """
    with suppress(OSError, ValueError):
        return round(float(HIGHEST_KHZ.read_text()) / 1e6, 1)
    with suppress(OSError):
        found = re.search(r"^cpu MHz\s*:\s*([0-9.]+)", CPUINFO.read_text(), re.MULTILINE)
        return round(float(found[1]) / 1e3, 1) if found else 0.0
    return 0.0


def _cache_bytes(folder: Path) -> dict[str, int]:
    """Data cache sizes by level as Linux reports them; empty elsewhere."""
    found: dict[str, int] = {}
    for index in sorted(folder.glob("index*")):
        try:
            kind, level, size = ((index / name).read_text().strip() for name in ("type", "level", "size"))
        except OSError:
            continue
        if kind in ("Data", "Unified") and size.endswith("K") and level in "123":
            found[f"l{level}_bytes"] = int(size[:-1]) * 1024
    return found
