"""The adjustments by name, from `adjustments.json`: which skill, in which direction, and how it is said."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Adjustment:
    """`amount` is the skill's strength at no word about it; `mixed` skills cannot go beyond it.

    `says` is the sentence, with {degree} and {colour}.
    """

    skill: str
    amount: float
    says: str
    mixed: bool = False


def _load() -> dict[str, Adjustment]:
    path = Path(__file__).with_name("adjustments.json")
    return {name: Adjustment(**entry) for name, entry in json.loads(path.read_text("utf-8")).items()}


ADJUSTMENTS = _load()
