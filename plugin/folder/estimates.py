"""The progress of a folder run: the share that is done, and an estimate of the time left."""

from __future__ import annotations

from collections import deque

from lib.translation import _

_LATEST = 40
_MINUTE, _HOUR = 60, 3600


class TimeLeft:
    """Estimates the time left from the latest pictures only, so that a slow start or a pause has no lasting effect."""

    def __init__(self, total: int, now: float) -> None:
        self.total = total
        self.ended = 0
        self._latest: deque[float] = deque([now], maxlen=_LATEST)

    def end(self, now: float) -> None:
        """Count a picture that has ended, with or without a result."""
        self.ended += 1
        self._latest.append(now)

    def seconds(self) -> float | None:
        """Return the seconds until all pictures have ended; None before the first and after the last one."""
        if not 0 < self.ended < self.total:
            return None
        seconds_per_picture = (self._latest[-1] - self._latest[0]) / (len(self._latest) - 1)
        return max(0.0, seconds_per_picture * (self.total - self.ended))

    @property
    def share(self) -> float:
        """The share of pictures that have ended, 0 to 1."""
        return self.ended / self.total if self.total else 1.0


def time_left_text(seconds: float | None) -> str:
    """Return a rounded time for users; empty if unknown."""
    if seconds is None:
        return ""
    if seconds < _MINUTE:
        return _("about {seconds} s left").format(seconds=max(1, round(seconds)))
    if seconds < _HOUR:
        return _("about {minutes} min left").format(minutes=round(seconds / _MINUTE))
    hours, rest = divmod(round(seconds / _MINUTE), 60)
    return _("about {hours} h {minutes} min left").format(hours=hours, minutes=rest)
