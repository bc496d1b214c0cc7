"""What a model is shown of real programs: what it holds, how long it is, and that nothing is of one process."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from litecoop_bench import prompts
from toy import Scripted, ToySpace, pool_of
from tvm_litecoop.config import SearchConfig
from tvm_litecoop.proposal.menu import Menu
from tvm_litecoop.proposal.prompt import render
from tvm_litecoop.search import sight
from tvm_litecoop.search.tree import Tree
from tvm_litecoop.values import Built, SetDecision


def test_what_a_matmul_is_told() -> None:
    texts = [prompt for prompt, _ in prompts.texts_of("matmul:512x512x512")]
    assert max(map(len, texts)) <= 2500
    headings = ("ITS PARENT", "BEFORE THAT", "TRIED")  # which nodes have what hangs on the machine's caches
    assert all(any(heading in one.user for one in texts) for heading in headings)
    prompt = max(texts, key=lambda one: sum(heading in one.user for heading in headings))
    lines = prompt.user.splitlines()
    assert lines[0].startswith("TARGET cpu, ") and "timing noise 3%" in lines[0]
    assert "order i0 j0 | i1 j1 | k0 | i2 j2 | k1 | i3 j3" in prompt.user
    assert "i j: 4 factors of 512, last at most 64" in lines and "unroll: 0 16 64 512" in lines
    assert any(re.match(r"sketch=\d: [+-] ", line) for line in lines)  # the others as a difference to this one
    now = next(line for line in lines if line.startswith("NOW"))
    assert re.search(r"-> [\d.]+ ms, \d+ GFLOP/s.*; parallel \d+ vector \d+ accumulators \d+", now)
    decisions = now.split(" -> ")[0].split()
    others = [line for line in lines if line.startswith(("ITS PARENT", "BEFORE THAT", "BEST", "TRIED"))]
    assert all(" ms, " in line for line in others if line != "BEST is NOW" and "not measured" not in line)
    assert not any(part in decisions for line in others for part in line.split(" -> ")[0].split() if "=" in part)
    assert any(line.startswith("MEMBERS (faster/measured) expert free") for line in lines)
    assert lines[-1] == "Give up to 4."


@pytest.mark.parametrize("workload", ["batch_matmul", "conv2d", "attention", "softmax"])
def test_a_fifth_of_what_ir_and_traces_take(workload: str) -> None:
    shares = [len(prompt) / plain for prompt, plain in prompts.texts_of(workload) if plain]
    assert shares and max(shares) <= 0.2


def test_the_same_state_gives_the_same_text_in_another_process() -> None:
    script = (
        "from litecoop_bench.prompts import texts_of\n"
        "for p, _ in texts_of('conv2d:1x14x14x8,3x3,16'): print(p.system, p.user)"
    )
    env_python = str(Path(prompts.__file__).parent.parent)
    run = [sys.executable, "-c", f"import sys; sys.path.insert(0, {env_python!r}); {script}"]
    texts = [subprocess.run(run, capture_output=True, text=True, check=True).stdout for _ in range(2)]
    assert texts[0] == texts[1] and "0x" not in texts[0] and "/tmp" not in texts[0]


def test_the_rules_are_those_of_the_target() -> None:
    space = ToySpace()
    root = space.initial()
    assert isinstance(root, Built)
    view = space.view(root.program)
    gpu = replace(view, machine=replace(view.machine, kind="cuda"))
    assert "thread blocks" in render(gpu, Menu.of(gpu), 2).system
    assert "registers" in render(view, Menu.of(view), 2).user


def test_failures_rivals_budget_and_what_was_tried_are_told() -> None:
    space = ToySpace()
    root = space.initial()
    assert isinstance(root, Built)
    pool = pool_of(Scripted("small", lambda *_: []), Scripted("large", lambda *_: [], params=7e10))
    tree = Tree(root, "small")
    edit = (SetDecision("d0", 1),)
    (child,) = space.apply(root.program, [edit])
    assert isinstance(child, Built)
    failed = tree.add(tree.root, child, "small", "small", edit)
    failed.error = "LocalBuilder: Timeout"
    tree.set_throughput(failed, 0.0)
    tree.root.flying = 1
    view = sight.view_of(tree, tree.root, space, pool, SearchConfig())
    text = render(replace(view, budget="12 calls"), Menu.of(view), 3).user
    assert "TRIED by small: d0=1 -> failed: LocalBuilder: Timeout" in text
    assert "1 more are thinking about NOW" in text
    assert "large 70B free 0/0" in text and "BUDGET LEFT 12 calls" in text
