"""Which jobs of the history are shown."""

from __future__ import annotations

import time
from dataclasses import dataclass

from lib.jobs.history_record import JobState, Record


@dataclass(frozen=True)
class Criteria:
    """What a job must have to be shown: all words of `text`, and the image, the day and the model; "" for any."""

    text: str = ""
    image: str = ""
    day: str = ""
    model: str = ""
    only_starred: bool = False
    only_not_inserted: bool = False

    def match(self, record: Record) -> bool:
        """Return whether a job is to be shown."""
        if (self.only_starred and not record.is_starred) or (
            self.only_not_inserted and record.state is not JobState.WAITING
        ):
            return False
        if self.image not in ("", record.image) or self.model not in ("", model_of(record)):
            return False
        return self.day in ("", day_of(record)) and self._has_words(record)

    def _has_words(self, record: Record) -> bool:
        text = f"{record.prompt} {record.provider} {record.model} {record.image} {record.state.words}".casefold()
        return all(word in text for word in self.text.casefold().split())


def day_of(record: Record) -> str:
    """Return the day of a job in the user's time zone, as 2026-11-28; "" where its time is not a date."""
    try:
        return time.strftime("%Y-%m-%d", time.localtime(record.created))
    except (ValueError, OverflowError, OSError):
        return ""


def model_of(record: Record) -> str:
    """Return the model of a job; the provider where that chose the model."""
    return record.model or record.provider
