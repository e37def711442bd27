"""What GIMP's own Python loads needs the standard library only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).absolute().parents[2]
LIGHT = (
    "lib.api",
    "lib.api.address",
    "lib.api.cost",
    "lib.api.models",
    "lib.api.providers",
    "lib.api.request",
    "lib.api.text",
    "lib.api.validation",
    "lib.choices",
    "lib.extension",
    "lib.file_lock",
    "lib.folder.history",
    "lib.folder.output",
    "lib.folder.output_names",
    "lib.folder.own_results",
    "lib.folder.picture_check",
    "lib.folder.pictures",
    "lib.folder.progress",
    "lib.folder.prompts",
    "lib.folder.report",
    "lib.folder.source",
    "lib.folder.box_check",
    "lib.folder.state",
    "lib.folder.state_lines",
    "lib.folder.xcf_check",
    "lib.frame",
    "lib.geometry",
    "lib.history",
    "lib.history_record",
    "lib.history_words",
    "lib.hosts",
    "lib.installer.command",
    "lib.job",
    "lib.mask",
    "lib.outline",
    "lib.own_providers",
    "lib.png",
    "lib.last_used",
    "lib.prompts",
    "lib.rescue",
    "lib.retention",
    "lib.setting_values",
    "lib.settings",
    "lib.spending",
    "lib.side_amounts",
    "lib.stored_json",
    "lib.translation",
    "plugin.again_record",
    "plugin.arguments",
    "plugin.checks",
    "plugin.folder.arguments",
    "plugin.options",
    "plugin.selection",
)
VENDORED = ("requests", "urllib3", "socks", "PIL", "numpy", "werkzeug", "keyring")


@pytest.mark.parametrize("module", LIGHT)
def test_a_light_module_imports_without_the_vendored_packages(module):
    hide = f"import sys; sys.modules.update(dict.fromkeys({VENDORED!r})); import {module}"
    done = subprocess.run([sys.executable, "-c", hide], cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_lib_never_imports_gi():
    for path in (CHECKOUT / "lib").rglob("*.py"):
        assert not re.search(r"^\s*(import gi\b|from gi\b)", path.read_text(), re.MULTILINE), path


def test_plugin_imports_only_light_modules_of_lib():
    allowed = set(LIGHT) | {"lib"}
    for path in (CHECKOUT / "plugin").rglob("*.py"):
        for line in path.read_text().splitlines():
            words = line.split()
            if words[:1] == ["from"] and words[1].startswith("lib"):
                names = [f"{words[1]}.{name.strip(',')}" for name in words[3:]]
                assert words[1] in allowed - {"lib", "lib.api"} or set(names) <= allowed, f"{path}: {line}"
