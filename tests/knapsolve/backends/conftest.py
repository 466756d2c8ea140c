"""Make the misbehaving backend beside this file importable, here and in the worker processes."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
