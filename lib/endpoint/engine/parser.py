"""The grammar of prompts, which is the same in every language.

Clauses are joined by commas and "and". A clause removes an object, fills, extends, adjusts, or treats the background;
or it says nothing new: that the rest stays the same, or what is wrong with the picture. A prompt in which any word is
left over is not understood.
"""

from collections.abc import Iterator
from dataclasses import replace
from math import prod

from lib.endpoint.engine.adjustments import ADJUSTMENTS
from lib.endpoint.engine.language import Language, Tokens
from lib.endpoint.engine.objects import Words
from lib.endpoint.engine.step import MAX_AMOUNT, Step, Steps, finds_subject

# What each kind of verb can be about, by the tables of `words/*.json`.
_GRADED = (
    ("more", "more_of"),
    ("less", "less_of"),
    ("less", "defect"),
    ("remove", "defect"),
    ("mend", "defect"),
    ("tune", "defect"),
    ("tune", "setting"),
)


class PromptParser:
    """A backtracking parser of `tokens` in one language; a parse must consume all of them."""

    def __init__(self, language: Language, tokens: Tokens) -> None:
        self._words = Words(language, tokens)
        self._language = language
        self._end = len(tokens)
        self._parsed: dict[tuple[int, bool], Steps | None] = {}

    def parse(self) -> Steps | None:
        """Return the steps; None if the prompt is not understood, or not consistent."""
        if self._words.contains("other_command", 0, self._end):
            return None
        steps = self._sequence(0, False)
        return (resolve(steps) if steps else None) or self._arrangement()

    def _sequence(self, at: int, adjusting: bool) -> Steps | None:
        """Return the clauses from `at` to the end; after an adjustment, "with" joins another."""
        if (at, adjusting) not in self._parsed:
            self._parsed[at, adjusting] = None
            self._parsed[at, adjusting] = next(self._sequences(at), None)
        return self._parsed[at, adjusting]

    def _sequences(self, at: int) -> Iterator[Steps]:
        for steps, end in self._clauses(at):
            if self._end in self._words.padding(end):
                yield steps
            yield from ((*steps, *rest) for rest in self._joined(steps, end))

    def _joined(self, steps: Steps, end: int) -> Iterator[Steps]:
        adjusting = bool(steps) and steps[-1].kind == "adjust"
        starts = set()
        for here in self._words.soft(end):
            starts |= set(self._words.ends(here, "join")) - {here}
            if adjusting:
                starts |= {after for _value, after in self._words.match("join_with", here)}
            if any(self._assurances(here)):
                starts.add(here)
        for start in sorted(starts):
            rest = self._sequence(start, adjusting)
            if rest is not None:
                yield rest

    def _clauses(self, at: int) -> Iterator[tuple[Steps, int]]:
        for start in self._words.padding(at):
            yield from self._complaints(start)
            yield from self._cut_outs(start)
            yield from self._graded(start)
            for matches in (self._extensions, self._backgrounds, self._adjustments, self._fills, self._removals):
                yield from (((step,), end) for step, end in matches(start))
            yield from self._assurances(start)

    def _assurances(self, at: int) -> Iterator[tuple[Steps, int]]:
        """Match what is true of every edit, such as "keep everything else the same"; or what is to be kept."""
        for start in self._words.soft(at):
            for here in self._words.ends(start, "join_assurance"):
                yield from (((), end) for _value, end in self._words.match("assurance", here))
                for _value, _name, end in self._words.split_objects("assurance", here):
                    yield (), end
                for _value, name, end in self._words.split_objects("keep", here):
                    yield (Step("keep", target=name),), end

    def _complaints(self, at: int) -> Iterator[tuple[Steps, int]]:
        """Match what is wrong with the picture ("it's dark", "too dark"), and "fix it" after that."""
        words = self._words
        subjects = [end for here in words.soft(at) for _value, end in words.match("complaint_start", here)]
        subjects += [end for _value, _name, end in words.split_objects("complaint_start", at)]
        starts = [
            end for subject in subjects for here in words.soft(subject) for end in words.ends(here, "too", "excess")
        ]
        for here in words.soft(at):
            starts += [
                after for _value, end in words.match("excess", here) for after in words.ends(end, "too", "excess")
            ]
        for start in dict.fromkeys(starts):
            for name, middle in words.match("complaint", start):
                for end in reversed(words.ends(middle, "complaint_end")):
                    steps = (Step("complaint", name),)
                    for joined in words.ends(end, "join", "courtesy"):
                        yield from ((steps, fixed) for _value, fixed in words.match("fix_it", joined))
                    yield steps, end

    def _cut_outs(self, at: int) -> Iterator[tuple[Steps, int]]:
        for _value, end in self._words.match("cut_out", at):
            yield (Step("adjust", "transparent"),), end
        for _value, name, end in self._words.split_objects("cut_out", at):
            yield (Step("adjust", "transparent", target=name),), end

    def _backgrounds(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match "on a white background", "replace the background with white", "all in grey except the flower"."""
        for _value, middle in self._words.match("background_to", at):
            for start in self._words.ends(middle, "soft", "plain"):
                for colour, end in self._words.colours(start):
                    yield Step("backdrop", colour=colour), self._words.ends(end, "plain", "background")[-1]
        for _value, name, middle in self._words.split_objects("put_on", at):
            yield from ((replace(step, target=name), end) for step, end in self._plain_backgrounds(middle))
        yield from self._plain_backgrounds(at)
        for step, middle in self._adjustments(at):
            if step.kind == "adjust" and step.target is None and not step.part:
                for here in self._words.soft(middle):
                    for _value, name, end in self._words.split_objects("except", here):
                        yield replace(step, part="background", target=name), end

    def _plain_backgrounds(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match "white background", in either order of the two words."""
        for start in self._words.ends(at, "soft", "plain", "on"):
            for colour, middle in self._words.colours(start):
                for here in self._words.ends(middle, "plain"):
                    yield from ((Step("backdrop", colour=colour), e) for _v, e in self._words.match("background", here))
            for _value, middle in self._words.match("background", start):
                for here in self._words.ends(middle, "plain", "made"):
                    yield from ((Step("backdrop", colour=colour), end) for colour, end in self._words.colours(here))

    def _extensions(self, at: int) -> Iterator[tuple[Step, int]]:
        for _value, verb in self._words.match("extend", at):
            for sides, end in self._extents(verb):
                yield Step("extend", sides=sides), end
                for here in self._words.soft(end):
                    for _purpose, _name, after in self._words.split_objects("extend_purpose", here):
                        yield Step("extend", sides=sides), after
        if self._language.verb_last:
            for sides, start in self._extents(at):
                for here in self._words.soft(start):
                    for _value, end in self._words.match("extend", here):
                        yield from ((Step("extend", sides=sides), after) for after in self._words.ends(end, "amount"))

    def _extents(self, at: int) -> Iterator[tuple[tuple[str, ...], int]]:
        """Match the names of the picture and of its sides, in any order."""
        reached: dict[int, tuple[str, ...]] = {at: ()}
        for here in (positions := [at]):
            yield reached[here], here
            for kind in ("side", "extend_object", "soft", "amount"):
                for value, end in self._words.match(kind, here):
                    if end not in reached:
                        named = value.split() if kind == "side" else []
                        reached[end] = (*reached[here], *(side for side in named if side not in reached[here]))
                        positions.append(end)

    def _fills(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match "fill", whose object can only be the area itself, and "fix" with something that is a flaw."""
        for _value, verb in self._words.match("fill", at):
            yield from ((Step("fill"), end) for end in self._words.ends(verb, "fill_object"))
        for _value, verb in self._words.match("mend", at):
            yield Step("fill"), verb
            yield from self._blemishes(verb)
        if self._language.verb_last:
            for step, middle in self._blemishes(at):
                for here in self._words.soft(middle):
                    for _value, end in self._words.match("mend", here):
                        yield from ((step, after) for after in self._words.ends(end, "amount"))

    def _blemishes(self, at: int) -> Iterator[tuple[Step, int]]:
        for start in self._words.ends(at, "clitic"):
            for target, end in self._words.things(start):
                if self._words.ends_with("blemish", start, self._words.head_end(start, end)):
                    yield Step("fill", target=target), end

    def _removals(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match a verb and any object: its name does not matter, as the mask marks it."""
        for step, end in self._removed(at):
            yield from ((replace(step, shadow=True), after) for _value, after in self._words.match("shadow", end))
            yield step, end

    def _removed(self, at: int) -> Iterator[tuple[Step, int]]:
        words = self._words
        for _value, verb in words.match("remove", at):
            yield Step("fill"), verb
            for start in reversed(words.ends(verb, "clitic")):
                yield from self._removable(start)
        for split, head in words.heads("remove", at):
            if head > at:
                yield from ((Step("fill"), end) for end in words.tails(split, head))
            for start in reversed(words.ends(head, "clitic", "courtesy")):
                for step, middle in self._removable(start):
                    yield from ((step, end) for end in words.tails(split, middle))
        if self._language.verb_last:
            for step, middle in self._removable(at):
                for here in words.soft(middle):
                    yield from ((step, end) for _value, end in words.match("remove", here))

    def _removable(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match an object to remove, perhaps with its shadow."""
        for target, end in self._words.removable(at):
            for _value, after in self._words.match("shadow", end):
                yield Step("fill", target=target, shadow=True), after
            yield Step("fill", target=target), end

    def _graded(self, at: int) -> Iterator[tuple[Steps, int]]:
        """Match "increase the contrast and the saturation", "remove the noise", and the same in the verb's other place.

        A part of the picture may follow: "of the sky".
        """
        for amount, start in self._amounts(at):
            for verb, table in _GRADED:
                for steps, middle in self._graded_lists(verb, table, start):
                    for after, end in self._amounts(middle):
                        yield self._scaled(steps, amount * after), end
                    for _value, named in self._words.match("preposition", middle):
                        for target, end in self._words.definite_things(named):
                            yield tuple(self._about(step, target) for step in self._scaled(steps, amount)), end

    def _graded_lists(self, verb: str, table: str, at: int) -> Iterator[tuple[Steps, int]]:
        words = self._words
        for _value, start in words.match(verb, at):
            yield from self._qualities(table, start)
        for split, head in words.heads(verb, at):
            for steps, middle in self._qualities(table, head):
                for here in dict.fromkeys(place for _amount, place in self._amounts(middle)):
                    yield from ((steps, end) for end in words.tails(split, here))
        if self._language.verb_last:
            for steps, middle in self._qualities(table, at):
                for amount, here in self._amounts(middle):
                    yield from ((self._scaled(steps, amount), end) for _value, end in words.match(verb, here))

    def _qualities(self, table: str, at: int) -> Iterator[tuple[Steps, int]]:
        """Match one or more names of qualities, each perhaps with an amount."""
        for amount, start in self._amounts(at):
            for name, end in self._words.match(table, start):
                step = Step("adjust", name, min(amount, MAX_AMOUNT))
                yield (step,), end
                for joined in self._words.ends(end, "join")[1:]:
                    yield from (((step, *rest), after) for rest, after in self._qualities(table, joined))

    def _scaled(self, steps: Steps, amount: float) -> Steps:
        return tuple(replace(step, amount=min(step.amount * amount, MAX_AMOUNT)) for step in steps)

    def _adjustments(self, at: int) -> Iterator[tuple[Step, int]]:
        yield from self._degrees("adjust", at)
        for step, middle in self._degrees("adjust", at):
            if ADJUSTMENTS[step.name].whole:
                continue
            for start in self._words.ends(middle, "preposition")[:2]:
                yield from ((self._about(step, text), end) for text, end in self._parts(start))
        yield from self._made(at)
        for _value, target, made in self._words.split_objects("colour_of", at):
            yield from self._made_of(target, made)
        if self._language.verb_last:
            yield from self._made_last(at)

    def _made(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match "make it blue", "paint the door in the wall green", "change the colour of her dress to red"."""
        for kind in ("make", "recolour", "colour_of"):
            for _value, made in self._words.match(kind, at):
                for target, after in self._made_targets(made, kind):
                    yield from self._made_of(target, after)

    def _made_of(self, target: str | None, at: int) -> Iterator[tuple[Step, int]]:
        """Match what the object is made: "into blue", "red instead of green"."""
        for start in self._words.ends(at, "made"):
            for step, end in self._looks(start):
                yield from self._instead(self._about(step, target), end)

    def _made_last(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match the same with the verb at the end, or between the object and the colour."""
        for target, after in self._words.things(at):
            for step, middle in self._looks(after):
                for here in self._words.soft(middle):
                    yield from ((self._about(step, target), end) for _value, end in self._words.match("make", here))
                if self._is_background(target):
                    yield self._about(step, target), middle
            for here in self._words.soft(after):
                for _value, made in self._words.match("make", here):
                    yield from ((self._about(step, target), end) for step, end in self._looks(made))

    def _parts(self, at: int) -> Iterator[tuple[str, int]]:
        """Match a part of the picture: an object with "the", or the background."""
        yield from ((self._words.text(at, end), end) for _value, end in self._words.match("background", at))
        yield from self._words.definite_things(at)

    def _instead(self, step: Step, at: int) -> Iterator[tuple[Step, int]]:
        """Yield `step` alone, and with the colour that it is instead of."""
        yield step, at
        for _value, start in self._words.match("instead_of", at):
            for here in self._words.soft(start):
                yield from ((step, end) for _colour, end in self._words.colours(here))

    def _made_targets(self, at: int, kind: str) -> Iterator[tuple[str | None, int]]:
        """Match the object of "make": "the", perhaps a colour, and one or two words; or the whole picture.

        In this order, because "make the sky blue" is about the sky, not about the colour "sky blue".
        """
        words = self._words
        everything = words.soft(at)
        if kind == "recolour":
            yield from words.definite_things(at)
        if kind == "colour_of":
            yield from words.things(at)
        yield from ((words.text(at, end), end) for _value, end in words.match("background", at))
        for here in words.ends(at, "clitic"):
            for _value, start in words.match("definite", here):
                for noun in {start, *(end for _value, end in words.colours(start))}:
                    for end in (noun + 1, noun + 2):
                        if end <= self._end and end not in everything and words.is_thing(here, end):
                            yield words.text(here, end), end
                            yield from self._placed(here, end)
        yield from ((None, end) for end in everything)

    def _placed(self, at: int, noun: int) -> Iterator[tuple[str, int]]:
        """Match "in the garden", "of the house" after an object."""
        for _value, start in self._words.match("preposition", noun):
            for _place, end in self._words.definite_things(start):
                if end <= start + 3 and self._words.is_thing(at, end):
                    yield self._words.text(at, end), end

    def _about(self, step: Step, target: str | None) -> Step:
        """Return `step` for a part of the picture, which may be its background."""
        if target is None:
            return step
        if not self._is_background(target):
            return replace(step, target=target)
        if step.name == "recolour":
            return Step("backdrop", colour=step.colour)
        return replace(step, part="background")

    def _is_background(self, target: str) -> bool:
        words = Words(self._language, tuple(target.split()))
        starts = words.ends(0, "determiner")
        return any(end == words.end for start in starts for _value, end in words.match("background", start))

    def _looks(self, at: int) -> Iterator[tuple[Step, int]]:
        """Match what something can be made: an adjustment, or a colour."""
        for amount, start in self._amounts(at):
            for colour, end in self._words.colours(start):
                yield Step("adjust", "recolour", amount, colour), end
        yield from self._degrees("adjust", at)
        yield from self._degrees("adjust_made", at)

    def _degrees(self, kind: str, at: int) -> Iterator[tuple[Step, int]]:
        """Match an adjustment, with "slightly" before or after it."""
        for before, start in self._amounts(at):
            for name, middle in self._words.match(kind, start):
                for after, end in self._amounts(middle):
                    yield Step("adjust", name, min(before * after, MAX_AMOUNT)), end

    def _amounts(self, at: int) -> Iterator[tuple[float, int]]:
        """Match any sequence of amounts and words that say nothing: the product of the amounts, and the end."""
        amounts: dict[int, list[float]] = {at: []}
        for here in (positions := [at]):
            yield prod(amounts[here]), here
            steps = [(float(amount), end) for amount, end in self._words.match("amount", here)]
            steps += [(1.0, end) for kind in ("soft", "courtesy") for _value, end in self._words.match(kind, here)]
            for amount, end in steps:
                if end not in amounts:
                    amounts[end] = [*amounts[here], amount]
                    positions.append(end)

    def _arrangement(self) -> Steps | None:
        """Parse a prompt that only asks for an arrangement, perhaps with the colour of the background."""
        at, arranged, board = 0, False, None
        while at < self._end:
            strong = self._words.match("arrange", at)
            other = [match for kind in ("arrange_also", "soft", "courtesy") for match in self._words.match(kind, at)]
            colour = next(self._boards(at), None)
            if strong:
                at, arranged = strong[0][1], True
            elif colour:
                board, at = colour
            elif other:
                at = other[0][1]
            else:
                return None
        return (Step("arrange", colour=board),) if arranged else None

    def _boards(self, at: int) -> Iterator[tuple[str, int]]:
        for colour, end in self._words.colours(at):
            for _value, after in self._words.match("board", end):
                yield colour, after


def resolve(steps: Steps) -> Steps | None:
    """Return the steps to do; None if they are not compatible.

    A complaint is a step of its own unless another one is its remedy. What is to be kept may be named only where the
    edit is of a part of the picture anyway. No skill may occur twice (warmer and cooler), and only one part.
    """
    done = [step for step in steps if step.kind not in ("keep", "complaint")]
    for step in steps:
        if step.kind == "complaint":
            skills = {ADJUSTMENTS[other.name].skill: other.name for other in done if other.name and not other.part}
            remedy = skills.get(ADJUSTMENTS[step.name].skill)
            if remedy not in (None, step.name):
                return None
            if remedy is None:
                done.append(replace(step, kind="adjust"))
    done = _merge_cut_outs(list(dict.fromkeys(done)))
    if any(step.kind == "keep" for step in steps) and not all(_is_local(step) for step in done):
        return None
    adjusted = [step for step in done if step.kind == "adjust"]
    skills_used = [(ADJUSTMENTS[step.name].skill, step.part) for step in adjusted]
    targets = {step.target for step in done if step.target and not finds_subject(step)}
    parts = any(step.target and not finds_subject(step) for step in adjusted) and len(targets) > 1
    return tuple(done) if len(set(skills_used)) == len(skills_used) and not parts else None


def _is_local(step: Step) -> bool:
    return step.kind in ("fill", "extend") or step.target is not None or finds_subject(step)


def _merge_cut_outs(steps: list[Step]) -> list[Step]:
    """Return `steps` with at most one cut-out, the first that names its subject: "cut out the dog, no background"."""
    cuts = [step for step in steps if step.name == "transparent"]
    cut = next((step for step in cuts if step.target), cuts[0] if cuts else None)
    return [step for step in steps if step.name != "transparent" or step is cut]
