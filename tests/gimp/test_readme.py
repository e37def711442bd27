"""The README's script examples, as they stand there."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


def example(language):
    return re.search(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[1]


def test_python_fu(gimp):
    assert gimp.call("edits.readme_python", code=example("python")) == {"layers": ["remove"], "provider": "local"}


def test_script_fu(gimp):
    done = gimp.call("edits.readme_scheme", code=example("scheme"))
    assert done["status"] == "success", done["error"]
    assert done["layers"][0] == "remove"


@pytest.mark.parametrize("path", re.findall(r"\]\(((?!http)[^)]+)\)", README.read_text(encoding="utf-8")))
def test_what_the_readme_links_to_is_there(path):
    assert (README.parent / path).exists()
