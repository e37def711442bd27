"""Sets of prompts that were written before the grammar, in tests/data, and how many of them it understands.

`python -m tests.endpoint.prompt_sets` prints those that it gets wrong, and the score of each set.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import ImageColor

from lib.endpoint.engine import Refused
from lib.endpoint.engine.prompt import parse_prompt
from lib.endpoint.engine.step import Step

DATA = Path(__file__).parents[1] / "data"
SETS = ("prompts-measured", "prompts-2026-11", "prompts-same-kinds")
_NAMES = {
    "more_contrast": "contrast", "more_saturated": "saturation", "auto_levels": "auto-levels", "red_eyes": "red-eye",
    "white_balance": "white-balance", "black_and_white": "black-and-white", "old_photo": "old-photo",
}  # fmt: skip
_KINDS = {"recolour": "recolour", "upscale": "upscale", "scratches": "scratches"}


@dataclass
class Score:
    """How a set of prompts was understood; `wrong` are those that would have been done wrongly."""

    right: int = 0
    refused_rightly: int = 0
    refused: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def understood(self) -> float:
        """The part of what can be done that is understood."""
        return self.right / max(1, self.right + len(self.refused) + len(self.wrong))


def score(name: str) -> Score:
    """Return the score of a set."""
    result = Score()
    for entry in json.loads((DATA / f"{name}.json").read_text("utf-8")):
        steps = _steps(entry["prompt"])
        refusal = entry["expected"] == "refuse"
        if steps is None:
            result.refused_rightly += refusal
            result.refused += [] if refusal else [entry["prompt"]]
        elif not refusal and _is_right(steps, entry):
            result.right += 1
        else:
            result.wrong.append(f"{entry['prompt']} = {[label(step) for step in steps]}")
    return result


def label(step: Step) -> str:
    """Return a step as the sets name it."""
    if step.name == "transparent":
        return "cut-out"
    if step.kind == "backdrop":
        return f"background:{str(step.colour).replace('grey', 'gray')}"
    if step.part:
        return f"background:{'blurred' if step.name == 'blur' else _NAMES.get(step.name, step.name)}"
    if step.kind == "adjust":
        return _KINDS.get(step.name) or f"adjust:{_NAMES.get(step.name, step.name)}"
    return step.kind


def _is_right(steps: tuple[Step, ...], entry: dict[str, Any]) -> bool:
    if [label(step) for step in steps] != entry["expected"]:
        return False
    colours = [step.colour for step in steps if step.colour and step.kind == "adjust"]
    if "colour" in entry and [ImageColor.getrgb(each) for each in colours] != [_colour(entry["colour"])]:
        return False
    sides = {"all": {"left", "right", "top", "bottom"}}.get(entry.get("side", ""), {entry.get("side")})
    return "side" not in entry or set(steps[0].sides) == sides


def _colour(name: str) -> tuple[int, ...]:
    return ImageColor.getrgb(name.replace(" ", ""))


def _steps(prompt: str) -> tuple[Step, ...] | None:
    try:
        return parse_prompt(prompt)
    except Refused:
        return None


if __name__ == "__main__":
    for each in SETS:
        outcome = score(each)
        print(*(f"refused: {prompt}" for prompt in outcome.refused), sep="\n")
        print(*(f"WRONG: {prompt}" for prompt in outcome.wrong), sep="\n")
        print(f"{each}: {outcome.right} right ({outcome.understood:.0%}), {len(outcome.refused)} refused, "
              f"{outcome.refused_rightly} rightly refused, {len(outcome.wrong)} wrong")  # fmt: skip
