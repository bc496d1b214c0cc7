"""Test helpers are imported by name: `from toy import ...`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tvm_litecoop.tuning.threads import use_physical_cores

sys.path.insert(0, str(Path(__file__).parent))
use_physical_cores()  # before TVM is imported anywhere

# A shell starts background jobs with Ctrl-C ignored, and so would be every process a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
