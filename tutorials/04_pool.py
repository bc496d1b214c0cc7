# %% [markdown]
"""# 04: a pool with a remote and a local model

Language models act in the same tree as the free members, and are drawn by what they bring for their time and money.
"""

# %%
import os
import shutil
from pathlib import Path

import psutil

os.environ.setdefault("TVM_NUM_THREADS", str(psutil.cpu_count(logical=False) or 1))  # see tutorial 02

from tvm.s_tir import meta_schedule as ms

from litecoop_bench.simulated import members, models
from tvm_litecoop import LiteCoOpStrategy, ModelPool
from tvm_litecoop.cli import main
from tvm_litecoop.measure.tools import warm_tools
from tvm_litecoop.models import providers
from tvm_litecoop.models.budget import Limits
from tvm_litecoop.models.expert import Expert
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse

WORK = Path(__file__).parent / "work" / "04"
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)

# %% [markdown]
# ## A pool file
#
# This is what one writes. A remote member is any server that speaks OpenAI's protocol: OpenAI itself, vLLM, llama.cpp,
# Ollama, `transformers serve`. The file names the variable that holds the key, never the key.

# %%
weights = WORK / "smollm2"  # here: an empty folder in their place, which is enough to read the file
weights.mkdir()
POOL = f"""
[[member]]
name = "expert"
provider = "expert"

[[member]]
name = "qwen3-8b"
provider = "openai"
params = 8.2e9
model = "Qwen/Qwen3-8B"
base_url = "http://127.0.0.1:8000/v1"

[[member]]
name = "smollm2"
provider = "huggingface"
params = 135e6
path = "{weights}"

[budget]
usd = 0.05
"""
file = WORK / "pool.toml"
file.write_text(POOL)

# `pool show` reads the file and asks nobody. `pool check` would make one round trip to each member, and `pool audition`
# would ask each some twenty recorded questions and say what the answers are worth: do that before you pay for a run.
assert main(["pool", "show", str(file)]) == 0
assert list(ModelPool.from_toml(file).members) == ["expert", "qwen3-8b", "smollm2"]

# %% [markdown]
# ## A run
#
# No server and no key can be taken for granted here. So the remote member below is **SIMULATED**: a real HTTP server on
# loopback, asked through the real `openai` provider, whose answers are those of the expert or random edits, at made-up
# prices. It shows how a run behaves; it says nothing about any model.
#
# The local member is SmolLM2-135M, where `make setup-models` was run. It computes on the CPU that is being tuned, so a
# pool gives it a tenth of the time of a run (`slow_share`); this run is so short that it would never have a turn, hence
# the large share here.

# %%
simulated = models.load()[-1].model_copy(update={"latency_s": 0.2})
local = [member for member in providers.embedded() if member.profile.name == "smollm2"]
print(f"remote: {simulated.label}, SIMULATED")
print("local:", local[0].profile.name if local else "none, as it is not installed (make setup-models)")

workload = parse("matmul:128x128x128")
with members.pool([simulated]) as servers, warm_tools() as tools:
    pool = ModelPool([Expert(), *servers.members.values(), *local], Limits(usd=0.05), slow_share=100.0)
    database = ms.tune_tir(
        workload.mod,
        parse_target(None),
        work_dir=str(WORK / "logs"),
        max_trials_global=16,
        num_trials_per_iter=8,
        strategy=LiteCoOpStrategy(pool, seed=1),
        **tools,
    )

# %% [markdown]
# ## Who brought what, for how much
#
# `hits` are programs faster than the one they were made from. A member that brings none is drawn less and less often;
# when the budget is spent the free members go on alone.

# %%
for name, stats in pool.stats.items():
    print(
        f"{name}: {stats.calls} calls, {stats.proposals} proposals, {stats.refused} refused, {stats.hits} hits, "
        f"{stats.tokens_in + stats.tokens_out} tokens, ${stats.usd:.5f}, {stats.seconds:.1f} s"
    )
asked = [simulated.label, *(member.profile.name for member in local)]
assert all(pool.stats[name].calls >= 1 for name in asked)
assert pool.stats[simulated.label].tokens_out > 0
assert sum(stats.usd for stats in pool.stats.values()) <= 0.05
assert len(database) == 16
