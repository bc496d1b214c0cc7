"""What a library makes of the same function: torch (MKL, oneDNN) on the same arrays, as a pseudo-arm of the re-timing.

One callable for each family of workloads, eager and out of the box, as a caller of torch gets it. In the library's
favour: weights of convolutions are brought into its order beforehand, and products write into an array that is there,
as TVM's kernels do; the other functions have no such form and allocate. Its calls go through Python, some
microseconds each. torch is optional: without it the pseudo-arm says so.
"""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tvm_litecoop.certify.kernels import REPEAT_MS, REPEATS, Timer
from tvm_litecoop.tuning.threads import VARIABLE
from tvm_litecoop.workloads import BUILTIN, Workload
from tvm_litecoop.workloads.rowwise import LAYERNORM_EPS
from tvm_litecoop.workloads.shape import read

Call = Callable[[], Any]

ASLEEP_S = 0.3
"""TVM's threads look for work for some tenths of a second after a kernel, each on its core; the library's would share
those."""


@dataclass(frozen=True)
class Library:
    """A function of torch, bound to its inputs.

    Attributes:
        name: The library and its version.
        call: Computes the workload's output.
    """

    name: str
    call: Call

    def timer(self) -> Timer:
        """As TVM's `time_evaluator` is used for kernels: a run to warm up, then the fastest of some stretches.

        TVM's threads fall asleep before each, or their spinning is taken for the library's slowness.
        """
        time.sleep(ASLEEP_S)
        self.call()  # whatever is set up once
        once = min(_seconds(self.call, 1) for _ in range(REPEATS))
        number = max(1, math.ceil(REPEAT_MS / 1e3 / once))
        repeats = 1 if number == 1 else REPEATS

        def timed() -> float:
            time.sleep(ASLEEP_S)
            self.call()
            return min(_seconds(self.call, number) for _ in range(repeats))

        return timed


def bind(workload: Workload, inputs: Sequence[Any]) -> Library | str:
    """The library's function for a workload on these inputs, on as many threads as TVM's kernels; or why there is none.

    Args:
        workload: A built-in one, or a user's, for which there is none.
        inputs: As `Workload.inputs` gives them; copied.
    """
    family, _, shape = workload.spec.partition(":")
    if family not in CALLS:
        return "no counterpart"
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        return "torch is not installed"
    except OSError as error:
        return f"torch cannot be loaded: {error}"
    torch.set_num_threads(int(os.environ[VARIABLE]))
    tensors = [torch.from_numpy(array).clone() for array in inputs]
    call = CALLS[family](torch, read(BUILTIN[family].form, shape), *tensors)

    def without_gradients() -> Any:
        with torch.inference_mode():
            return call()

    return Library(f"torch {torch.__version__}", without_gradients)


def _seconds(call: Call, number: int) -> float:
    start = time.perf_counter()
    for _ in range(number):
        call()
    return (time.perf_counter() - start) / number


def _product(torch: Any, extents: Mapping[str, int], a: Any, b: Any) -> Call:
    out = torch.empty(*a.shape[:-1], b.shape[-1])
    return lambda: torch.matmul(a, b, out=out)


def _conv2d(torch: Any, extents: Mapping[str, int], data: Any, weight: Any) -> Call:
    return _convolution(torch, extents, data, weight.permute(3, 2, 0, 1), groups=1)


def _depthwise(torch: Any, extents: Mapping[str, int], data: Any, weight: Any) -> Call:
    return _convolution(torch, extents, data, weight.permute(2, 0, 1).unsqueeze(1), groups=extents["c"])


def _convolution(torch: Any, extents: Mapping[str, int], data: Any, weight: Any, groups: int) -> Call:
    """NHWC arrays are torch's `channels_last`: no data are moved."""
    data, weight = data.permute(0, 3, 1, 2), weight.contiguous(memory_format=torch.channels_last)
    same = ((extents["kh"] - 1) // 2, (extents["kw"] - 1) // 2)
    pad = (extents["pad"], extents["pad"]) if "pad" in extents else same
    conv, stride = torch.nn.functional.conv2d, extents.get("stride", 1)
    return lambda: conv(data, weight, stride=stride, padding=pad, groups=groups).permute(0, 2, 3, 1)


def _attention(torch: Any, extents: Mapping[str, int], q: Any, k: Any, v: Any) -> Call:
    q, k, v = (tensor.unsqueeze(0) for tensor in (q, k, v))
    return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v)[0]


def _mlp(torch: Any, extents: Mapping[str, int], x: Any, w_gate: Any, w_up: Any, w_down: Any) -> Call:
    return lambda: (torch.nn.functional.silu(x @ w_gate) * (x @ w_up)) @ w_down


def _moe(torch: Any, extents: Mapping[str, int], x: Any, w_gate: Any, w_up: Any, w_down: Any, route: Any) -> Call:
    mlp = _mlp(torch, extents, x, w_gate, w_up, w_down)
    return lambda: mlp() * route.unsqueeze(-1)


def _softmax(torch: Any, extents: Mapping[str, int], x: Any) -> Call:
    return lambda: torch.softmax(x, dim=1)


def _layernorm(torch: Any, extents: Mapping[str, int], x: Any, gamma: Any, beta: Any) -> Call:
    return lambda: torch.nn.functional.layer_norm(x, gamma.shape, gamma, beta, LAYERNORM_EPS)


def _add(torch: Any, extents: Mapping[str, int], a: Any, b: Any) -> Call:
    out = torch.empty_like(a)
    return lambda: torch.add(a, b, out=out)


CALLS: dict[str, Callable[..., Call]] = {
    "matmul": _product,
    "batch_matmul": _product,
    "conv2d": _conv2d,
    "depthwise": _depthwise,
    "attention": _attention,
    "mlp": _mlp,
    "moe": _moe,
    "softmax": _softmax,
    "layernorm": _layernorm,
    "add": _add,
}
"""Family -> (torch, the numbers of the shape, the inputs as tensors) -> the call."""
