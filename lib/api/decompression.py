"""Undo the compression of an answer that was not asked for, and of one that only claims to be compressed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_MOST_AT_ONCE = 1 << 20
_PIECE = 1024


def decompressed(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Give the body as it was before its Content-Encoding, a mebibyte at a time at most.

    What doesn't decompress is given as it is: a server may name an encoding and not use it.
    """
    if encoding.strip().lower() not in ("gzip", "x-gzip", "deflate"):
        yield from chunks
        return
    decoder = zlib.decompressobj(_GZIP_OR_ZLIB)
    begun, head = False, b""
    rest = iter(chunks)
    for chunk in rest:
        head = b"" if begun else head + chunk
        # In small pieces: what was good before a fault is given before the fault is found.
        pieces = [chunk[start : start + _PIECE] for start in range(0, len(chunk), _PIECE)]
        while pieces:
            try:
                data = decoder.decompress(pieces[0], _MOST_AT_ONCE)
            except zlib.error:
                if begun:
                    raise
                yield head
                yield from rest
                return
            if data:
                begun = True
                yield data
            pieces = [decoder.unconsumed_tail, *pieces[1:]] if decoder.unconsumed_tail else pieces[1:]
