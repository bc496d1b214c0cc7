"""Test helpers are imported by name: `from toy import ...`."""

from __future__ import annotations

import sys
from pathlib import Path

from tvm_litecoop.tuning.threads import use_physical_cores

sys.path.insert(0, str(Path(__file__).parent))
use_physical_cores()  # before TVM is imported anywhere
