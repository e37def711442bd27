"""Decompress a response, which some servers compress unasked, or label as compressed although it isn't."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MAX_OUTPUT = 1 << 20
_PIECE = 1024


def decompress(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield the decompressed body in chunks of at most a mebibyte.

    A body that isn't compressed is passed through unchanged: servers may name an encoding without using it.
    """
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        yield from chunks
        return
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    started, head = False, b""
    rest = iter(chunks)
    for chunk in rest:
        head = b"" if started else head + chunk
        # In small pieces, so that everything before a corrupt byte is still returned.
        pieces = [chunk[start : start + _PIECE] for start in range(0, len(chunk), _PIECE)]
        while pieces:
            try:
                data = decoder.decompress(pieces[0], _MAX_OUTPUT)
            except zlib.error:
                if started:
                    raise
                yield head
                yield from rest
                return
            if data:
                started = True
                yield data
            pieces = [decoder.unconsumed_tail, *pieces[1:]] if decoder.unconsumed_tail else pieces[1:]
