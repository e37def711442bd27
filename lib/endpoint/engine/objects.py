"""The part of the grammar that reads names of objects: "the dog in the garden", "wires, poles and cars"."""

from collections.abc import Iterator
from typing import Any

from lib.endpoint.engine.language import Language, Split, Tokens


class Words:
    """The tokens of a prompt in one language, and what they can mean from a position on."""

    def __init__(self, language: Language, tokens: Tokens) -> None:
        self.language = language
        self.tokens = tokens
        self.end = len(tokens)
        self._matches: dict[tuple[str, int], list[tuple[Any, int]]] = {}
        self._colours: dict[int, list[tuple[str, int]]] = {}
        self._is_thing: dict[tuple[int, int], bool] = {}

    def match(self, kind: str, at: int) -> list[tuple[Any, int]]:
        """Return the value and the end of each phrase of `kind` at `at`."""
        if (kind, at) not in self._matches:
            self._matches[kind, at] = self.language.match(kind, self.tokens, at)
        return self._matches[kind, at]

    def colours(self, at: int) -> list[tuple[str, int]]:
        """Return each colour at `at`, and its end."""
        if at not in self._colours:
            self._colours[at] = list(self.language.colours(self.tokens, at))
        return self._colours[at]

    def contains(self, kind: str, start: int, end: int) -> bool:
        """Return whether a phrase of `kind` without a gap lies between `start` and `end`."""
        return any(stop <= end for at in range(start, end) for _value, stop in self.match(kind, at))

    def ends(self, at: int, *kinds: str) -> list[int]:
        """Return `at` and each position after skipping any number of phrases of `kinds`."""
        result = [at]
        for here in result:
            for kind in kinds:
                result += [end for _value, end in self.match(kind, here) if end not in result]
        return result

    def soft(self, at: int) -> list[int]:
        """Return `at` and each position after words that say nothing about the edit."""
        return self.ends(at, "soft", "courtesy")

    def padding(self, at: int) -> list[int]:
        """Return `at` and each position after such words and commas: "hi, could you", ", thanks"."""
        result = [at]
        for here in result:
            comma = [here + 1] if here < self.end and self.tokens[here] == "," else []
            result += [end for end in (*self.soft(here), *comma) if end not in result]
        return result

    def text(self, at: int, end: int) -> str:
        """Return the words themselves."""
        return " ".join(self.tokens[at:end])

    def heads(self, kind: str, at: int) -> Iterator[tuple[Split, int]]:
        """Yield each phrase of `kind` with a gap whose head is at `at`, and the head's end."""
        for split in self.language.splits(kind):
            yield from ((split, end) for end in split.head.ends(self.tokens, at))

    def tails(self, split: Split, at: int) -> Iterator[int]:
        """Yield the end of the phrase's tail at `at`, or after words that say nothing."""
        yield from sorted({end for here in self.soft(at) for end in split.tail.ends(self.tokens, here)})

    def split_objects(self, kind: str, at: int) -> Iterator[tuple[Any, str, int]]:
        """Match a phrase with a gap and the name of an object in it: yield its value, the name and the end."""
        for split, head in self.heads(kind, at):
            for start in reversed(self.soft(head)) if head > at else [head]:
                for name, middle in self.things(start):
                    yield from ((split.value, name, end) for end in self.tails(split, middle))

    def things(self, at: int) -> Iterator[tuple[str, int]]:
        """Match the name of an object at `at`, shortest first."""
        for end in range(at + 1, self.end + 1):
            if self.is_thing(at, end):
                yield self.text(at, end), end

    def is_thing(self, at: int, end: int) -> bool:
        """Return whether the tokens can name objects: no verb, no adjustment, and no colour in place of a noun."""
        if (at, end) not in self._is_thing:
            self._is_thing[at, end] = self._names_objects(at, end)
        return self._is_thing[at, end]

    def _names_objects(self, at: int, end: int) -> bool:
        if any(self.contains(kind, at, end) for kind in ("stop", "never", "adjust", "courtesy")):
            return False
        if any(stop == end for start in range(at, end) for _value, stop in self.match("amount", start)):
            return False
        if not all(self._is_piece(*piece) for piece in self._pieces(at, end)):
            return False
        head = self.head_end(at, end)
        return not any(stop == head for start in range(at, head) for _value, stop in self.colours(start))

    def removable(self, at: int) -> Iterator[tuple[str, int]]:
        """Match objects that can be removed; a blur or a tint cannot."""
        for text, end in self.things(at):
            if not self.ends_with("not_object", at, self.head_end(at, end)):
                yield text, end

    def definite_things(self, at: int) -> Iterator[tuple[str, int]]:
        """Match objects with "the": "blur a dog" could ask for a new dog."""
        for _value, definite in self.match("definite", at):
            yield from ((text, end) for text, end in self.things(at) if end > definite)

    def ends_with(self, kind: str, at: int, end: int) -> bool:
        """Return whether a phrase of `kind` ends the words from `at` to `end`."""
        return any(stop == end for start in range(at, end) for _value, stop in self.match(kind, start))

    def head_end(self, at: int, end: int) -> int:
        """Return where the object itself ends, without "in the garden"."""
        return next((here for here in range(at + 1, end) if self.match("preposition", here)), end)

    def _pieces(self, at: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Yield the parts between "and"s: start, end, and whether it is the first."""
        start = at
        for here in range(at, end):
            joins = [after for _value, after in self.match("join", here) if after <= end]
            if joins and here >= start:
                yield start, here, start == at
                start = joins[0]
        yield start, end, start == at

    def _is_piece(self, start: int, end: int, first: bool) -> bool:
        tokens = self.tokens[start:end]
        if not tokens or not all(token.isalnum() for token in tokens):
            return False
        if first:
            return True
        verbs = ("adjust", "make", "fill", "extend", "arrange", "remove", "more", "less", "cut_out", "assurance")
        is_short = len(tokens) <= self.language.piece_words or bool(self.match("determiner", start))
        return is_short and not any(self.match(kind, start) for kind in verbs)
