"""One broken rule of a request, as a sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """A field, the value that it was given (as text, "" for none), and what is allowed."""

    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        return f"{self.field} {self.value}: {self.rule}" if self.value else f"{self.field}: {self.rule}"
