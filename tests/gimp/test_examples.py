"""The examples of the help pages on scripts and folders, as they stand there, in a folder with a few photographs."""

import csv
import html
import re
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from tests.bench.photographs import photograph

HELP = Path(__file__).parents[2] / "plugin" / "help"
PAGES = "".join((HELP / name).read_text(encoding="utf-8") for name in ("scripts.html", "folders.html"))


def examples(language):
    """The examples in one language, in their order."""
    return [html.unescape(text) for text in re.findall(rf'<pre class="{language}">\n(.*?)</pre>', PAGES, re.DOTALL)]


COMMANDS = examples("sh")
EDITED = ["photos/beach.jpg.edited.png", "photos/street.jpg.edited.png"]
# What each command leaves, in their order.
LEAVES = [
    ["photo.jpg.edited.png"],
    EDITED,
    ["edited.png"],
    ["edited.png"],
    ["edited/beach.png", "edited/street.png", "edited/report.csv"],
    ["edited/beach.png", "edited/street.png", "edited/report.csv"],
    ["done/beach.xcf", "done/street.png", "done/report.csv", "done/report.jsonl"],
]


# One example of each kind: a program of Python, several of them, Script-Fu, a folder.
KINDS = (0, 1, 2, 4)


def numbers(brief, numbers):
    """Parameters of which a brief run tries some."""
    return [pytest.param(number, marks=() if number in brief else pytest.mark.whole_run) for number in numbers]


# Nothing here depends on GIMP's version.
pytestmark = pytest.mark.one_gimp("3.0")


@pytest.fixture
def shell(installed, tmp_path):
    """Runs a command beside the photographs and the files that the pages show."""
    (tmp_path / "photos").mkdir()
    for name in ("photo.jpg", "photos/beach.jpg", "photos/street.jpg"):
        Image.fromarray(photograph("astronaut.png", 320, 256)).save(tmp_path / name)
    (script,), (table,) = examples("python"), examples("csv")
    (tmp_path / "edit.py").write_text(script, encoding="utf-8")
    (tmp_path / "prompts.csv").write_text(table, encoding="utf-8")

    def run(command):
        variables = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data")}
        variables["GIMP3_DIRECTORY"] = str(installed.config)
        words = ["sh", "-c", f"cd '{tmp_path}'\n{command}"]
        whole = installed.command(words, installed._folders([tmp_path]), variables)
        return subprocess.run(whole, capture_output=True, text=True, timeout=300)

    run.folder = tmp_path
    return run


def pixels(path):
    return Image.open(path).convert("RGB").tobytes()


def test_every_command_is_run():
    assert len(COMMANDS) == len(LEAVES)


@pytest.mark.parametrize("number", numbers(KINDS, range(len(LEAVES))))
def test_a_command_does_what_it_says(shell, number):
    done = shell(COMMANDS[number])
    assert done.returncode == 0, done.stdout + done.stderr
    missing = [name for name in LEAVES[number] if not (shell.folder / name).stat().st_size]
    assert not missing
    for name in LEAVES[number]:
        if name.endswith(".png"):
            before = "photo.jpg" if "/" not in name else f"photos/{Path(name).name.split('.')[0]}.jpg"
            assert pixels(shell.folder / name) != pixels(shell.folder / before), name
        if name.endswith(".csv"):
            rows = list(csv.DictReader((shell.folder / name).open(encoding="utf-8")))
            assert [row["status"] for row in rows] == ["done", "done"]


@pytest.mark.parametrize("number", numbers(KINDS, range(len(LEAVES))))
def test_a_failure_is_seen_in_the_code_and_told_in_a_sentence(shell, number):
    done = shell("export GENERATIVE_EDIT_PROVIDER=nobody\n" + COMMANDS[number])
    assert done.returncode != 0
    assert "There is no provider “nobody”" in done.stdout + done.stderr


@pytest.mark.parametrize("number", numbers(KINDS, [number for number, names in enumerate(LEAVES) if len(names) > 1]))
def test_one_bad_picture_of_several_is_seen_in_the_code(shell, number):
    """Also where it is not the last."""
    (shell.folder / "photos" / "beach.jpg").write_bytes(b"no picture")
    assert shell(COMMANDS[number]).returncode != 0
