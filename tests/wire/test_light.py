"""The modules that the plug-in process imports need only the standard library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import lib.api

ROOT = Path(lib.api.__file__).parents[2]
SCRIPT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"requests", "urllib3", "PIL", "numpy", "werkzeug", "keyring", "gi"}:
            raise ImportError(f"{name} must not be imported")

sys.meta_path.insert(0, Refuse())
import lib.api.cost, lib.api.models, lib.api.providers, lib.api.request
from lib.api.cost import Cost
from lib.api.models import FreeSize, SizeList
from lib.api.request import EditRequest, FileId, Url
from lib.api.validation import validate
from lib.api.errors import Problem
from lib.api import models, providers

request = EditRequest([b"GIF89a"], "p", size="1x1")
problems = validate(request, models.get("gpt-image-2"), providers.get("openai"))
print(len(problems), lib.api.cost.estimate(EditRequest([b""], "p"), models.get("built-in"), [(1, 1)]))
"""


def test_light_modules_need_no_packages() -> None:
    ran = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){SCRIPT}"],
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("2 $0.000\n", "")
