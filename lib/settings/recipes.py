"""Recipes: named sets of an edit's options, read from recipes.json."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lib.translation import _

_PLACEHOLDER = re.compile(r"\{([^{}\n]{1,60})\}")


@dataclass(frozen=True)
class Recipe:
    """`values` are options by the names of their arguments; `labels` are texts that ask for the prompt's placeholders.

    A placeholder is a name in braces, such as {sky}.
    """

    name: str
    title: str
    values: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def placeholders(self) -> list[str]:
        """The names in braces in the prompt, each once."""
        return list(dict.fromkeys(_PLACEHOLDER.findall(self.values["prompt"])))

    def filled(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return the values, with texts for the placeholders; those without a text stay in the prompt."""
        prompt = _PLACEHOLDER.sub(lambda match: texts.get(match[1]) or match[0], self.values["prompt"])
        return {**self.values, "prompt": prompt}


def load() -> list[Recipe]:
    """Return the recipes, with titles in the user's language."""
    return [
        Recipe(
            name,
            _(entry["title"]),
            entry["values"],
            {placeholder: _(label) for placeholder, label in entry.get("fields", {}).items()},
        )
        for name, entry in _data().items()
    ]


def get(name: str) -> Recipe:
    """Return the recipe of this name; raise ValueError, with a message that lists all names, if there is none."""
    recipes = load()
    match = next((each for each in recipes if name == each.name), None)
    if match is None:
        message = _("There is no recipe {name!r}; the recipes are {names}.")
        raise ValueError(message.format(name=name[:60], names=", ".join(each.name for each in recipes)))
    return match


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("recipes.json").read_text(encoding="utf-8"))
    return data
