"""The steps that a prompt is parsed into."""

from dataclasses import dataclass
from typing import Literal

MAX_AMOUNT = 3.0

# "keep" and "complaint" occur only while a prompt is being parsed.
Kind = Literal["fill", "extend", "adjust", "backdrop", "arrange", "keep", "complaint"]


@dataclass(frozen=True)
class Step:
    """One step of an edit. `target` is the part of the picture that the prompt names, if any.

    `name` is a key of `adjustments.json` for an adjustment, otherwise empty; "transparent" cuts out the subject. `part`
    limits an adjustment to the subject or its background, which are found without a selection. A "backdrop" puts
    `colour` behind the subject. `sides` are those to extend; none are all. `shadow`: what is removed takes its shadow
    along.
    """

    kind: Kind
    name: str = ""
    amount: float = 1.0
    colour: str | None = None
    target: str | None = None
    part: Literal["", "subject", "background"] = ""
    sides: tuple[str, ...] = ()
    shadow: bool = False


Steps = tuple[Step, ...]


def cuts_out(steps: Steps) -> bool:
    """Return whether the result is the subject on transparent."""
    return any(step.name == "transparent" for step in steps) and all(step.kind != "backdrop" for step in steps)


def takes_shadow(steps: Steps) -> bool:
    """Return whether the shadow of what is selected is to be removed, too."""
    return any(step.shadow for step in steps)


def finds_subject(step: Step) -> bool:
    """Return whether a step finds the picture's subject itself, without a selection."""
    return step.kind == "backdrop" or step.name == "transparent" or step.part != ""
