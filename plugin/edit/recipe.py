"""The argument `recipe`: the options of a recipe, where a script leaves its own at their defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lib.settings import recipes
from lib.settings.recipes import Recipe
from lib.translation import _
from plugin.edit.arguments import defaults


def with_recipe(values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values with those of the recipe that they name, and a sentence for each problem.

    The prompt fills the recipe's placeholders: a text for one, a JSON object for several.
    """
    if not values.get("recipe"):
        return dict(values), []
    try:
        recipe = recipes.get(values["recipe"])
    except ValueError as error:
        return dict(values), [str(error)]
    texts, problems = _texts(recipe, values["prompt"].strip())
    unset = {name for name, default in defaults().items() if name in values and values[name] == default}
    filled = {name: value for name, value in recipe.filled(texts).items() if name == "prompt" or name in unset}
    return {**values, **filled}, problems


def _texts(recipe: Recipe, prompt: str) -> tuple[Mapping[str, str], list[str]]:
    """Return a text for each placeholder of a recipe, and a sentence for each problem."""
    names = recipe.placeholders
    if not names and prompt:
        message = _("The recipe “{recipe}” has its own prompt. Leave the prompt empty.")
        return {}, [message.format(recipe=recipe.title)]
    try:
        texts = json.loads(prompt)
    except ValueError:
        texts = None
    if not isinstance(texts, dict):
        texts = {names[0]: prompt} if prompt and len(names) == 1 else {}
    missing = [recipe.label(name) for name in names if not isinstance(texts.get(name), str) or not texts[name]]
    if not missing:
        return texts, []
    message = _("The recipe “{recipe}” needs a text for: {placeholders}. Give it as the prompt.")
    return {}, [message.format(recipe=recipe.title, placeholders=", ".join(missing))]
