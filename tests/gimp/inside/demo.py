"""Inside GIMP: the demo's script, as install.py has it run."""

import json
import os
from pathlib import Path

SCRIPT = Path(os.environ["GENERATIVE_EDIT_CHECKOUT"]) / "plugin" / "demo.py"


def run(**task):
    """Runs the demo; what it makes is in the folder `out` of the task."""
    os.environ["GENERATIVE_EDIT_DEMO"] = json.dumps({"select": None, "mask": None, "prompt": "remove"} | task)
    exec(SCRIPT.read_text(encoding="utf-8"), {"__name__": "demo"})
