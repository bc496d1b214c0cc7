"""Test helpers are imported by name: `from toy import ...`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("TVM_NUM_THREADS", "2")  # before TVM is imported anywhere
