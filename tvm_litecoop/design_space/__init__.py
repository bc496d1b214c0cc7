"""Programs that TVM's own design spaces do not hold, made of TVM's public schedule primitives.

space.py        `LiteCoOpSpace`, a TVM space generator: the stock design spaces, and those of the prepared program
prepare.py      what is done to a program before TVM's schedule rules see it
padding.py      extents without factors, padded
packing.py      operands that are strided along the vector axis, packed
keeping.py      computations that a contraction would repeat, not inlined into it
contraction.py  which blocks these are about

All of it is part of the trace: a record of such a space replays with stock TVM.
"""

from tvm_litecoop.design_space.space import LiteCoOpSpace

__all__ = ["LiteCoOpSpace"]
