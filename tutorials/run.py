"""Run the tutorials, all in order or those whose numbers are given: `python tutorials/run.py 01 05`."""

import subprocess
import sys
import time
from pathlib import Path


def main(numbers: list[str]) -> int:
    """Run each in a process of its own.

    Returns:
        0, or 1 where one failed or a number names none.
    """
    found = sorted(Path(__file__).parent.glob("[0-9][0-9]_*.py"))
    chosen = [file for file in found if not numbers or file.name[:2] in numbers]
    failed, began = [], time.monotonic()
    for count, file in enumerate(chosen, 1):
        print(f"== [{count}/{len(chosen)}] {file.name}", flush=True)
        started = time.monotonic()
        code = subprocess.run([sys.executable, str(file)]).returncode
        if code:
            failed.append(file.name)
        print(f"== {file.name}: {f'FAILED ({code})' if code else 'ok'}, {time.monotonic() - started:.0f} s", flush=True)
    ok = len(chosen) - len(failed)
    print(f"== {ok} of {len(chosen)} tutorials ok, {time.monotonic() - began:.0f} s in all", *failed)
    return int(bool(failed) or not chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
