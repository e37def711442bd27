"""Say which words of a prompt the engine cannot follow, and what it could do instead."""

from collections.abc import Callable

from lib.endpoint.engine.errors import Refused
from lib.endpoint.engine.language import Tokens, languages, tokenise, tokenise_with_positions
from lib.endpoint.engine.objects import Words
from lib.endpoint.engine.step import Steps
from lib.translation import _

_MAX_QUOTED = 80

Understand = Callable[[Tokens], Steps | None]
Part = tuple[int, int]  # the first token, and the one after the last


def refuse(prompt: str, understand: Understand) -> Refused:
    """Return the error for a prompt that is not understood."""
    positions = tokenise_with_positions(prompt)[:200]
    tokens = tuple(token for token, _start, _end in positions)
    language = max(languages(), key=lambda each: sum(token in each.words for token in tokens if token != ","))
    words = Words(language, tokens)

    def text(part: Part) -> str:
        return prompt[positions[part[0]][1] : positions[part[1] - 1][2]]

    parts = _parts(words)
    followed = [part for part in parts if understand(tokens[part[0] : part[1]])]
    left_over = [trimmed for part in parts if part not in followed for trimmed in [_trim(words, part)] if trimmed]
    if not left_over:
        return Refused("prompt_not_understood", _("The built-in engine does not understand this prompt."))
    quoted = text((left_over[0][0], left_over[-1][1])) if len(left_over) == 1 else text(left_over[0])
    suggestion = _suggestion(words, text, followed, left_over, understand)
    return Refused("prompt_not_understood", _sentence(words, quoted, left_over[0], suggestion), suggestion)


def _sentence(words: Words, quoted: str, part: Part, suggestion: str | None) -> str:
    shortened = quoted if len(quoted) <= _MAX_QUOTED else f"{quoted[:_MAX_QUOTED]}…"
    if any(True for at in range(*part) for _value in words.match("paint", at)):
        reason = _("“{words}” would have to be painted, which needs an AI model.")
    else:
        reason = _("The built-in engine does not understand “{words}”.")
    step = _("It can do this: “{prompt}”.").format(prompt=suggestion) if suggestion else _("Choose another provider.")
    return f"{reason.format(words=shortened)} {step}"


def _parts(words: Words) -> list[Part]:
    """Return the clauses, as far as commas and "and" show them."""
    result, start, here = [], 0, 0
    while here < words.end:
        ends = words.ends(here, "join")
        if len(ends) > 1:
            if here > start:
                result.append((start, here))
            start = here = max(ends)
        else:
            here += 1
    return [*result, (start, words.end)] if words.end > start else result


def _trim(words: Words, part: Part) -> Part | None:
    """Return `part` without words that say nothing at its ends; None if nothing is left, or it is an assurance."""
    start, end = part
    start = max((here for here in words.ends(start, "courtesy") if here <= end), default=start)
    if any(after == end for kind in ("assurance", "courtesy", "soft") for _value, after in words.match(kind, start)):
        return None
    for here in range(start + 1, end):
        if any(after == end for _value, after in words.match("courtesy", here)):
            end = here
            break
    return (start, end) if end > start else None


def _suggestion(
    words: Words, text: Callable[[Part], str], followed: list[Part], left_over: list[Part], understand: Understand
) -> str | None:
    """Return the nearest prompt that is understood: the clauses that are, or the removal of what is to be replaced."""
    prompt = ", ".join(text(part) for part in followed)
    if not prompt:
        for start, end in left_over:
            prompt = prompt or _removal(words, start, end, text)
    return prompt if prompt and understand(tokenise(prompt)) else None


def _removal(words: Words, start: int, end: int, text: Callable[[Part], str]) -> str:
    """Return "remove the dog" for "replace the dog with a cat"."""
    for at in words.soft(start):
        for split, head in words.heads("replace", at):
            for name in reversed(words.ends(head, "courtesy")):
                for _name, middle in words.removable(name):
                    if middle < end and any(words.tails(split, middle)):
                        return str(split.value).format(text((name, middle)))
    return ""
