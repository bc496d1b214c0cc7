# %% [markdown]
"""# 03: a whole model

A Relax script as in "End-to-End Optimize Model" of TVM's documentation, with one changed line; then the same from a
file by the command line.
"""

# %%
import importlib.util
import json
import os
import shutil
from pathlib import Path

import psutil

os.environ.setdefault("TVM_NUM_THREADS", str(psutil.cpu_count(logical=False) or 1))  # see tutorial 02

import numpy as np
import tvm
from tvm import relax
from tvm.relax.frontend import nn

from tvm_litecoop.relax import static_shape_tuning_pipeline

WORK = Path(__file__).parent / "work" / "03"
shutil.rmtree(WORK, ignore_errors=True)
WORK.mkdir(parents=True)

# %% [markdown]
# ## A network
#
# Two layers, in Relax's own front end, so that this page needs no torch. `from_exported_program` and `from_onnx` give a
# module of the same kind.


# %%
class Net(nn.Module):
    def __init__(self):
        self.first = nn.Linear(64, 128, bias=False)
        self.second = nn.Linear(128, 64, bias=False)

    def forward(self, x):
        return self.second(nn.op.relu(self.first(x)))


mod, named = Net().export_tvm(spec={"forward": {"x": nn.spec.Tensor((32, 64), "float32")}})
rng = np.random.default_rng(0)
weights = {name: rng.standard_normal([int(n) for n in one.shape], dtype=np.float32) / 8 for name, one in named}
mod = relax.transform.BindParams("forward", {name: tvm.runtime.tensor(one) for name, one in weights.items()})(mod)

target = tvm.target.Target(
    {
        "kind": "llvm",
        "keys": ["cpu"],
        "mcpu": tvm.target.codegen.llvm_get_system_cpu(),
        "num-cores": int(os.environ["TVM_NUM_THREADS"]),
    }
)
TOTAL_TRIALS = 16

# %% [markdown]
# ## The line
#
# As it was:
#
# ```python
# mod = relax.get_pipeline("static_shape_tuning", target=target, total_trials=TOTAL_TRIALS)(mod)
# ```
#
# As it is. TVM's pipeline takes no strategy, so ours stands in its place, with the same passes around the tuning, and
# with the arguments of `relax.pipeline.static_shape_tuning_pipeline` (`cpu_weight_prepack` too). Kernels that cannot
# pay for their trials are left out.

# %%
tuned = static_shape_tuning_pipeline(target=target, total_trials=TOTAL_TRIALS, work_dir=str(WORK / "logs"))(mod)

machine = relax.VirtualMachine(tvm.compile(tuned, target), tvm.cpu())
x = rng.standard_normal((32, 64), dtype=np.float32)
y = machine["forward"](tvm.runtime.tensor(x)).numpy()

first, second = (weights[f"{name}.weight"] for name in ("first", "second"))
np.testing.assert_allclose(y, np.maximum(x @ first.T, 0) @ second.T, rtol=1e-4, atol=1e-4)
records = (WORK / "logs" / "database_tuning_record.json").read_text().splitlines()
assert 0 < len(records) <= TOTAL_TRIALS

# %% [markdown]
# ## From a file
#
# `litecoop tune` takes an ONNX file (or a `.pt2` of `torch.export`), checks the outputs against its framework, times
# the whole model before and after, and writes the compiled one, which `litecoop run` loads and times:
#
# ```sh
# litecoop tune model.onnx --trials 400 -o model.so
# litecoop run model.so
# ```

# %%
if importlib.util.find_spec("onnx"):
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from tvm_litecoop.cli import main

    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "w2"], ["y"]),
    ]
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, (32, 64))
    made = helper.make_tensor_value_info("y", TensorProto.FLOAT, (32, 64))
    held = [numpy_helper.from_array(one.T.copy(), name) for one, name in ((first, "w1"), (second, "w2"))]
    graph = helper.make_graph(nodes, "net", [given], [made], held)
    file = WORK / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), str(file))

    outcome = WORK / "outcome.json"
    command = ["tune", str(file), "--trials", "8", "--work-dir", str(WORK / "onnx"), "--json", str(outcome)]
    assert main([*command, "-o", str(WORK / "net.so")]) == 0
    assert json.loads(outcome.read_text())["correct"] is True
    assert main(["run", str(WORK / "net.so")]) == 0
else:
    print("onnx is not installed, so the second half is left out; pip install onnx onnxruntime")
