"""Decode server-sent events incrementally from chunks of bytes."""

from __future__ import annotations

from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"
_MAX_LINES = 10_000


@dataclass(frozen=True)
class ServerEvent:
    """A server-sent event: its name, "message" by default, and its data lines joined."""

    event: str
    data: str = field(repr=False)


class EventDecoder:
    """An incremental decoder of event streams (WHATWG, "Server-sent events", 9.2.6).

    Lines end with CR, LF or CRLF. The time is linear in the input, because an incomplete line is stored in pieces and
    never scanned twice. Invalid UTF-8 becomes replacement characters. Raises `ValueError` for an event that exceeds
    `max_bytes` or 10,000 lines, since even empty lines take memory.
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
            # The previous chunk ended with a CR; an LF here completes that line end.
            self._skip_newline = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._skip_newline = True
        *lines, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events: list[ServerEvent] = []
        for piece in lines:
            self._append(piece)
            event = self._process_line(self._take_line())
            if event is not None:
                events.append(event)
        self._append(rest)
        return events

    def close(self) -> ServerEvent | None:
        """Return the last event if the stream ended without the blank line after it.

        The standard discards such an event, but some servers omit the blank line, and the event was paid for.
        """
        if self._pieces:
            self._process_line(self._take_line())
        return self._dispatch()

    def _append(self, piece: bytes) -> None:
        if not piece:
            return
        self._size += len(piece)
        if self._size > self._max_bytes:
            raise ValueError(f"an event has more than {self._max_bytes:,} bytes")
        self._pieces.append(piece)

    def _take_line(self) -> bytes:
        line = b"".join(self._pieces)
        self._pieces.clear()
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BOM)
        return line

    def _process_line(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name = line[:6].partition(b":")[0]
        if name in (b"data", b"event"):
            start = len(name) + 1
            start += line[start : start + 1] == b" "
            # Through a memoryview, because a line can be 64 MiB and slicing would copy it.
            value = str(memoryview(line)[start:], "utf-8", "replace")
            if name == b"data":
                if len(self._data) >= _MAX_LINES:
                    raise ValueError(f"an event has more than {_MAX_LINES:,} lines")
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
