# %% [markdown]
"""# 01: a first tuning, by the command line

A kernel from start to end: tuned, checked, run again, taken home. Each call of `litecoop(...)` below is the command
of that name, made from Python so that this page can check what comes of it.
"""

# %%
import json
import runpy
import shutil
from pathlib import Path

from tvm_litecoop.cli import main

WORK = Path(__file__).parent / "work" / "01"
shutil.rmtree(WORK, ignore_errors=True)


def litecoop(*arguments: str) -> int:
    print("\n$ litecoop", *arguments, flush=True)
    return main(arguments)


# %% [markdown]
# ## Tune
#
# A matrix product of 128 x 128 matrices, eight programs measured. The members of the embedded pool take turns: `expert`
# proposes by rules, `mutator` at random, `surrogate` by what was learned. None needs a key or a network.
#
# In earnest one gives 64 trials or more. Ctrl-C keeps the best so far.

# %%
outcome = WORK / "outcome.json"
WORK.mkdir(parents=True)
code = litecoop("tune", "matmul:128x128x128", "--trials", "8", "--work-dir", str(WORK), "--json", str(outcome))
first = json.loads(outcome.read_text())

# The exit code is 0 for a correct kernel: the best record was built again and compared with the untuned program on
# ordinary and on nasty inputs.
assert code == 0
assert first["correct"] is True and first["trials"] == 8

# Every program that was measured has an author.
print({name: f"{one['trials']} programs, {one['hits']} hits" for name, one in first["members"].items()})
assert sum(one["trials"] for one in first["members"].values()) == 8

# %% [markdown]
# ## Again
#
# The work dir holds TVM's database and a journal. A second run takes the records over and adds to them; a run that was
# killed would be gone on with. `--fresh` starts over and keeps the old files beside the new ones.

# %%
litecoop("tune", "matmul:128x128x128", "--trials", "8", "--work-dir", str(WORK), "--json", str(outcome), "--quiet")
second = json.loads(outcome.read_text())
assert second["known"] == 8
assert len((WORK / "database_tuning_record.json").read_text().splitlines()) == 16

# %% [markdown]
# ## Take it home
#
# `eject` writes the certified kernel as Python that needs TVM alone: no database, no litecoop. Run as a script, the
# file checks itself against the untuned program and times both.

# %%
kernel = WORK / "kernel.py"
assert litecoop("eject", str(WORK), "-o", str(kernel)) == 0
assert "tvm_litecoop" not in kernel.read_text()
assert callable(runpy.run_path(str(kernel))["build"])
