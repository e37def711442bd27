"""The installation that install.py has recorded."""

import json
import sys
from pathlib import Path

STAMP = Path(__file__).absolute().parent.parent.parent / "stamp.json"


def worker_python() -> str:
    """Return the Python interpreter of the worker: the one that the packages in vendor/ are for, else GIMP's own."""
    if not STAMP.exists():
        return sys.executable
    python: str = json.loads(STAMP.read_text(encoding="utf-8"))["python"]
    return python or sys.executable
