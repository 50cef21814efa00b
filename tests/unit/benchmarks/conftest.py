"""The benchmarks are scripts of the repository and belong to no package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))
