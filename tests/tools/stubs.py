"""Bring the type stubs of GIMP's libraries in tests/tools/stubs up to date, from the typelibs of GIMP 3.0.

python3 tests/run.py --python tests/tools/stubs.py      writes them; fetches GIMP 3.0 where it is not there

They are those of the oldest GIMP that the plug-in works in, so that the plug-in uses nothing that only a later one has.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).absolute().parents[2]
sys.path.insert(0, str(CHECKOUT))

from lib.installer import private_gimp

MINOR = "3.0"
STUBS = Path(__file__).with_name("stubs") / "gi" / "repository"
GENERATOR = Path(__file__).with_name("typelibs.py")


def generate(gimp):
    """Return the text of each stub by the name of its file, from the typelibs of a private GIMP."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["python3", str(GENERATOR), folder]
        subprocess.run(gimp.command(words, [CHECKOUT, Path(folder)], {}), check=True)
        return {path.name: path.read_text(encoding="utf-8") for path in Path(folder).glob("*.pyi")}


if __name__ == "__main__":
    for name, text in generate(private_gimp.ensure(MINOR)).items():
        (STUBS / name).write_text(text, encoding="utf-8")
