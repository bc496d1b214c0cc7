"""A notebook: a kernel of its own process, an event loop that runs already, output that is no terminal."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

COMMAND = """
from tvm_litecoop.cli import main
main(["tune", "matmul:64x64x64", "--trials", "8", "--work-dir", "command"])
"""
SCRIPT = """
from tvm.s_tir import meta_schedule as ms
from tvm_litecoop import LiteCoOpStrategy
from tvm_litecoop.measure import AdaptiveRunner, WarmBuilder, export_shared
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse
database = ms.tune_tir(
    parse("matmul:64x64x64").mod, parse_target(""), "script", max_trials_global=8, num_trials_per_iter=4,
    strategy=LiteCoOpStrategy(), builder=WarmBuilder(f_export=export_shared), runner=AdaptiveRunner(),
)
len(database.get_all_tuning_records())
"""


def test_command_and_script_in_a_notebook(tmp_path: Path) -> None:
    cells = [nbformat.v4.new_code_cell(source) for source in (COMMAND, SCRIPT)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, timeout=900, resources={"metadata": {"path": str(tmp_path)}}).execute()
    command, script = ([one for one in cell.outputs if one.output_type != "stream"] for cell in cells)
    assert [one.data["text/plain"] for one in (command[-1], script[-1])] == ["0", "8"]

    shown = [one.text if one.output_type == "stream" else one.data["text/html"] for one in cells[0].outputs[:-1]]
    assert "8/8 trials" in "".join(shown) and "member" in "".join(shown)
