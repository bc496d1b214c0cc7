# %% [markdown]
"""# 07: adding a workload

Your own kernel, named as `path.py:attribute`: a PrimFunc or an IRModule with one, written with `te` or in TVMScript.
The kernels of this page are in `kernels.py` beside it.
"""

# %%
import json
import runpy
import shutil
from pathlib import Path

import numpy as np

from tvm_litecoop.cli import main

HERE = Path(__file__).parent
WORK = HERE / "work" / "07"
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)

# %% [markdown]
# ## Tune both
#
# Shapes must be static, the arrays hold at most 4 GiB, and the last parameter counts as the output. No reference is
# needed: the untuned program itself is what the results are compared with.


# %%
def tuned(attribute: str) -> Path:
    """The winner as a Python file."""
    work, outcome, file = WORK / attribute, WORK / f"{attribute}.json", WORK / f"{attribute}.py"
    command = ["tune", f"{HERE / 'kernels.py'}:{attribute}", "--trials", "8", "--work-dir", str(work)]
    assert main([*command, "--json", str(outcome), "--quiet"]) == 0
    assert json.loads(outcome.read_text())["correct"] is True
    assert main(["eject", str(work), "-o", str(file)]) == 0
    return file


kernels = {attribute: runpy.run_path(str(tuned(attribute)))["build"]() for attribute in ("rms_norm", "swish")}

# %% [markdown]
# ## Against a reference of your own
#
# The check of `litecoop tune` says that the tuned program does what the untuned one does. Whether that is what you
# meant, only you can say:

# %%
import tvm

rng = np.random.default_rng(0)
x = rng.standard_normal((64, 256), dtype=np.float32)
scale = rng.standard_normal(256, dtype=np.float32)


def run(attribute: str, *given: np.ndarray) -> np.ndarray:
    out = tvm.runtime.tensor(np.zeros((64, 256), np.float32))
    kernels[attribute]["main"](*map(tvm.runtime.tensor, given), out)
    return out.numpy()


norm = x * scale / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)
np.testing.assert_allclose(run("rms_norm", x, scale), norm, rtol=1e-4, atol=1e-5)
np.testing.assert_allclose(run("swish", x), x / (1 + np.exp(-x)), rtol=1e-4, atol=1e-5)
print("both kernels are right")

# %% [markdown]
# ## Among the built-in ones
#
# A workload with a shape of its own on the command line, as `matmul:512x512x512`, is a `Family`: one file in
# `tvm_litecoop/workloads/` with the `te` definition and its numpy reference, and one entry in `registry.py`. The
# reference is then checked in every run. `tvm_litecoop/workloads/matmul.py` is the shortest to start from.

# %%
from tvm_litecoop.workloads import BUILTIN, parse

workload = parse("softmax:4x8")
arrays = workload.inputs(seed=1)
assert workload.reference is not None and workload.reference(arrays).shape == (4, 8)
print("built in:", ", ".join(BUILTIN))
