"""`tvm_litecoop.relax`: the pass and the pipeline where TVM's own stand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.relax.frontend import nn

import tvm_litecoop.relax as relax_module
from tvm_litecoop import LiteCoOpStrategy, ModelPool
from tvm_litecoop.design_space import LiteCoOpSpace
from tvm_litecoop.errors import ConfigError, TargetError, WorkDirError
from tvm_litecoop.journal import lock
from tvm_litecoop.journal.record import read
from tvm_litecoop.relax import MetaScheduleTuneIRMod, static_shape_tuning_pipeline
from tvm_litecoop.tuning import tasks
from tvm_litecoop.tuning.targets import parse_target


class Net(nn.Module):
    """Two equal layers, a third one, and something that is not worth a trial."""

    def __init__(self) -> None:
        self.first = nn.Linear(48, 48, bias=False)
        self.second = nn.Linear(48, 48, bias=False)
        self.last = nn.Linear(48, 96, bias=False)

    def forward(self, x: Any) -> Any:
        y = self.last(nn.op.relu(self.second(nn.op.relu(self.first(x)))))
        return nn.op.reshape(y, (8, 192))


@pytest.fixture(scope="module")
def network() -> tuple[Any, dict[str, Any], Any, Any]:
    """Module, parameters, an input, and the untuned answer."""
    mod, named = Net().export_tvm(spec={"forward": {"x": nn.spec.Tensor((16, 48), "float32")}})
    rng = np.random.default_rng(1)
    params = {
        name: tvm.runtime.tensor(rng.standard_normal([int(n) for n in one.shape], dtype=np.float32))
        for name, one in named
    }
    given = rng.standard_normal((16, 48), dtype=np.float32)
    expected = answer(relax.transform.BindParams("forward", params)(mod), given)
    return mod, params, given, expected


def answer(mod: Any, *given: Any, name: str = "forward") -> Any:
    machine = relax.VirtualMachine(tvm.compile(mod, parse_target(None)), tvm.cpu())
    return machine[name](*[tvm.runtime.tensor(one) for one in given]).numpy()


def records(work: Path) -> list[str]:
    return (work / "database_tuning_record.json").read_text().splitlines()


@pytest.mark.parametrize("space", ["post-order-apply", "litecoop"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_pipeline_tunes_applies_and_computes_the_same(
    packed: bool, space: str, tmp_path: Path, network: Any
) -> None:
    mod, params, given, expected = network
    strategy = LiteCoOpStrategy(ModelPool.built_in("expert", "mutator"))
    bound = relax.transform.BindParams("forward", params)(mod)
    target = parse_target(None)
    spaces = LiteCoOpSpace() if space == "litecoop" else space
    tuned = static_shape_tuning_pipeline(
        24, target, str(tmp_path), packed, max_trials_per_task=8, strategy=strategy, seed=1, space=spaces
    )(bound)
    assert 2 <= len(strategy.searches) <= 3  # equal layers are one task, the reshape is none
    assert 8 <= len(records(tmp_path)) <= 24
    assert not any("1e+10" in line.replace("10000000000.0", "1e+10") for line in records(tmp_path))
    np.testing.assert_allclose(answer(tuned, given), expected, rtol=1e-4, atol=1e-3)
    names = [str(var.name_hint) for var in tuned.get_global_vars()]
    assert any(name.endswith("_prepacked") for name in names) == packed
    again = static_shape_tuning_pipeline(0, target, str(tmp_path), packed)(bound)
    tvm.ir.assert_structural_equal(again, tuned)


def test_weights_that_tvm_cannot_pack_are_said_before_anything_is_tuned(
    tmp_path: Path, network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relax_module, "can_pack", lambda mod: False)
    mod, params, _, _ = network
    pipeline = static_shape_tuning_pipeline(8, parse_target(None), str(tmp_path), True)
    with pytest.raises(ConfigError, match="leave out cpu_weight_prepack"):
        pipeline(relax.transform.BindParams("forward", params)(mod))
    assert records(tmp_path) == []


def test_the_pass_takes_params_names_and_a_pool(tmp_path: Path, network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    mod, params, _, _ = network
    target, pool = parse_target(None), ModelPool.built_in("expert")
    with target:
        fused = relax.get_pipeline("zero")(relax.transform.BindParams("forward", params)(mod))
        tune = MetaScheduleTuneIRMod({}, str(tmp_path), 8, op_names=["matmul"], pool=pool, seed=1)
        assert tune(fused).same_as(fused)
        assert pool.stats["expert"].calls and 1 <= len(records(tmp_path)) <= 8
        assert (tmp_path / lock.NAME).resolve() not in lock._held  # ours has let go of the work dir
        with (tmp_path / "database_tuning_record.json").open("a") as torn:
            torn.write("[0, [")
        # gone on with, it chooses by the same times
        monkeypatch.setattr(tasks, "untuned_seconds", lambda *_: pytest.fail("kernels are timed again"))
        tune(fused)
        assert all(json.loads(line) for line in records(tmp_path))
    with (tmp_path / "database_tuning_record.json").open("a") as torn:
        torn.write("[0, [")
    assert static_shape_tuning_pipeline(0, target, str(tmp_path))(mod) is not None  # TVM would refuse all of it
    assert all(json.loads(line) for line in records(tmp_path))


@pytest.mark.parametrize(("most_per_task", "kernels"), [(None, 2), (4, 4), (100, 2)])
def test_no_more_kernels_are_tuned_than_get_their_trials(
    tmp_path: Path, network: Any, monkeypatch: pytest.MonkeyPatch, most_per_task: int | None, kernels: int
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(relax_module, "choose", lambda _, most: asked.append(most) or [])
    static_shape_tuning_pipeline(16, parse_target(None), str(tmp_path), max_trials_per_task=most_per_task)(network[0])
    assert asked == [kernels]


def test_what_goes_on_makes_the_trials_that_are_left(tmp_path: Path, network: Any) -> None:
    mod, params, _, _ = network
    bound, target = relax.transform.BindParams("forward", params)(mod), parse_target(None)
    stopped = LiteCoOpStrategy(ModelPool.built_in("expert", "mutator"))
    stopped.stop = lambda: sum(search.begun for search in stopped.searches) >= 16
    static_shape_tuning_pipeline(24, target, str(tmp_path), strategy=stopped, seed=1)(bound)
    stopped.close()
    assert len(stopped.searches) > 1
    made = len(records(tmp_path))
    static_shape_tuning_pipeline(24, target, str(tmp_path), pool=ModelPool.built_in("expert", "mutator"), seed=1)(bound)
    assert made < len(records(tmp_path)) <= 24
    assert all(record.ended for record in read(tmp_path))


def test_nothing_to_tune_is_no_error(tmp_path: Path) -> None:
    class Shapes(nn.Module):
        def forward(self, x: Any) -> Any:
            return nn.op.reshape(x, (8, 4))

    mod, _ = Shapes().export_tvm(spec={"forward": {"x": nn.spec.Tensor((4, 8), "float32")}})
    work = tmp_path / "work"
    tuned = static_shape_tuning_pipeline(8, parse_target(None), str(work))(mod)
    given = np.arange(32, dtype=np.float32).reshape(4, 8)
    np.testing.assert_array_equal(answer(tuned, given), given.reshape(8, 4))


def test_what_cannot_be_used_is_said(tmp_path: Path, network: Any) -> None:
    nowhere = tmp_path / "mistyped"
    with pytest.raises(WorkDirError, match="holds no database to apply"):
        static_shape_tuning_pipeline(0, parse_target(None), str(nowhere))(network[0])
    assert not nowhere.exists()
    with pytest.raises(ConfigError, match="give the pool to the strategy"):
        MetaScheduleTuneIRMod({}, str(tmp_path), 8, strategy="evolutionary", pool=ModelPool.built_in("expert"))
    with pytest.raises(TargetError, match="with target"):
        MetaScheduleTuneIRMod({}, str(tmp_path), 8)(network[0])
