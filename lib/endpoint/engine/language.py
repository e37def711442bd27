"""The vocabulary of each language, from `words/*.json`; to add a language, add a file.

A pattern is a phrase in which `[a|b]` is an alternative and `[a|]` is optional.
"""

import itertools
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from PIL import ImageColor

Tokens = tuple[str, ...]

_TOKEN = re.compile(r"#[0-9a-f]{6}\b|[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+|[^\w\s]")
_SILENT = set("'\"`´-–—‘’“”„«»‹›「」『』¿¡")
_PAUSE = set(".,;:!?、。")
_HEX = re.compile(r"#[0-9a-f]{6}")
_MAX_COLOUR_WORDS = 3


def tokenise(text: str) -> Tokens:
    """Split into lower-case words without accents, Chinese characters, and a comma for any pause; drop other marks."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).casefold()
    tokens = (token for token in _TOKEN.findall(plain) if token not in _SILENT)
    return tuple("," if token in _PAUSE else "&" if token == "+" else token for token in tokens)


@dataclass(frozen=True)
class Language:
    """The phrases of one language by kind; each phrase, as its tokens, has a value.

    `verb_last`: "remove" may follow its object. `piece_words`: an object after "and" needs no article if it
    has at most so many words. `suffix_colours` are colours only if "coloured" follows.
    """

    name: str
    phrases: Mapping[str, Mapping[Tokens, Any]]
    longest: Mapping[str, int]
    verb_last: bool
    piece_words: int
    suffix_colours: frozenset[str]

    def match(self, kind: str, tokens: Tokens, start: int) -> Iterator[tuple[Any, int]]:
        """Yield the value and the end of each phrase of `kind` at `start`, longest first."""
        table = self.phrases.get(kind, {})
        for end in range(min(len(tokens), start + self.longest.get(kind, 0)), start, -1):
            if tokens[start:end] in table:
                yield table[tokens[start:end]], end

    def colours(self, tokens: Tokens, start: int) -> Iterator[tuple[str, int]]:
        """Yield the CSS name or #rrggbb and the end of each colour at `start`."""
        yield from self.match("colour", tokens, start)
        for end in range(min(len(tokens), start + _MAX_COLOUR_WORDS), start, -1):
            name = "".join(tokens[start:end])
            if _HEX.fullmatch(name):
                yield name, end
            elif self.name == "en" and name in ImageColor.colormap:
                suffix_ends = [after for _, after in self.match("colour_suffix", tokens, end)]
                yield from ((name, after) for after in suffix_ends)
                if name not in self.suffix_colours:
                    yield name, end

    def contains(self, kind: str, tokens: Tokens) -> bool:
        """Return whether a phrase of `kind` occurs in `tokens`."""
        return any(True for start in range(len(tokens)) for _ in self.match(kind, tokens, start))


@cache
def languages() -> tuple[Language, ...]:
    """Return every language, English first."""
    paths = sorted((Path(__file__).parent / "words").glob("*.json"), key=lambda path: path.stem != "en")
    return tuple(_load(path) for path in paths)


def expand(pattern: str) -> Iterator[Tokens]:
    """Yield the token sequences that match `pattern`."""
    parts = re.split(r"\[([^\]]*)\]", pattern)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    for combination in itertools.product(*choices):
        yield tokenise(" ".join(combination))


def _load(path: Path) -> Language:
    table = json.loads(path.read_text("utf-8"))
    verb_last = table.pop("verb_last", False)
    piece_words = table.pop("piece_words", 1)
    suffix_colours = frozenset(table.pop("colour_only_with_suffix", ()))
    phrases = {kind: dict(_phrases(entry)) for kind, entry in table.items()}
    longest = {kind: max(map(len, entries), default=0) for kind, entries in phrases.items()}
    return Language(path.stem, phrases, longest, verb_last, piece_words, suffix_colours)


def _phrases(entry: Iterable[str] | Mapping[str, Any]) -> Iterator[tuple[Tokens, Any]]:
    """Yield the phrases of a list of patterns, a map of patterns to values, or a map of values to lists of patterns."""
    if not isinstance(entry, Mapping):
        yield from ((tokens, True) for pattern in entry for tokens in expand(pattern) if tokens)
        return
    for name, value in entry.items():
        if isinstance(value, list):
            yield from ((tokens, name) for pattern in value for tokens in expand(pattern) if tokens)
        else:
            yield from ((tokens, value) for tokens in expand(name) if tokens)
