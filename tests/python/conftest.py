"""Makes the code under test importable: spark/ for `lib`, data_generator/ for the generator."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for directory in ("spark", "spark/driver", "data_generator", "tests/live"):
    sys.path.insert(0, str(ROOT / directory))
