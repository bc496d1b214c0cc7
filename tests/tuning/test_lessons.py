"""TVM's cost model learns beside the builds, from the same batches, and not before it answers."""

from __future__ import annotations

from pathlib import Path

from tvm.s_tir import meta_schedule as ms

from tvm_litecoop import LiteCoOpStrategy
from tvm_litecoop.measure import AdaptiveRunner, WarmBuilder, export_shared
from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
from tvm_litecoop.tuning.lessons import Lessons
from tvm_litecoop.tuning.targets import parse_target
from tvm_litecoop.workloads import parse


def test_a_batch_is_learned_while_the_next_one_is_built(tmp_path: Path) -> None:
    load_tensor_intrinsics()
    lessons, known = Lessons(), list[int]()
    lessons.cost_model.num_warmup_samples = 6

    def meanwhile() -> None:
        lessons.learn()
        known.append(lessons.cost_model.data_size)

    builder = WarmBuilder(max_workers=1, f_export=export_shared, meanwhile=meanwhile)
    runner = AdaptiveRunner(min_repeat_ms=5)
    add, remove, _ = ms.measure_callback.MeasureCallback.create("default")
    ms.tune_tir(
        parse("matmul:32x32x32").mod,
        parse_target(None),
        str(tmp_path),
        max_trials_global=16,
        num_trials_per_iter=4,
        builder=builder,
        runner=runner,
        cost_model=lessons.cost_model,
        measure_callbacks=[add, remove, lessons],
        strategy=LiteCoOpStrategy(journal=None),
    )
    builder.close()
    runner.close()
    assert known == [0, 0, 8, 12]
    lessons.learn()
    assert lessons.cost_model.data_size == 16
