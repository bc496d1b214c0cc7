"""The arguments of a PrimFunc, in either of TVM's forms."""

from __future__ import annotations

from types import SimpleNamespace

from tvm_litecoop.parameters import buffers_of
from tvm_litecoop.workloads import parse


def test_buffers_are_found_as_parameters_and_behind_them() -> None:
    of_027 = parse("matmul:4x6x8").mod["main"]
    of_026 = SimpleNamespace(params=["a", "n"], buffer_map={"a": "buffer of a"})
    assert [[int(extent) for extent in one.shape] for one in buffers_of(of_027)] == [[4, 8], [8, 6], [4, 6]]
    assert buffers_of(of_026) == ["buffer of a", "n"]
