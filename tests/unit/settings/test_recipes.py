"""Recipes, their placeholders, and the argument that names one."""

import json

import pytest

from lib import translation
from lib.settings import recipes
from plugin.edit.arguments import defaults
from plugin.edit.options import checked
from plugin.errors import BadArguments


def test_ours_have_translated_titles_and_can_be_sent():
    assert [each.title for each in recipes.load()][:2] == ["Remove", "Replace background"]
    translation.use(["de"])
    try:
        titles = [each.title for each in recipes.load()]
    finally:
        translation.use(["en"])
    assert titles[0] == "Entfernen" and len(titles) == 10
    for recipe in recipes.load():
        assert set(recipe.values) <= set(defaults()) and set(recipe.labels) == set(recipe.placeholders)
        checked({**defaults(), **recipe.filled({}), "provider": "openai"})


def test_placeholders_are_filled_and_those_without_a_text_stay():
    recipe = recipes.Recipe("season", "Season", {"prompt": "{season} by {light}, {season}!", "grow": 2})
    assert recipe.placeholders == ["season", "light"]
    assert recipe.filled({"season": "{light}"}) == {"prompt": "{light} by {light}, {light}!", "grow": 2}
    assert recipe.filled({"light": "night"})["prompt"] == "{season} by night, {season}!"


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
