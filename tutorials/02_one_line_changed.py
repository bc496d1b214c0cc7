# %% [markdown]
"""# 02: an existing script, one line changed

A MetaSchedule script as TVM's own documentation has them, with TVM's own builder, runner, cost model and
database. One argument changes.
"""

# %%
import os
import shutil
from pathlib import Path

import psutil

# TVM's runtime takes half of the processors of an x86 machine, to leave hyper-threads out; machines without them then
# run every kernel on half of their cores. It reads this once, when it is imported.
os.environ.setdefault("TVM_NUM_THREADS", str(psutil.cpu_count(logical=False) or 1))

import numpy as np
import tvm
from tvm.s_tir import meta_schedule as ms
from tvm.script import ir as I
from tvm.script import tirx as T

from tvm_litecoop import LiteCoOpStrategy

WORK = Path(__file__).parent / "work" / "02"
shutil.rmtree(WORK, ignore_errors=True)

# %% [markdown]
# ## The script
#
# A program in TVMScript. The attribute `tirx.noalias` is needed in any such program, whatever the search, or TVM's
# `compile_tir` does not find its records.


# %%
@I.ir_module
class MyModule:
    @T.prim_func(s_tir=True)
    def main(
        A: T.Buffer((64, 64), "float32"),
        B: T.Buffer((64, 64), "float32"),
        C: T.Buffer((64, 64), "float32"),
    ):
        T.func_attr({"tirx.noalias": True})
        for i, j, k in T.grid(64, 64, 64):
            with T.sblock("C"):
                vi, vj, vk = T.axis.remap("SSR", [i, j, k])
                with T.init():
                    C[vi, vj] = T.float32(0)
                C[vi, vj] = C[vi, vj] + A[vi, vk] * B[vk, vj]


target = tvm.target.Target(
    {
        "kind": "llvm",
        "keys": ["cpu"],
        "mcpu": tvm.target.codegen.llvm_get_system_cpu(),
        "num-cores": int(os.environ["TVM_NUM_THREADS"]),
    }
)

# TVM's default is 30 s for a build, the start of its process included, which a busy machine may not manage.
builder = ms.builder.LocalBuilder(timeout_sec=300)

# %% [markdown]
# As it was:
#
# ```python
# database = ms.tune_tir(
#     mod=MyModule, target=target, max_trials_global=8, work_dir="work", builder=builder
# )
# ```
#
# As it is. Nothing before and nothing after this call changes:

# %%
database = ms.tune_tir(
    mod=MyModule,
    target=target,
    max_trials_global=8,
    work_dir=str(WORK),
    builder=builder,
    strategy=(strategy := LiteCoOpStrategy()),  # the line
)

schedule = ms.tir_integration.compile_tir(database, MyModule, target)
kernel = tvm.compile(schedule.mod, target)

# %% [markdown]
# ## The same results, in the same places
#
# The database is TVM's, with TVM's records. What the strategy knows beside it is who brought what.

# %%
rng = np.random.default_rng(0)
a, b = (rng.standard_normal((64, 64), dtype=np.float32) for _ in range(2))
c = tvm.runtime.tensor(np.zeros((64, 64), np.float32))
kernel["main"](tvm.runtime.tensor(a), tvm.runtime.tensor(b), c)
np.testing.assert_allclose(c.numpy(), a @ b, rtol=1e-4, atol=1e-4)

for name, stats in strategy.pool.stats.items():
    print(f"{name}: {stats.trials} programs measured, {stats.hits} of them hits")

assert len(database) == 8
assert sum(stats.trials for stats in strategy.pool.stats.values()) == 8

# %% [markdown]
# ## Where the time goes
#
# Most of the wall time above is TVM's builder, which starts processes for every batch, each of which imports
# TVM. `tvm_litecoop.measure` has a builder and a runner that keep theirs, for any strategy, TVM's own included; see
# "In a TVM script" in the README. `litecoop tune` and `tvm_litecoop.relax` use them.
