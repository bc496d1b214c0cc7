"""Make the pictures of the report that the documents show: `python docs/screenshots.py`.

Tunes a small matrix product with the free members and *simulated* models (`litecoop_bench.simulated`), certifies the
result, writes the report and takes its picture. Takes about two minutes; needs Chromium and pngquant (both in Debian).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / part) for part in (".", "python", "tests/report")]

from browser import Browser  # noqa: E402

SPEC, TRIALS = "matmul:128x128x128", 48
LITECOOP = [sys.executable, "-m", "tvm_litecoop.cli"]
SHOTS = (
    ("report", 1280, 1000, False, None),
    ("report-tree-dark", 1280, 820, True, "tree"),
    ("report-phone", 390, 844, False, None),
    ("report-phone-dark", 390, 844, True, "tree"),
)
"""Name, width, height, dark, and the section it begins with."""


def main() -> None:
    """Make a run, its report, and the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "matmul-128x128x128"
        tune(work)
        for command in (["verify", str(work)], ["report", str(work), "-o", f"{folder}/report.html"]):
            subprocess.run([*LITECOOP, *command], check=True)
        shoot(Path(folder) / "report.html")


def tune(work: Path) -> None:
    """A run of free members and simulated models."""
    from litecoop_bench.simulated import members, models
    from tvm_litecoop.measure.intrinsics import load_tensor_intrinsics
    from tvm_litecoop.models.providers import FREE
    from tvm_litecoop.tuning import session
    from tvm_litecoop.tuning.progress import Silent
    from tvm_litecoop.tuning.request import Request
    from tvm_litecoop.tuning.targets import parse_target
    from tvm_litecoop.tuning.threads import use_physical_cores
    from tvm_litecoop.workloads import parse

    use_physical_cores()
    load_tensor_intrinsics()
    quick = [model.model_copy(update={"latency_s": model.latency_s / 4}) for model in models.load()[:4]]
    with members.pool(quick, beside=[make() for make in FREE.values()]) as pool:
        request = Request(SPEC, trials=TRIALS, work_dir=str(work), seed=7)
        session.run(request, parse(SPEC), parse_target(""), Silent(), pool)


def shoot(report: Path) -> None:
    """The pictures of a report, with few colours so that they stay small."""
    with Browser() as browser:
        for name, width, height, dark, section in SHOTS:
            file = HERE / f"{name}.png"
            browser.show(width, height, dark=dark, phone=width < 500)
            browser.open(report)
            if section:
                browser.run(f"document.getElementById('{section}').scrollIntoView()")
            browser.picture(file)
            subprocess.run(["pngquant", "--force", "--ext", ".png", "64", str(file)], check=True)
        if browser.errors:
            sys.exit(f"the page says: {browser.errors}")


if __name__ == "__main__":
    main()
