"""The prompts used so far: starred ones first, which are never dropped, then the latest."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from lib.settings import settings
from lib.storage.stored_json import Data, StoredJson

_VERSION = 1
_MOST = 200
_LONGEST = 32_000


@dataclass(frozen=True)
class Prompt:
    """A prompt, and whether the user starred it."""

    text: str
    starred: bool = False


def load() -> list[Prompt]:
    """Return all stored prompts, starred ones first, without the invalid entries of the file."""
    return _read(_file().read().data)


def remember(text: str) -> None:
    """Store a prompt as the latest, unless it is empty; raise OSError if that fails."""
    text = text.strip()

    def add(prompts: list[Prompt]) -> list[Prompt]:
        starred = Prompt(text, starred=True) in prompts
        return [Prompt(text, starred), *(prompt for prompt in prompts if prompt.text != text)]

    if text:
        _change(add)


def star(text: str, starred: bool) -> None:
    """Star a prompt or remove its star; raise OSError if that fails."""
    _change(lambda prompts: [replace(each, starred=starred) if each.text == text else each for each in prompts])


class PromptHistory:
    """Steps through the earlier prompts in a text box; texts that were typed but not sent are newer than those."""

    def __init__(self) -> None:
        self._typed: list[str] = []

    def step(self, text: str, steps: int) -> str:
        """Return the prompt that many steps older than `text`, the text in the box, or newer if `steps` is negative."""
        earlier = [prompt.text for prompt in load()]
        if text not in (*self._typed, *earlier):
            self._typed.insert(0, text)
        texts = [typed for typed in self._typed if typed not in earlier] + earlier
        return texts[max(0, min(texts.index(text) + steps, len(texts) - 1))]


def _change(edit: Callable[[list[Prompt]], list[Prompt]]) -> None:
    def write(data: Data) -> Data:
        prompts = edit(_read(data))
        starred = [prompt for prompt in prompts if prompt.starred]
        others = [prompt for prompt in prompts if not prompt.starred][: max(0, _MOST - len(starred))]
        return data | {"prompts": [{"text": each.text, "starred": each.starred} for each in starred + others]}

    _file().change(write)


def _read(data: Data) -> list[Prompt]:
    entries = data.get("prompts")
    prompts = [
        Prompt(entry["text"], entry.get("starred") is True)
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict) and isinstance(entry.get("text"), str) and 0 < len(entry["text"]) <= _LONGEST
    ]
    return sorted(prompts, key=lambda prompt: not prompt.starred)


def _file() -> StoredJson:
    return StoredJson(settings.data_folder() / "prompts.json", _VERSION)
