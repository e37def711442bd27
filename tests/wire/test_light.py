"""What the plug-in process imports needs nothing but the standard library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

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
from lib.api import Cost, EditRequest, FileId, FreeSize, Problem, SizeList, Url, validate
from lib.api import models, providers

request = EditRequest([b"GIF89a"], "p", size="1x1")
problems = validate(request, models.get("gpt-image-2"), providers.get("openai"))
print(len(problems), lib.api.cost.estimate(EditRequest([b""], "p"), models.get("built-in"), [(1, 1)]))
"""


def test_the_light_modules_work_without_any_package() -> None:
    ran = subprocess.run([sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}){SCRIPT}"],
                         capture_output=True, text=True, check=False)  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("2 $0.000\n", "")


def test_every_public_name_is_there() -> None:
    for name in lib.api.__all__:
        assert getattr(lib.api, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(lib.api, "nothing")  # noqa: B009


def test_every_public_name_says_what_it_is() -> None:
    for name in lib.api.__all__:
        assert len(getattr(lib.api, name).__doc__) > 20
