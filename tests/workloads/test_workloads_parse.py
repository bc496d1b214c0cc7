"""What a user may type, and the one line they get for what they may not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tvm

from tvm_litecoop.errors import WorkloadError
from tvm_litecoop.workloads import BUILTIN, parse
from tvm_litecoop.workloads.shape import read

FILE = """
import tvm
from tvm import te
from tvm.script import ir as I, relax as R, tirx as T

def _double(n, dtype="float32"):
    x = te.placeholder((n,), name="x", dtype=dtype)
    return te.create_prim_func([x, te.compute((n,), lambda i: x[i] + x[i], name="double")])

double = _double(8)
half = _double(8, "float16")
ints = _double(64, "int32")
huge = _double(1 << 30)
module = tvm.IRModule({"other_name": _double(4)})
pair = tvm.IRModule({"one": _double(4), "two": _double(5)})
empty = tvm.IRModule({})
number = 3

@I.ir_module
class Script:
    @T.prim_func(s_tir=True)
    def triple(x: T.Buffer((6,), "float32"), y: T.Buffer((6,), "float32")):
        for i in range(6):
            with T.sblock("triple"):
                v = T.axis.spatial(6, i)
                y[v] = x[v] * T.float32(3)

@T.prim_func
def blockless(x: T.Buffer((6,), "float32"), y: T.Buffer((6,), "float32")):
    for i in range(6):
        y[i] = x[i]

@T.prim_func(s_tir=True)
def scalar(x: T.Buffer((6,), "float32"), n: T.int32, y: T.Buffer((6,), "float32")):
    for i in range(6):
        with T.sblock("scaled"):
            v = T.axis.spatial(6, i)
            y[v] = x[v] * T.Cast("float32", n)

@T.prim_func(s_tir=True)
def symbolic(a: T.handle, b: T.handle):
    n = T.int32()
    x = T.match_buffer(a, (n,), "float32")
    y = T.match_buffer(b, (n,), "float32")
    for i in range(n):
        with T.sblock("copy"):
            v = T.axis.spatial(n, i)
            y[v] = x[v]

@I.ir_module
class Graph:
    @R.function
    def main(x: R.Tensor((4,), "float32")) -> R.Tensor((4,), "float32"):
        with R.dataflow():
            y = R.add(x, x)
            R.output(y)
        return y
"""


@pytest.fixture(scope="module")
def user_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("user") / "kernels.py"
    path.write_text(FILE)
    return path


def fault(text: str) -> str:
    """The message of the WorkloadError that `parse` raises; it must be one line."""
    with pytest.raises(WorkloadError) as caught:
        parse(text)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize("name", list(BUILTIN))
def test_a_name_alone_is_the_default_shape(name: str) -> None:
    workload = parse(name)
    assert (workload.name, workload.spec) == (name, f"{name}:{BUILTIN[name].default}")
    tvm.ir.assert_structural_equal(parse(workload.spec).mod, workload.mod)


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("matmul:08x2x3", "matmul:8x2x3"),
        ("conv2d:1x8x8x2,3x3,4,s1,p1", "conv2d:1x8x8x2,3x3,4"),
        ("conv2d:1x8x8x2,3x3,4,p0,s2", "conv2d:1x8x8x2,3x3,4,s2,p0"),
        ("depthwise:1x8x8x2,3x5,p2", "depthwise:1x8x8x2,3x5,p2"),
    ],
)
def test_specs_have_one_spelling(text: str, spec: str) -> None:
    assert parse(text).spec == spec
    assert parse(spec).spec == spec


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("matmull", ["unknown workload 'matmull'", "did you mean matmul"]),
        ("MATMUL:1x2x3", ["unknown workload 'MATMUL'", "did you mean matmul"]),
        ("zzz", ["unknown workload 'zzz'", *BUILTIN, "path.py:attribute"]),
        ("", ["unknown workload ''", "matmul"]),
        ("two\nlines", [r"'two\nlines'"]),
        ("matmul:", ["matmul:", "''", "has 1 number, needs 3: MxNxK"]),
        ("matmul:512x", ["'512x' has 2 numbers, needs 3"]),
        ("matmul:512x512x", ["K is ''"]),
        ("matmul:axbxc", ["M is 'a'"]),
        ("matmul:1x2x3x4", ["has 4 numbers, needs 3"]),
        ("matmul:1x2x3,4", ["'4' is one group too many"]),
        ("matmul:1x0x3", ["N is 0, it must be 1 or more"]),
        ("matmul:1x-2x3", ["N is '-2'"]),
        ("matmul:1x2.5x3", ["N is '2.5'"]),
        ("matmul:1 x2x3", ["M is '1 '"]),
        ("matmul:1x\u0662x3", ["N is"]),
        ("matmul:2\n2x3x4", [r"M is '2\n2'"]),
        ("matmul:99999999999x1x1", ["M is over", "4 GiB"]),
        ("matmul:536870913x1x1", ["M is over"]),
        ("conv2d:536870912x536870912x536870912x9,3x3,9,p536870912", ["GiB"]),
        (f"matmul:{'9' * 5000}x1x1", ["M is over"]),
        ("matmul:30000x30000x30000", ["need 10.1 GiB", "limit is 4 GiB"]),
        ("matmul:536870912x536870912x536870912", ["GiB"]),
        ("conv2d:1x56x56x64", ["1 group", "needs 3"]),
        ("conv2d:1x56x56x64,3x3", ["2 groups", "needs 3"]),
        ("conv2d:1x56x56x64,3,64", ["'3' has 1 number, needs 2: KHxKW"]),
        ("conv2d:1x56x56x64,3x3,64,q2", ["'q2'", "unknown option"]),
        ("conv2d:1x56x56x64,3x3,64,s", ["STRIDE is ''"]),
        ("conv2d:1x56x56x64,3x3,64,s2,s3", ["'s3'", "given twice"]),
        ("conv2d:1x56x56x64,3x3,64,", ["'' is one group too many"]),
        ("conv2d:1x56x56x64,3x3,64,s0", ["STRIDE is 0"]),
        ("conv2d:1x56x56x64,3x3,64,p-1", ["PAD is '-1'"]),
        ("conv2d:1x4x4x1,7x7,1,p1", ["kernel 7x7 is larger than the image 4x4"]),
        ("depthwise:1x4x4x1,3x3,1", ["'1' is one group too many"]),
        ("model.onnx", ["unknown workload 'model.onnx'"]),
        ("no/such.py:f", ["there is no file no/such.py", "path.py:attribute"]),
        ("no/such.py", ["there is no file"]),
    ],
)
def test_bad_texts_are_refused_in_one_line(text: str, parts: list[str]) -> None:
    message = fault(text)
    for part in parts:
        assert part in message


@pytest.mark.parametrize("name", list(BUILTIN))
def test_a_malformed_shape_is_answered_with_the_form_and_an_example(name: str) -> None:
    family = BUILTIN[name]
    assert fault(f"{name}:1xq").endswith(f"(expected {name}:{family.form}, for example {name}:{family.default})")


def test_read_names_the_numbers_of_the_form() -> None:
    assert read("AxBIG,C[,sSTRIDE][,pPAD]", "1x2,3,p0") == {"a": 1, "big": 2, "c": 3, "pad": 0}


@pytest.mark.parametrize(("attribute", "extent"), [("double", 8), ("module", 4), ("Script", 6)])
def test_a_users_function_becomes_main(user_file: Path, attribute: str, extent: int) -> None:
    text = f"{user_file}:{attribute}"
    workload = parse(text)
    assert (workload.name, workload.spec, workload.reference) == (attribute, text, None)
    assert workload.arg_shapes() == [((extent,), "float32")] * 2
    assert workload.flops == extent
    assert [var.name_hint for var in workload.mod.functions] == ["main"]
    assert workload.mod["main"].attrs["global_symbol"] == "main"
    (x,) = workload.inputs(0)
    out = tvm.runtime.empty((extent,), "float32")
    tvm.compile(workload.mod, target="llvm")(tvm.runtime.tensor(x), out)
    np.testing.assert_allclose(out.numpy(), x * (3 if attribute == "Script" else 2), rtol=1e-6)


def test_a_users_dtypes_have_inputs(user_file: Path) -> None:
    half, ints = parse(f"{user_file}:half"), parse(f"{user_file}:ints")
    assert half.inputs(0)[0].dtype == np.float16 and half.reference is None
    (indices,) = ints.inputs(0)
    assert indices.dtype == np.int32 and set(indices.tolist()) == {0, 1}


@pytest.mark.parametrize(
    ("attribute", "parts"),
    [
        ("missing", ["has no attribute 'missing'", "it has double, half, ints", "Script"]),
        ("", ["needs the name of an attribute", "it has double, half"]),
        ("number", ["is of type int, not an IRModule or a PrimFunc", "te.create_prim_func"]),
        ("pair", ["holds 2 functions (one, two), needs exactly one"]),
        ("empty", ["holds no function"]),
        ("blockless", ["has no blocks", "s_tir=True"]),
        ("scalar", ["parameter n is a scalar"]),
        ("symbolic", ["shapes must be constants"]),
        ("huge", ["8.0 GiB"]),
        ("Graph", ["Function, not a PrimFunc"]),
    ],
)
def test_a_users_bad_attribute_is_refused(user_file: Path, attribute: str, parts: list[str]) -> None:
    message = fault(f"{user_file}:{attribute}")
    assert str(user_file) in message
    for part in parts:
        assert part in message


def test_a_file_without_its_attribute_lists_what_there_is(user_file: Path) -> None:
    assert "needs the name of an attribute; it has double" in fault(str(user_file))


@pytest.mark.parametrize(
    ("source", "part"),
    [
        ("raise RuntimeError('first\\nsecond')", "raises RuntimeError on import: first"),
        ("def f(:", "raises SyntaxError on import"),
        ("import no_such_module_of_ours", "raises ModuleNotFoundError on import: No module named"),
        ("import neighbour", "set PYTHONPATH="),
        ("raise SystemExit", "raises SystemExit on import: no message"),
        ("", "it has no IRModule and no PrimFunc"),
    ],
)
def test_a_file_that_cannot_serve_says_why(tmp_path: Path, source: str, part: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(source)
    (tmp_path / "neighbour.py").touch()
    assert part in fault(f"{path}:f")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    assert "there is no file" in fault(f"{tmp_path / 'folder.py'}:f")


def test_two_files_of_one_name_do_not_mix(tmp_path: Path) -> None:
    source = FILE.partition("half =")[0]
    for folder, extent in (("a", 3), ("b", 5)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "k.py").write_text(source.replace("_double(8)", f"_double({extent})"))
    shapes = [parse(f"{tmp_path / folder / 'k.py'}:double").arg_shapes()[0][0] for folder in "ab"]
    assert shapes == [(3,), (5,)]
