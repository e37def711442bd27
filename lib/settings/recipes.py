"""Recipes: named sets of an edit's options. The built-in ones are in recipes.json, the user's own in the data folder.

A prompt may have placeholders, such as {sky}. A recipe of the user or of an imported file is untrusted input: it sets
only the options in `OPTIONS`, none of which decides where a picture is sent or what that costs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from lib.settings import settings
from lib.storage.stored_json import Data, StoredJson
from lib.translation import _

OPTIONS: Mapping[str, type] = {
    "prompt": str, "quality": str, "background": str, "input-fidelity": str, "context": str, "sample-merged": bool,
    "grow": int, "feather": float, "markup": str,
}  # fmt: skip
_VERSION = 1
_MOST = 500
_LONGEST_TITLE, _LONGEST_VALUE = 80, 40
_LONGEST = {"prompt": 32_000, "markup": 200}
_MOST_REFERENCES, _LONGEST_LAYER_NAME = 15, 200
_PLACEHOLDER = re.compile(r"\{([^{}\n]{1,60})\}")


@dataclass(frozen=True)
class Recipe:
    """A named set of options.

    `values` are options by the names of their arguments; `labels` are titles of placeholders that have one.
    `references` are the names of the layers that the window sends as reference images; a script names its own.
    """

    name: str
    title: str
    values: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    is_own: bool = False
    references: Sequence[str] = ()

    @property
    def placeholders(self) -> list[str]:
        """The names in braces in the prompt, each once."""
        return list(dict.fromkeys(_PLACEHOLDER.findall(self.values.get("prompt", ""))))

    def label(self, placeholder: str) -> str:
        """Return the text that asks for a placeholder."""
        return self.labels.get(placeholder, placeholder)

    def filled(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Return the values, with texts for the placeholders; those without a text stay in the prompt."""
        prompt = _PLACEHOLDER.sub(lambda match: texts.get(match[1]) or match[0], self.values.get("prompt", ""))
        return {**self.values, "prompt": prompt}


def load() -> list[Recipe]:
    """Return our recipes, with titles in the user's language, then the user's own."""
    own = _own(_file().read().data)
    return [*_built_in(), *own.values()]


def get(name: str) -> Recipe:
    """Return the recipe of this name, or of this title; raise ValueError, with the names, if there is none."""
    recipes = load()
    match = next((each for each in recipes if name == each.name), None)
    match = match or next((each for each in recipes if name.casefold() == each.title.casefold()), None)
    if match is None:
        message = _("There is no recipe {name!r}; the recipes are {names}.")
        raise ValueError(message.format(name=name[:60], names=", ".join(each.name for each in recipes)))
    return match


def save(title: str, values: Mapping[str, Any], references: Sequence[str] = ()) -> Recipe:
    """Store a recipe of the user's own, in place of one with the same title; raise ValueError or OSError."""
    recipe = validate(_name(title), {"title": title, "values": dict(values), "references": list(references)})
    _change(lambda own: {**own, recipe.name: recipe})
    return recipe


def remove(name: str) -> None:
    """Delete one of the user's recipes; raise OSError."""
    _change(lambda own: {each: recipe for each, recipe in own.items() if each != name})


def export_to(path: Path) -> int:
    """Write the user's recipes into one JSON file; return their number. Raises OSError."""
    own = _own(_file().read().data)
    path.write_text(json.dumps(_entries(own), ensure_ascii=False, indent=1), encoding="utf-8")
    return len(own)


def import_from(path: Path) -> int:
    """Add the recipes of a file, in place of those with the same name; return their number.

    Raises OSError, or ValueError with a sentence for the user, and then adds none.
    """
    try:
        entries = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, dict) or not isinstance(entries.get("recipes"), dict):
        raise ValueError(_("{file} is not a file of recipes.").format(file=path.name))
    imported = {name: validate(name, entry) for name, entry in entries["recipes"].items()}
    _change(lambda own: {**own, **imported})
    return len(imported)


def validate(name: str, entry: object) -> Recipe:
    """Return a recipe; raise ValueError with a sentence for the user if it is invalid."""
    values = entry.get("values") if isinstance(entry, Mapping) else None
    title = entry.get("title") if isinstance(entry, Mapping) else None
    references = entry.get("references", []) if isinstance(entry, Mapping) else None
    is_title = isinstance(title, str) and title.strip() and title.isprintable() and len(title) <= _LONGEST_TITLE
    if not is_title or not isinstance(title, str) or not isinstance(values, Mapping):
        raise ValueError(_("The recipe “{name}” is damaged.").format(name=name[:60]))
    invalid = [str(option)[:40] for option, value in values.items() if not _is_valid(option, value)]
    if not _are_layer_names(references):
        invalid.append("references")
    if invalid:
        message = _("The recipe “{name}” can't be used: {option} is not valid.")
        raise ValueError(message.format(name=title, option=invalid[0]))
    return Recipe(name, title.strip(), dict(values), is_own=True, references=tuple(references or ()))


def _is_valid(option: str, value: object) -> bool:
    kind = OPTIONS.get(option)
    is_number = kind is float and type(value) in (int, float)
    is_of_kind = kind is not None and (type(value) is kind or is_number)
    return is_of_kind and len(str(value)) <= _LONGEST.get(option, _LONGEST_VALUE)


def _are_layer_names(names: object) -> bool:
    if not isinstance(names, list) or len(names) > _MOST_REFERENCES:
        return False
    return all(isinstance(name, str) and 0 < len(name) <= _LONGEST_LAYER_NAME for name in names)


def _built_in() -> list[Recipe]:
    return [
        Recipe(
            name,
            _(entry["title"]),
            entry["values"],
            {placeholder: _(label) for placeholder, label in entry.get("fields", {}).items()},
        )
        for name, entry in _data().items()
    ]


@cache
def _data() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(Path(__file__).with_name("recipes.json").read_text(encoding="utf-8"))
    return data


def _name(title: str) -> str:
    """Return the name of a recipe of the user's own, which never is that of one of ours."""
    return "own-" + (re.sub(r"\W+", "-", title.casefold()).strip("-") or "recipe")


def _own(data: Data) -> dict[str, Recipe]:
    entries = data.get("recipes")
    own = {}
    for name, entry in list(entries.items() if isinstance(entries, dict) else ())[:_MOST]:
        try:
            own[name] = validate(name, entry)
        except ValueError:
            continue  # the file was changed by hand
    return own


def _entries(own: Mapping[str, Recipe]) -> dict[str, Any]:
    return {"recipes": {name: _entry(recipe) for name, recipe in own.items()}}


def _entry(recipe: Recipe) -> dict[str, Any]:
    references = {"references": list(recipe.references)} if recipe.references else {}
    return {"title": recipe.title, "values": dict(recipe.values), **references}


def _change(edit: Callable[[dict[str, Recipe]], Mapping[str, Recipe]]) -> None:
    _file().change(lambda data: data | _entries(edit(_own(data))))


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "recipes.json", _VERSION)
