"""Decode a stream of server-sent events from bytes, however they are cut."""

from __future__ import annotations

from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"
_MOST_LINES = 10_000


@dataclass(frozen=True)
class ServerEvent:
    """One event: its name ("message" where the stream gives none) and its data lines, joined."""

    event: str
    data: str = field(repr=False)


class EventDecoder:
    """Feed it bytes, get events (WHATWG, "Server-sent events", 9.2.6).

    Lines end with CR, LF or CRLF. The work is linear in the bytes fed: an unfinished line is kept as a list
    of pieces and never scanned twice. What isn't UTF-8 becomes the replacement character. Raises `ValueError` once an
    event has more than `max_bytes`, or more lines than any has: each takes memory, however short it is.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pieces: list[bytes] = []
        self._size = 0
        self._skip_newline = False
        self._at_start = True
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """Return the events that these bytes complete."""
        if self._skip_newline and chunk:
            # The line ended with the CR at the last chunk's end; an LF here belongs to it.
            self._skip_newline = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._skip_newline = True
        *ended, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events: list[ServerEvent] = []
        for part in ended:
            self._keep(part)
            event = self._line(self._take_line())
            if event is not None:
                events.append(event)
        self._keep(rest)
        return events

    def close(self) -> ServerEvent | None:
        """Return the event that the end of the stream leaves without its blank line, if there is one.

        The standard drops it; some servers close right after their last line, and that line was paid for.
        """
        if self._pieces:
            self._line(self._take_line())
        return self._dispatch()

    def _keep(self, part: bytes) -> None:
        if not part:
            return
        self._size += len(part)
        if self._size > self._max_bytes:
            raise ValueError(f"an event has more than {self._max_bytes:,} bytes")
        self._pieces.append(part)

    def _take_line(self) -> bytes:
        line = b"".join(self._pieces)
        self._pieces.clear()
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        return line

    def _line(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name = line[:6].partition(b":")[0]
        if name in (b"data", b"event"):
            start = len(name) + 1
            start += line[start : start + 1] == b" "
            # A line can be 64 MiB: one copy is enough.
            value = str(memoryview(line)[start:], "utf-8", "replace")
            if name == b"data":
                if len(self._data) >= _MOST_LINES:
                    raise ValueError(f"an event has more than {_MOST_LINES:,} lines")
                self._data.append(value)
            else:
                self._event = value
        return None

    def _dispatch(self) -> ServerEvent | None:
        event = ServerEvent(self._event or "message", "\n".join(self._data)) if self._data else None
        self._event = ""
        self._data = []
        self._size = 0
        return event
