"""Two-dimensional convolutions in NHWC: `conv2d` and `depthwise`, with stride and zero padding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from tvm import te, tirx

from ..errors import WorkloadError
from .base import Array, Workload, dot_atol, from_te
from .family import Family


def conv2d(
    n: int, h: int, w: int, c: int, kh: int, kw: int, f: int, stride: int = 1, pad: int | None = None
) -> Workload:
    """Convolution [n, h, w, c] * [kh, kw, c, f] -> [n, oh, ow, f], float32.

    Args:
        n: Images.
        h: Rows of an image.
        w: Columns of an image.
        c: Channels in.
        kh: Rows of the kernel.
        kw: Columns of the kernel.
        f: Channels out.
        stride: Step of the kernel in both directions, in pixels.
        pad: Zeros added on every side, in pixels; by default (k - 1) // 2 for each direction, which keeps
            the size at stride 1 for odd kernels.

    Raises:
        WorkloadError: The stride is 0, the kernel is larger than the padded image, or the arrays are too
            large.
    """
    window = _window("conv2d", h, w, kh, kw, stride, pad)
    spec = f"conv2d:{n}x{h}x{w}x{c},{kh}x{kw},{f}{window.options}"
    data = te.placeholder((n, h, w, c), name="data")
    weight = te.placeholder((kh, kw, c, f), name="weight")
    padded = _padded(data, window)
    rh, rw, rc = (te.reduce_axis((0, e), name=s) for e, s in ((kh, "kh"), (kw, "kw"), (c, "c")))
    out = te.compute(
        (n, *window.out, f),
        lambda b, y, x, o: te.sum(
            padded[b, y * stride + rh, x * stride + rw, rc] * weight[rh, rw, rc, o], axis=[rh, rw, rc]
        ),
        name="conv2d",
    )
    terms = kh * kw * c
    reference = partial(_reference, window=window, depthwise=False)
    scales = (1.0, terms**-0.5)
    return from_te(spec, [data, weight, out], reference=reference, scales=scales, atol=dot_atol(terms))


def depthwise(n: int, h: int, w: int, c: int, kh: int, kw: int, stride: int = 1, pad: int | None = None) -> Workload:
    """Convolution of each channel by itself, [n, h, w, c] * [kh, kw, c] -> [n, oh, ow, c], float32.

    Arguments and errors as of `conv2d`.
    """
    window = _window("depthwise", h, w, kh, kw, stride, pad)
    spec = f"depthwise:{n}x{h}x{w}x{c},{kh}x{kw}{window.options}"
    data = te.placeholder((n, h, w, c), name="data")
    weight = te.placeholder((kh, kw, c), name="weight")
    padded = _padded(data, window)
    rh, rw = te.reduce_axis((0, kh), name="kh"), te.reduce_axis((0, kw), name="kw")
    out = te.compute(
        (n, *window.out, c),
        lambda b, y, x, ch: te.sum(padded[b, y * stride + rh, x * stride + rw, ch] * weight[rh, rw, ch], axis=[rh, rw]),
        name="depthwise",
    )
    reference = partial(_reference, window=window, depthwise=True)
    scales = (1.0, (kh * kw) ** -0.5)
    return from_te(spec, [data, weight, out], reference=reference, scales=scales, atol=dot_atol(kh * kw))


@dataclass(frozen=True)
class _Window:
    """Where the kernel goes: (rows, columns) of padding and of output, and the spec's options that say so."""

    stride: int
    pad: tuple[int, int]
    out: tuple[int, int]
    options: str


def _window(name: str, h: int, w: int, kh: int, kw: int, stride: int, pad: int | None) -> _Window:
    if stride < 1:
        raise WorkloadError(f"{name}: STRIDE is {stride}, it must be 1 or more", "leave ,s out for a stride of 1")
    same = ((kh - 1) // 2, (kw - 1) // 2)
    pads = same if pad is None else (pad, pad)
    spare = (h + 2 * pads[0] - kh, w + 2 * pads[1] - kw)
    if min(spare) < 0:
        raise WorkloadError(
            f"{name}: the kernel {kh}x{kw} is larger than the image {h}x{w} padded by {pads[0]}x{pads[1]}",
            "choose a larger image or padding, or a smaller kernel",
        )
    options = (f",s{stride}" if stride != 1 else "") + (f",p{pad}" if pads != same else "")
    return _Window(stride, pads, (spare[0] // stride + 1, spare[1] // stride + 1), options)


def _padded(data: Any, window: _Window) -> Any:
    """The data with zeros around, as a block of its own; the data themselves where none are needed."""
    (n, h, w, c), (ph, pw) = data.shape, window.pad
    if ph == pw == 0:
        return data
    return te.compute(
        (n, h + 2 * ph, w + 2 * pw, c),
        lambda b, y, x, ch: te.if_then_else(
            te.all(y >= ph, y < h + ph, x >= pw, x < w + pw),
            data[b, y - ph, x - pw, ch],
            tirx.const(0.0, data.dtype),
        ),
        name="pad",
    )


def _reference(arrays: Sequence[Array], *, window: _Window, depthwise: bool) -> Array:
    data, weight = (array.astype(np.float64) for array in arrays)
    (ph, pw), (oh, ow), step = window.pad, window.out, window.stride
    data = np.pad(data, ((0, 0), (ph, ph), (pw, pw), (0, 0)))
    out = np.zeros((data.shape[0], oh, ow, weight.shape[-1]))
    for y, x in np.ndindex(*weight.shape[:2]):
        seen = data[:, y : y + step * (oh - 1) + 1 : step, x : x + step * (ow - 1) + 1 : step]
        out += seen * weight[y, x] if depthwise else seen @ weight[y, x]
    return out.astype(np.float32)


CONV2D = Family(
    "conv2d",
    "convolution in NHWC, same-style padding unless ,p says otherwise",
    "NxHxWxC,KHxKW,F[,sSTRIDE][,pPAD]",
    "1x56x56x64,3x3,64",
    conv2d,
)
DEPTHWISE = Family(
    "depthwise",
    "convolution in NHWC of each channel by itself",
    "NxHxWxC,KHxKW[,sSTRIDE][,pPAD]",
    "1x56x56x64,3x3",
    depthwise,
)
