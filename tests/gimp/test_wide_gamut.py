"""Colours that sRGB lacks come back from an edit, also where they were sent in sRGB."""

import pytest

pytestmark = pytest.mark.only_gimp("3.2")
CASES = [
    ("Adobe RGB", "8"), ("Display P3", "8"), ("Adobe RGB", "16"), ("Adobe RGB", "float"), ("Display P3", "float"),
    ("sRGB", "float"),
]  # fmt: skip


@pytest.mark.parametrize(("profile", "precision"), CASES)
def test_an_unchanged_answer_has_the_colours_of_the_picture(gimp, endpoint, profile, precision):
    endpoint.behave("echo")
    arguments = {"prompt": "x", "provider": "custom", "model": "built-in"}
    done = gimp.call("wide_gamut.run", profile=profile, precision=precision, thing=False, **arguments)
    assert done["status"] == "success", done["error"]
    assert done["outside"] > 20 and done["off"] <= 2
    assert done["report"]["corrections"][0]["gamut"] > 0.99


@pytest.mark.parametrize(("profile", "precision"), CASES[:-1])
def test_the_built_in_engine_removes_in_the_space_of_the_picture(gimp, profile, precision):
    arguments = {"prompt": "remove", "provider": "local"}
    done = gimp.call("wide_gamut.run", profile=profile, precision=precision, thing=True, **arguments)
    assert done["status"] == "success", done["error"]
    assert done["outside"] > 20 and done["off"] <= 2
