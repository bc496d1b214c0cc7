"""`python -m tvm_litecoop.cli`: the command line where its script is not on the path."""

import sys

from tvm_litecoop.cli import main

sys.exit(main())
