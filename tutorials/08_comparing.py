# %% [markdown]
"""# 08: comparing searches honestly

Which of two searches is better? One run of each says next to nothing: the machine drifts, the seeds differ, and the
best of many noisy times is a lucky one. `litecoop bench` is made so that it can be believed, and says how far.
"""

# %%
import json
import shutil
from pathlib import Path

from tvm_litecoop.cli import main

WORK = Path(__file__).parent / "work" / "08"
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)

# %% [markdown]
# ## A grid
#
# Every workload x arm x seed is a cell. The first arm is the baseline. `evolutionary-warm` is TVM's own search with our
# builder and runner: then the searches are all that differs, each with batches of its own size (TVM's are of 64).
# Against `evolutionary`, with TVM's default builder and runner, tuning times differ by the tools as well, which is a
# question of its own.

# %%
GRID = """
workloads = ["matmul:64x64x64"]
arms = ["evolutionary-warm", "litecoop"]
trials = 8
seeds = [1, 2]
"""
grid = WORK / "grid.toml"
grid.write_text(GRID)
out = WORK / "out"
code = main(["bench", str(grid), "--out", str(out)])

# %% [markdown]
# ## Why so
#
# - **Interleaved.** The arms of one seed run right after each other, so that a machine that gets slower in an hour does
#   so to all of them.
# - **A process for each cell**, a work dir of its own: no arm profits from what another has left behind.
# - **The same trials**, so that neither is better for having measured more.
# - **Timed again.** The time of a winner was chosen for being low, so it is too low. At the end the kernels of all
#   cells are checked for right results and timed together, in turns; these are the times in the table.
# - **Ratios, with intervals.** The table has the geometric mean of the ratios to the baseline and its bootstrap
#   interval over the seeds. If it holds 1, nothing was shown. Two seeds, as here, show nothing in any case: take at
#   least three, and several workloads.
# - **Wrong kernels count as failed**, not as fast.
#
# A long benchmark can be interrupted: the same command runs the cells that are missing, and times all kernels again.

# %%
cells = [json.loads(line) for line in (out / "cells.jsonl").read_text().splitlines()]
assert [(cell["arm"], cell["seed"]) for cell in cells] == [
    ("evolutionary-warm", 1),
    ("litecoop", 1),
    ("evolutionary-warm", 2),
    ("litecoop", 2),
]
assert all(cell["trials"] == 8 for cell in cells)
table = (out / "table.md").read_text()
assert "geometric mean" in table and "[" in table
assert code == 0  # every cell ran, and every kernel is right
