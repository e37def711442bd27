"""Parse a prompt into steps; a prompt with any unknown word is refused.

The grammar is the same in every language: clauses are joined by commas and "and"; a clause removes an object, fills,
extends, or adjusts; an arrangement is a prompt of its own. The vocabulary is data, see `language`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from lib.endpoint.engine.adjustments import ADJUSTMENTS
from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.language import Language, Tokens, languages, tokenise
from lib.translation import N_, _

MAX_TOKENS = 80
MAX_AMOUNT = 3.0

# Translators: the words that the engine understands in your language are in lib/endpoint/engine/words.
UNDERSTOOD = N_(
    "It understands: remove, erase, delete, clean up, heal or fill the selection; extend a transparent "
    "border; black and white, sepia, warmer, cooler, brighter, darker, more or less contrast, more or less "
    "saturated, sharpen, blur, denoise, invert, posterize, pixelate, 'make it COLOUR', transparent background, "
    "with 'slightly' or 'much'; arrange several images."
)


@dataclass(frozen=True)
class Step:
    """One step of an edit. `target` is the part of the picture that the prompt names, if any.

    `name` is a key of `adjustments.json` for an adjustment, otherwise empty; "transparent" cuts out the subject. `part`
    limits an adjustment to the subject or its background, which are found without a selection. A "backdrop" puts
    `colour` behind the subject.
    """

    kind: Literal["fill", "extend", "adjust", "arrange", "backdrop"]
    name: str = ""
    amount: float = 1.0
    colour: str | None = None
    target: str | None = None
    part: Literal["", "subject", "background"] = ""


Steps = tuple[Step, ...]


def cuts_out(steps: Steps) -> bool:
    """Return whether the result is the subject on transparent."""
    return any(step.name == "transparent" for step in steps)


def parse_prompt(prompt: str) -> Steps:
    """Return the steps that `prompt` asks for, in order. Raise Refused (prompt_not_understood) if in doubt."""
    tokens = tokenise(prompt)
    while tokens and tokens[-1] == ",":
        tokens = tokens[:-1]
    if 0 < len(tokens) <= MAX_TOKENS:
        for language in languages():
            steps = _PromptParser(language, tokens).parse()
            if steps and _is_consistent(steps):
                return steps
    raise Refused(
        "prompt_not_understood",
        _("The built-in engine has no model and does not understand this prompt. {understood}").format(
            understood=_(UNDERSTOOD)
        ),
    )


def _is_consistent(steps: Steps) -> bool:
    """Return whether the steps are compatible: no skill twice (warmer and cooler), at most one part of the picture."""
    skills = [ADJUSTMENTS[step.name].skill for step in steps if step.kind == "adjust"]
    targets = {step.target for step in steps if step.target}
    parts = any(step.target for step in steps if step.kind == "adjust") and len(targets) > 1
    return len(set(skills)) == len(skills) and not parts


class _PromptParser:
    """A backtracking parser of `tokens` in one language; a parse must consume all of them."""

    def __init__(self, language: Language, tokens: Tokens) -> None:
        self._language = language
        self._tokens = tokens
        self._end = len(tokens)
        self._parsed: dict[tuple[int, bool], Steps | None] = {}

    def parse(self) -> Steps | None:
        if self._language.contains("never", self._tokens):
            return None
        return self._sequence(0, False) or self._arrangement()

    def _match(self, kind: str, at: int) -> Iterator[tuple[str, int]]:
        return self._language.match(kind, self._tokens, at)

    def _ends(self, kind: str, at: int) -> Iterator[int]:
        """Yield `at` and each position after skipping any number of phrases of `kind`."""
        visited, open_ends = {at}, [at]
        while open_ends:
            here = open_ends.pop(0)
            yield here
            for _value, end in self._match(kind, here):
                if end not in visited:
                    visited.add(end)
                    open_ends.append(end)

    def _sequence(self, at: int, adjusting: bool) -> Steps | None:
        """Return the clauses from `at` to the end; after an adjustment, "with" joins another."""
        if (at, adjusting) not in self._parsed:
            self._parsed[at, adjusting] = None
            self._parsed[at, adjusting] = next(self._sequences(at, adjusting), None)
        return self._parsed[at, adjusting]

    def _sequences(self, at: int, adjusting: bool) -> Iterator[Steps]:
        for step, end in self._clauses(at):
            for here in self._ends("soft", end):
                if here == self._end:
                    yield (step,)
            yield from ((step, *rest) for rest in self._joined(step, end))

    def _joined(self, step: Step, end: int) -> Iterator[Steps]:
        starts = set(self._ends("join", end)) - {end}
        if step.kind == "adjust":
            starts |= {after for _value, after in self._match("join_with", end)}
        for start in sorted(starts):
            rest = self._sequence(start, step.kind == "adjust")
            if rest:
                yield rest

    def _clauses(self, at: int) -> Iterator[tuple[Step, int]]:
        for start in self._ends("soft", at):
            yield from self._adjustments(start)
            yield from self._closed("extend", start)
            yield from self._closed("fill", start)
            yield from self._removals(start)

    def _closed(self, kind: Literal["fill", "extend"], at: int) -> Iterator[tuple[Step, int]]:
        """Match a verb whose object can only be the area itself."""
        for _value, after in self._match(kind, at):
            for end in self._ends(f"{kind}_object", after):
                yield Step(kind), end

    def _removals(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match a verb and any object: its name does not matter, as the mask marks it."""
        for _value, after in self._match("remove", at):
            yield Step("fill"), after
            for target, end in self._removable(after):
                yield Step("fill", target=target), end
        if self._language.verb_last:
            for target, end in self._removable(at):
                yield from ((Step("fill", target=target), after) for _value, after in self._match("remove", end))

    def _adjustments(self, at: int) -> Iterator[tuple[Step, int]]:
        yield from self._degrees("adjust", at)
        for step, end in self._degrees("adjust", at):
            yield from ((replace(step, target=text), after) for text, after in self._definite_things(end))
        for _value, made in self._match("make", at):
            for target, after in self._made_targets(made):
                for start in {after, *(end for _value, end in self._match("made", after))}:
                    yield from ((replace(step, target=target), end) for step, end in self._looks(start))

    def _made_targets(self, at: int) -> Iterator[tuple[str | None, int]]:
        """Match the object of "make": "the", perhaps a colour, and one word; or the whole picture.

        In this order, because "make the sky blue" is about the sky, not about the colour "sky blue".
        """
        everything = list(self._ends("soft", at))
        for _value, start in self._match("definite", at):
            for noun in {start, *(end for _value, end in self._language.colours(self._tokens, start))}:
                if noun < self._end and noun + 1 not in everything and self._is_thing(at, noun + 1):
                    yield self._text(at, noun + 1), noun + 1
        yield from ((None, end) for end in everything)

    def _looks(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match what something can be made: an adjustment, or a colour."""
        for amount, start in self._amounts(at):
            for colour, end in self._language.colours(self._tokens, start):
                yield Step("adjust", "recolour", amount, colour), end
        yield from self._degrees("adjust", at)
        yield from self._degrees("adjust_made", at)

    def _degrees(self, kind: str, at: int) -> Iterator[tuple[Step, int]]:
        """Match an adjustment, with "slightly" before or after it."""
        for before, start in self._amounts(at):
            for name, middle in self._match(kind, start):
                for after, end in self._amounts(middle):
                    yield Step("adjust", name, min(before * after, MAX_AMOUNT)), end

    def _amounts(self, at: int) -> Iterator[tuple[float, int]]:
        """Match any sequence of amounts and filler words: their product, and the end."""
        amounts: dict[int, list[float]] = {at: []}
        open_ends = [at]
        while open_ends:
            here = open_ends.pop(0)
            yield prod(amounts[here]), here
            steps = [(float(amount), end) for amount, end in self._match("amount", here)]
            steps += [(1.0, end) for _value, end in self._match("soft", here)]
            for amount, end in steps:
                if end not in amounts:
                    amounts[end] = [*amounts[here], amount]
                    open_ends.append(end)

    def _things(self, at: int) -> Iterator[tuple[str, int]]:
        """Match the name of an object at `at`, shortest first."""
        for end in range(at + 1, self._end + 1):
            if self._is_thing(at, end):
                yield self._text(at, end), end

    def _is_thing(self, at: int, end: int) -> bool:
        """Return whether the tokens can name objects: no verb, no adjustment, and no colour in place of a noun."""
        if any(self._language.contains(kind, self._tokens[at:end]) for kind in ("stop", "adjust")):
            return False
        if not all(self._is_piece(*piece) for piece in self._pieces(at, end)):
            return False
        head = self._head(at, end)
        colours = (self._language.colours(head, start) for start in range(len(head)))
        return not any(stop == len(head) for ends in colours for _value, stop in ends)

    def _removable(self, at: int) -> Iterator[tuple[str, int]]:
        """Match objects that can be removed; a blur or a tint cannot."""
        for text, end in self._things(at):
            head = self._head(at, end)
            if not any(head[-count:] in self._language.phrases.get("not_object", {}) for count in (1, 2)):
                yield text, end

    def _definite_things(self, at: int) -> Iterator[tuple[str, int]]:
        """Match objects with "the": "blur a dog" could ask for a new dog."""
        for _value, definite in self._match("definite", at):
            yield from ((text, end) for text, end in self._things(at) if end > definite)

    def _head(self, at: int, end: int) -> Tokens:
        """Return the object itself, without "in the garden"."""
        prepositions = (here for here in range(at + 1, end) if any(self._match("preposition", here)))
        return self._tokens[at : next(prepositions, end)]

    def _pieces(self, at: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """Yield the parts between "and"s: start, end, and whether it is the first."""
        start = at
        for here in range(at, end):
            joins = [after for _value, after in self._match("join", here) if after <= end]
            if joins and here >= start:
                yield start, here, start == at
                start = joins[0]
        yield start, end, start == at

    def _is_piece(self, start: int, end: int, first: bool) -> bool:
        tokens = self._tokens[start:end]
        if not tokens or not all(token.isalnum() for token in tokens):
            return False
        if first:
            return True
        determined = any(True for _value in self._match("determiner", start))
        verbs = ("adjust", "make", "fill", "extend", "arrange", "remove")
        return (determined or len(tokens) <= self._language.piece_words) and not any(
            True for kind in verbs for _value in self._match(kind, start)
        )

    def _text(self, at: int, end: int) -> str:
        return " ".join(self._tokens[at:end])

    def _arrangement(self) -> Steps | None:
        """Parse a prompt that only asks for an arrangement, perhaps with the colour of the background."""
        at, arranged, board = 0, False, None
        while at < self._end:
            strong = next(self._match("arrange", at), None)
            other = next(self._match("arrange_also", at), None) or next(self._match("soft", at), None)
            colour = next(self._boards(at), None)
            if strong:
                at, arranged = strong[1], True
            elif colour:
                board, at = colour
            elif other:
                at = other[1]
            else:
                return None
        return (Step("arrange", colour=board),) if arranged else None

    def _boards(self, at: int) -> Iterator[tuple[str, int]]:
        for colour, end in self._language.colours(self._tokens, at):
            for _value, after in self._match("board", end):
                yield colour, after
