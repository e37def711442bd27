"""What install.py wrote down about this installation."""

import json
import sys
from pathlib import Path

STAMP = Path(__file__).absolute().parent.parent.parent / "stamp.json"


def worker_python() -> str:
    """The Python that the worker runs on: the one whose packages are in vendor/."""
    if not STAMP.exists():
        return sys.executable
    python: str = json.loads(STAMP.read_text(encoding="utf-8"))["python"]
    return python
