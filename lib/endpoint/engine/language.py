"""The vocabulary of each language, from `words/*.json`; to add a language, add a file.

A pattern is a phrase in which `[a|b]` is an alternative, `[a|]` is optional, and `…` stands for an object or a list.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from PIL import ImageColor

Tokens = tuple[str, ...]

_TOKEN = re.compile(r"#[0-9a-f]{6}\b|[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+|[^\w\s]")
_SILENT = set("'\"`´-–—‘’“”„«»‹›「」『』¿¡()")
_PAUSE = set(".,;:!?、。")
_HEX = re.compile(r"#[0-9a-f]{6}")
_MAX_COLOUR_WORDS = 3
_GAP = "…"


def tokenise(text: str) -> Tokens:
    """Split into lower-case words without accents, Chinese characters, and a comma for any pause; drop other marks."""
    return tuple(token for token, _start, _end in tokenise_with_positions(text))


def tokenise_with_positions(text: str) -> list[tuple[str, int, int]]:
    """Return each token of `text` with where it starts and ends there."""
    plain, positions = [], []
    for position, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character).casefold():
            if not unicodedata.combining(part):
                plain.append(part)
                positions.append(position)
    result = []
    for match in _TOKEN.finditer("".join(plain)):
        token = match.group()
        if token not in _SILENT:
            token = "," if token in _PAUSE else "&" if token == "+" else token
            result.append((token, positions[match.start()], positions[match.end() - 1] + 1))
    return result


@dataclass(frozen=True, eq=False)
class Pattern:
    """A phrase, as the alternatives for each of its places, and the value that stands for it."""

    places: tuple[tuple[Tokens, ...], ...]
    value: Any

    def ends(self, tokens: Tokens, start: int) -> set[int]:
        """Return where the phrase can end in `tokens` if it starts at `start`."""
        reached = {start}
        for alternatives in self.places:
            reached = {
                here + len(words)
                for here in reached
                for words in alternatives
                if tokens[here : here + len(words)] == words
            }
        return reached

    def first_words(self) -> set[str]:
        """Return the words with which the phrase can start."""
        result = set()
        for alternatives in self.places:
            result |= {words[0] for words in alternatives if words}
            if () not in alternatives:
                break
        return result

    def words(self) -> Iterator[str]:
        """Yield every word of the phrase."""
        yield from (word for alternatives in self.places for words in alternatives for word in words)


@dataclass(frozen=True, eq=False)
class Split:
    """A phrase with a gap, such as "take … out": either end may be empty."""

    head: Pattern
    tail: Pattern

    @property
    def value(self) -> Any:
        """The value that stands for the phrase."""
        return self.head.value


class Phrases:
    """The phrases of one kind, found by their first word."""

    def __init__(self, patterns: Sequence[Pattern], splits: Sequence[Split]) -> None:
        self.patterns = patterns
        self.splits = splits
        self._by_word: dict[str, list[Pattern]] = {}
        for pattern in patterns:
            for word in pattern.first_words():
                self._by_word.setdefault(word, []).append(pattern)

    def match(self, tokens: Tokens, start: int) -> list[tuple[Any, int]]:
        """Return the value and the end of each phrase without a gap at `start`, longest first."""
        if start >= len(tokens):
            return []
        ends: dict[int, Any] = {}
        for pattern in self._by_word.get(tokens[start], ()):
            for end in pattern.ends(tokens, start):
                ends.setdefault(end, pattern.value)
        return [(ends[end], end) for end in sorted(ends, reverse=True) if end > start]


@dataclass(frozen=True, eq=False)
class Language:
    """The phrases of one language by kind.

    `verb_last`: "remove" may follow its object. `piece_words`: an object after "and" needs no article if it has at most
    so many words. `suffix_colours` are colours only if "coloured" follows. `clitics` are pronouns that are written
    together with a verb.
    """

    name: str
    kinds: Mapping[str, Phrases]
    verb_last: bool
    piece_words: int
    suffix_colours: frozenset[str]
    clitics: frozenset[str]

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word of the vocabulary."""
        kinds = self.kinds.values()
        patterns = [pattern for kind in kinds for pattern in kind.patterns]
        patterns += [end for kind in kinds for split in kind.splits for end in (split.head, split.tail)]
        return frozenset(word for pattern in patterns for word in pattern.words())

    def match(self, kind: str, tokens: Tokens, start: int) -> list[tuple[Any, int]]:
        """Return the value and the end of each phrase of `kind` without a gap at `start`, longest first."""
        return self.kinds[kind].match(tokens, start) if kind in self.kinds else []

    def splits(self, kind: str) -> Sequence[Split]:
        """Return the phrases of `kind` with a gap."""
        return self.kinds[kind].splits if kind in self.kinds else ()

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


@cache
def languages() -> tuple[Language, ...]:
    """Return every language, English first."""
    paths = sorted((Path(__file__).parent / "words").glob("*.json"), key=lambda path: path.stem != "en")
    return tuple(_load(path) for path in paths)


def compile_pattern(text: str, value: Any = True) -> Pattern:
    """Return the pattern that `text` describes."""
    parts = re.split(r"\[([^\]]*)\]", text)
    choices = [part.split("|") if index % 2 else [part] for index, part in enumerate(parts)]
    places = (tuple(dict.fromkeys(tokenise(choice) for choice in alternatives)) for alternatives in choices)
    return Pattern(tuple(place for place in places if place != ((),)), value)


def _load(path: Path) -> Language:
    table = json.loads(path.read_text("utf-8"))
    verb_last = table.pop("verb_last", False)
    piece_words = table.pop("piece_words", 1)
    suffix_colours = frozenset(table.pop("colour_only_with_suffix", ()))
    clitics = frozenset(table.pop("clitics", ()))
    kinds = {kind: _phrases(list(_patterns(entry))) for kind, entry in table.items()}
    return Language(path.stem, kinds, verb_last, piece_words, suffix_colours, clitics)


def _phrases(patterns: list[tuple[str, Any]]) -> Phrases:
    splits = []
    for text, value in patterns:
        if _GAP in text:
            head, tail = text.split(_GAP)
            splits.append(Split(compile_pattern(head, value), compile_pattern(tail, value)))
    return Phrases([compile_pattern(text, value) for text, value in patterns if _GAP not in text], splits)


def _patterns(entry: Iterable[str] | Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the patterns of a list of them, a map of patterns to values, or a map of values to lists of patterns."""
    if not isinstance(entry, Mapping):
        yield from ((pattern, True) for pattern in entry)
        return
    for name, value in entry.items():
        if isinstance(value, list):
            yield from ((pattern, name) for pattern in value)
        else:
            yield name, value
