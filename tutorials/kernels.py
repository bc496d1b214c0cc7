"""The kernels of tutorial 07, as a user would keep them: one written with te, one in TVMScript."""

from tvm import te
from tvm.script import tirx as T

_x = te.placeholder((64, 256), name="x")
_scale = te.placeholder((256,), name="scale")
_squares = te.reduce_axis((0, 256), name="r")
_sum = te.compute((64,), lambda i: te.sum(_x[i, _squares] * _x[i, _squares], axis=_squares), name="sum")
_out = te.compute((64, 256), lambda i, j: _x[i, j] * _scale[j] * te.rsqrt(_sum[i] / 256.0 + 1e-5), name="out")

rms_norm = te.create_prim_func([_x, _scale, _out])


@T.prim_func(s_tir=True)
def swish(x: T.Buffer((64, 256), "float32"), y: T.Buffer((64, 256), "float32")):
    for i, j in T.grid(64, 256):
        with T.sblock("swish"):
            vi, vj = T.axis.remap("SS", [i, j])
            y[vi, vj] = x[vi, vj] / (T.float32(1) + T.exp(-x[vi, vj]))
