"""The prompts that were used: those with a star first and never forgotten, then the latest."""

from collections.abc import Callable
from dataclasses import dataclass

from lib.settings import settings
from lib.storage.stored_json import Data, StoredJson

_VERSION = 1
_MOST = 200
_LONGEST = 32_000


@dataclass(frozen=True)
class Prompt:
    """One prompt, and whether the user gave it a star."""

    text: str
    starred: bool = False


def load() -> list[Prompt]:
    """All prompts that are kept, those with a star first; what is wrong in the file is left out."""
    return _read(_file().read().data)


def remember(text: str) -> None:
    """Puts a prompt in front; an empty one is none. Raises OSError where the disk refuses."""
    text = text.strip()
    if text:
        _change(lambda kept: [Prompt(text, any(each.starred for each in kept if each.text == text)), *_but(kept, text)])


def star(text: str, starred: bool) -> None:
    """Gives a prompt a star, or takes it back; raises OSError where the disk refuses."""
    _change(lambda kept: [Prompt(each.text, starred if each.text == text else each.starred) for each in kept])


class Recall:
    """Steps through the earlier prompts; what was typed and never sent counts as newer than all of them."""

    def __init__(self) -> None:
        self._typed: list[str] = []

    def step(self, text: str, steps: int) -> str:
        """Return what comes so many steps before `text` in the box, or after it where they are negative."""
        earlier = [prompt.text for prompt in load()]
        if text not in (*self._typed, *earlier):
            self._typed.insert(0, text)
        texts = [typed for typed in self._typed if typed not in earlier] + earlier
        return texts[max(0, min(texts.index(text) + steps, len(texts) - 1))]


def _but(kept: list[Prompt], text: str) -> list[Prompt]:
    return [each for each in kept if each.text != text]


def _change(edit: Callable[[list[Prompt]], list[Prompt]]) -> None:
    def write(data: Data) -> Data:
        kept = edit(_read(data))
        rest = _MOST - sum(each.starred for each in kept)
        plain = [each for each in kept if not each.starred][: max(rest, 0)]
        ordered = [each for each in kept if each.starred] + plain
        return data | {"prompts": [{"text": each.text, "starred": each.starred} for each in ordered]}

    _file().change(write)


def _read(data: Data) -> list[Prompt]:
    entries = data.get("prompts")
    kept = [
        Prompt(entry["text"], entry.get("starred") is True)
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("text"), str) and 0 < len(entry["text"]) <= _LONGEST
    ]
    return sorted(kept, key=lambda each: not each.starred)


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "prompts.json", _VERSION)
