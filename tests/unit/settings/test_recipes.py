"""Recipes: ours and the user's own, their placeholders, and files of them, which are untrusted."""

import json

import pytest

from lib import translation
from lib.settings import recipes
from plugin.edit.arguments import defaults
from plugin.edit.options import checked
from plugin.errors import BadArguments
from tests.systems import DATA_HOME


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_HOME, str(tmp_path / "data"))


def test_ours_have_translated_titles_and_can_be_sent():
    assert [each.title for each in recipes.load()][:2] == ["Remove", "Replace background"]
    translation.use(["de"])
    try:
        titles = [each.title for each in recipes.load()]
    finally:
        translation.use(["en"])
    assert titles[0] == "Entfernen" and len(titles) == 10
    for recipe in recipes.load():
        assert set(recipe.values) <= set(recipes.OPTIONS) and set(recipe.labels) == set(recipe.placeholders)
        checked({**defaults(), **recipe.filled({}), "provider": "openai"})


def test_placeholders_are_filled_and_those_without_a_text_stay():
    recipe = recipes.save("Season", {"prompt": "{season} by {light}, {season}!"})
    assert recipe.placeholders == ["season", "light"]
    assert recipe.filled({"season": "{light}"})["prompt"] == "{light} by {light}, {light}!"
    assert recipe.filled({"light": "night"})["prompt"] == "{season} by night, {season}!"


def test_a_recipe_can_name_the_layer_with_the_markup():
    assert recipes.save("Marks", {"prompt": "as drawn", "markup": "notes"}).values["markup"] == "notes"
    with pytest.raises(ValueError, match="markup is not valid"):
        recipes.save("Marks", {"prompt": "as drawn", "markup": "n" * 201})


def test_a_recipe_can_name_layers_to_send_as_references(tmp_path):
    recipes.save("Style", {"prompt": "like these"}, ["style", "palette"])
    recipes.export_to(tmp_path / "mine.json")
    recipes.remove("own-style")
    recipes.import_from(tmp_path / "mine.json")
    assert recipes.get("Style").references == ("style", "palette")
    for wrong in (["x"] * 16, ["n" * 201], [""], [1], "style", {"style": 1}):
        with pytest.raises(ValueError, match="references is not valid"):
            recipes.validate("own-style", {"title": "Style", "values": {"prompt": "p"}, "references": wrong})


def test_own_recipes_are_saved_exported_imported_and_removed(tmp_path):
    recipes.save("Grün & blau", {"prompt": "green", "quality": "high", "grow": 4})
    recipes.save("Grün & blau", {"prompt": "blue"})
    (own,) = [each for each in recipes.load() if each.is_own]
    assert (own.title, own.values) == ("Grün & blau", {"prompt": "blue"})
    file = tmp_path / "mine.json"
    assert recipes.export_to(file) == 1
    recipes.remove(own.name)
    assert not any(each.is_own for each in recipes.load())
    assert recipes.import_from(file) == 1 and recipes.get("grün & BLAU").values == {"prompt": "blue"}


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        '{"recipes": []}',
        '{"recipes": {"a": {"title": "", "values": {}}}}',
        '{"recipes": {"a": {"title": "A", "values": {"extra": "{}"}}}}',
        '{"recipes": {"a": {"title": "A", "values": {"provider": "elsewhere"}}}}',
        '{"recipes": {"a": {"title": "A", "values": {"grow": true}}}}',
        '{"recipes": {"good": {"title": "G", "values": {}}, "a": 1}}',
    ],
)
def test_a_file_with_an_invalid_recipe_adds_none(tmp_path, content):
    file = tmp_path / "recipes.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"recipe"):
        recipes.import_from(file)
    assert not any(each.is_own for each in recipes.load())


def test_the_argument_recipe_sets_what_the_script_leaves_at_its_default():
    options = checked({**defaults(), "recipe": "restore", "provider": "openai", "quality": "low"})
    assert options.request["prompt"].startswith("Restore this old photograph")
    assert options.request["quality"] == "low" and options.context == "layer"


@pytest.mark.parametrize("prompt", ["a stormy sky", json.dumps({"sky": "a stormy sky"})])
def test_the_prompt_fills_the_placeholders_of_a_recipe(prompt):
    options = checked({**defaults(), "recipe": "change-sky", "prompt": prompt, "provider": "openai"})
    assert options.request["prompt"].startswith("Replace the sky with a stormy sky.")


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"recipe": "no-such"}, "There is no recipe 'no-such'"),
        ({"recipe": "change-sky"}, "needs a text for: New sky"),
        ({"recipe": "restore", "prompt": "more"}, "has its own prompt"),
    ],
)
def test_a_recipe_that_cannot_be_used_is_reported(values, problem):
    with pytest.raises(BadArguments, match=problem):
        checked({**defaults(), **values})
