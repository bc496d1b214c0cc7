"""Exponentials and their like as arithmetic that LLVM can vectorise, behind TVM's own switch `tirx.enable_fast_math`.

On CPUs TVM calls libm for `exp`, `tanh` and `erf`, element by element, whatever the schedule vectorises, and its switch
changes nothing there. Here are the lowerings that it lacks (float32; other types are left to TVM). Our builder, our
certificates and `compiled` use them where a target asks for them; TVM's own builder and `tvm.compile` do not look:

```python
target = fast({"kind": "llvm", "num-cores": 2})
ms.tune_tir(mod, target, ..., builder=WarmBuilder(f_export=export_shared), runner=AdaptiveRunner())
kernel = compiled(schedule.mod, target)
```

Coefficients are interpolated at Chebyshev's points when this file is loaded. NaN and infinities come out as from libm;
denormal results, and the smallest others, become 0. Results are right to 3 units in the last place of float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import tvm
from numpy.polynomial import Chebyshev, Polynomial
from tvm import tirx

from tvm_litecoop.errors import TargetError
from tvm_litecoop.passes import present_with

KEY = "fast-math"
"""Among the keys of a target that asks for it."""
SWITCH = "tirx.enable_fast_math"

LN2 = math.log(2.0)
LN2_HIGH = 0.693359375
"""The leading bits of ln 2: a product with a small integer is exact."""


def fast(target: Any) -> Any:
    """The target, asking for fast math; one that does already as it is.

    Raises:
        TargetError: It is no CPU.
    """
    target = tvm.target.Target(target)
    if asked(target):
        return target
    if target.kind.name != "llvm":
        raise TargetError(f"fast math is for CPUs, not for {target.kind.name}", "leave it out")
    facts = target.export()
    return tvm.target.Target({**facts, "keys": [*facts.get("keys", []), KEY]})


def plain(target: Any) -> Any:
    """The target, not asking for fast math."""
    if not asked(target):
        return target
    facts = target.export()
    return tvm.target.Target({**facts, "keys": [key for key in facts["keys"] if key != KEY]})


def asked(target: Any) -> bool:
    """Whether a target asks for fast math."""
    return KEY in target.keys


def compiled(mod: Any, target: Any, **options: Any) -> Any:
    """`tvm.compile`, with fast math where the target asks for it."""
    with switched(target):
        return tvm.compile(mod, target, **options)


def switched(target: Any) -> Any:
    """The present PassContext, or for a target that asks for fast math one with TVM's switch on."""
    return present_with(SWITCH) if asked(target) else nullcontext()


# ---- the functions -------------------------------------------------------------------------------------------------


def _interpolated(function: Callable[[float], float], low: float, high: float, degree: int) -> list[float]:
    """Coefficients of a polynomial, constant first."""
    found = Chebyshev.interpolate(np.vectorize(function), degree, domain=[low, high])
    return [float(one) for one in found.convert(kind=Polynomial).coef]


def _erf_over_root(z: float) -> float:
    """erf(x) / x for z = x²."""
    x = math.sqrt(z)
    return math.erf(x) / x if x else 2 / math.sqrt(math.pi)


def _tanh_rest(z: float) -> float:
    """(tanh(x) / x - 1) / z for z = x²."""
    x = math.sqrt(z)
    return (math.tanh(x) / x - 1) / z if z > 1e-4 else -1 / 3 + z * 2 / 15


EXP = _interpolated(math.exp, -LN2 / 2, LN2 / 2, 6)
TANH_SMALL = 0.625
TANH = _interpolated(_tanh_rest, 0.0, TANH_SMALL**2, 5)
ERF_SMALL, ERF_ONE = 1.0, 4.0
ERF = _interpolated(_erf_over_root, 0.0, ERF_SMALL**2, 7)
LOG_ERFC = _interpolated(lambda x: math.log(math.erfc(x)), ERF_SMALL, ERF_ONE, 9)


def _exp(x: Any) -> Any:
    """2ⁿ·p(r), where x = n·ln 2 + r; the power is put together from its bits, in two steps because n may be 128."""
    const = _constants(x)
    near, n, r = (tirx.Var(name, _dtype(x)) for name in ("near", "n", "r"))
    bits = "int32" + _lanes(x)
    half = tirx.call_intrin(
        _dtype(x), "tirx.reinterpret", (tirx.Cast(bits, n) + tirx.const(126, bits)) << tirx.const(23, bits)
    )
    found = _polynomial(EXP, r) * half * const(2.0)
    found = tirx.Let(r, near - n * const(LN2_HIGH) - n * const(LN2 - LN2_HIGH), found)
    found = tirx.Let(n, tirx.floor(near * const(1 / LN2) + const(0.5)), found)
    # e**89 overflows, and from e**-87.33 on n + 126 would be negative
    found = tirx.Let(near, tirx.Max(tirx.Min(x, const(89.0)), const(-87.33)), found)
    return tirx.Select(x == x, found, x)  # NaN passes neither Min nor Max


def _tanh(x: Any) -> Any:
    const, size = _constants(x), tirx.Var("size", _dtype(x))
    small = x + x * (x * x) * _polynomial(TANH, x * x)
    large = const(1.0) - const(2.0) / (_exp(size * const(2.0)) + const(1.0))
    large = tirx.Select(x < const(0.0), const(0.0) - large, large)
    return tirx.Let(size, tirx.abs(x), tirx.Select(size < const(TANH_SMALL), small, large))


def _erf(x: Any) -> Any:
    const, size = _constants(x), tirx.Var("size", _dtype(x))
    small = x * _polynomial(ERF, x * x)
    power = _polynomial(LOG_ERFC, tirx.Min(size, const(ERF_ONE)))
    large = const(1.0) - _exp(power)
    large = tirx.Select(x < const(0.0), const(0.0) - large, large)
    found = tirx.Select(size < const(ERF_SMALL), small, large)
    return tirx.Let(size, tirx.abs(x), tirx.Select(x == x, found, x))


def _polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """By Horner's rule; LLVM makes multiply-adds of it."""
    const = _constants(x)
    *rest, found = map(const, coefficients)
    for one in reversed(rest):
        found = found * x + one
    return found


def _constants(x: Any) -> Callable[[float], Any]:
    return lambda value: tirx.const(value, _dtype(x))


def _lanes(x: Any) -> str:
    return _dtype(x).removeprefix("float32")


def _dtype(x: Any) -> str:
    return str(x.ty.dtype if hasattr(x, "ty") else x.dtype)  # TVM 0.27, TVM 0.26


def _lowering(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def lower(call: Any) -> Any:
        (given,) = call.args
        if not _dtype(given).startswith("float32"):
            return call
        x = tirx.Var("x", _dtype(given))
        return tirx.Let(x, given, function(x))

    return lower


_register = getattr(tirx, "register_intrin_lowering", None) or tvm.ir.register_intrin_lowering  # TVM 0.27, TVM 0.26
for _name, _function in (("exp", _exp), ("tanh", _tanh), ("erf", _erf)):
    _register(f"tirx.{_name}", target="llvm.fastmath", f=_lowering(_function))
