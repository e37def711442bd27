"""The adjustments by name, from `adjustments.json`: their skill, direction and description."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Adjustment:
    """An adjustment. `amount` is the skill's default strength, which `mixed` skills cannot exceed.
    One for the `whole` picture changes its geometry. `says` describes it in the revised prompt, with {degree} and
    {colour}.
    """

    skill: str
    amount: float
    says: str
    mixed: bool = False
    whole: bool = False


def _load() -> dict[str, Adjustment]:
    path = Path(__file__).with_name("adjustments.json")
    return {name: Adjustment(**entry) for name, entry in json.loads(path.read_text("utf-8")).items()}


ADJUSTMENTS = _load()
