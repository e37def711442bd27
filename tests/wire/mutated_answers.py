"""Mutations of a response with one valid image: other structures, types and encodings, and truncation."""

from __future__ import annotations

import base64
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

JSON, STREAM = "application/json", "text/event-stream"


def _encoded(kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((24, 16)).convert("RGB").save(file, kind, **options)
    return file.getvalue()


PICTURE = _encoded("PNG")
BASE64 = base64.b64encode(PICTURE).decode()
ODD_VALUES = [
    None, True, -1, 0.5, 10**400, float("nan"), float("inf"), "", "text", "\ud800", "x" * 40_000, [], [1], {},
    {"a": "b"}, [[[[]]]], {"total_tokens": "7"}, {"input_tokens_details": 3}, {"total_tokens": {"a": {"b": {"c": {}}}}},
]  # fmt: skip
METADATA = ["created", "usage", "size", "quality", "background", "output_format"]


@dataclass(frozen=True)
class Case:
    """A response: its body, type and encoding, the Content-Length sent, the image in it, and whether it is complete."""

    name: str
    body: bytes
    content_type: str = JSON
    encoding: str = ""
    announced: int | None = None
    picture: bytes = PICTURE
    complete: bool = True


def cases() -> list[Case]:
    """Return all cases, each with a unique name."""
    parts = (_metadata(), _structures(), _texts(), _formats(), _bodies(), _streams(), _truncated(), _errors())
    cases = list(itertools.chain.from_iterable(parts))
    assert len({case.name for case in cases}) == len(cases)
    return cases


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _response(**metadata: object) -> dict[str, object]:
    return {"created": 1, "data": [{"b64_json": BASE64}], "usage": {"total_tokens": 3}, **metadata}


def _event(name: str, data: object, name_in_data: bool = True) -> bytes:
    if name_in_data and isinstance(data, dict) and name:
        data = {"type": name, **data}
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _completed(**metadata: object) -> bytes:
    return _event("image_edit.completed", {"b64_json": BASE64, **metadata})


def _partial(**metadata: object) -> bytes:
    return _event("image_edit.partial_image", {"b64_json": BASE64, "partial_image_index": 0, **metadata})


def _metadata() -> Iterator[Case]:
    """Malformed metadata of the image, in a response and in an event."""
    for name, (number, value) in itertools.product(METADATA, enumerate(ODD_VALUES)):
        yield Case(f"{name} {number}", _json(_response(**{name: value})))
        yield Case(f"event {name} {number}", _partial() + _completed(**{name: value}), STREAM)
    for number, value in enumerate(ODD_VALUES):
        yield Case(f"revised_prompt {number}", _json({"data": [{"b64_json": BASE64, "revised_prompt": value}]}))
        yield Case(f"url beside it {number}", _json({"data": [{"url": value, "b64_json": BASE64}]}))
        yield Case(f"created_at {number}", _completed(created_at=value), STREAM)
        yield Case(f"index {number}", _partial(partial_image_index=value) + _completed(), STREAM)
        yield Case(f"type {number}", _event("image_edit.completed", {"type": value, "b64_json": BASE64}), STREAM)


def _structures() -> Iterator[Case]:
    """The image in other JSON structures."""
    data_url = f"data:image/png;base64,{BASE64}"
    shapes: dict[str, object] = {
        "data object": {"data": {"b64_json": BASE64}},
        "data text": {"data": BASE64},
        "data of texts": {"data": [BASE64]},
        "list": [{"b64_json": BASE64}],
        "top": {"b64_json": BASE64},
        "text": data_url,
        "images": {"images": [BASE64], "parameters": {"init_images": ["x"]}, "info": "{}"},
        "image": {"image": data_url},
        "output": {"output": [data_url]},
        "result": {"output": [{"type": "image_generation_call", "result": BASE64}]},
        "artifacts": {"artifacts": [{"base64": BASE64, "finishReason": "SUCCESS"}]},
        "predictions": {"predictions": [{"bytesBase64Encoded": BASE64, "mimeType": "image/png"}]},
        "candidates": {"candidates": [{"content": {"parts": [{"text": "x"}, {"inlineData": {"data": BASE64}}]}}]},
        "choices": {"choices": [{"message": {"images": [{"image_url": {"url": data_url}}]}}]},
        "data url in url": {"data": [{"url": data_url}]},
        "empty entry first": {"data": [{}, {"b64_json": BASE64}]},
        "bad entry first": {"data": [{"b64_json": "?"}, {"b64_json": BASE64}]},
        "other types first": {"data": [None, 5, [], "x", {"b64_json": None}, {"b64_json": BASE64}]},
        "null error": _response(error=None),
        "error too": _response(error={"message": "something else failed"}),
        "a message": _response(message="success"),
        "address": {"data": [{"url": "/picture"}]},
        "address in image": {"image": {"url": "/picture"}},
        "address and broken data": {"data": [{"b64_json": "?", "url": "/picture"}]},
    }
    for name, shape in shapes.items():
        yield Case(f"shape {name}", _json(shape))
        yield Case(f"shape {name} in a stream", b": ping\n\n" + _event("", shape), STREAM)
        yield Case(f"shape {name} as a stream's end", _event("completed", shape, name_in_data=False), STREAM)
        yield Case(f"shape {name} called a stream", _json(shape), STREAM)
        yield Case(f"shape {name} as text", _json(shape), "text/plain; charset=utf-8")


def _texts() -> Iterator[Case]:
    """Other encodings of the image's base64 text and of the response's text."""
    texts = {
        "lines": "\n".join(BASE64[start : start + 76] for start in range(0, len(BASE64), 76)),
        "crlf": "\r\n".join(BASE64[start : start + 64] for start in range(0, len(BASE64), 64)),
        "url-safe": BASE64.replace("+", "-").replace("/", "_"),
        "no padding": BASE64.rstrip("="),
        "blanks": f"  {BASE64}\n",
        "data url": f"data:image/png;base64,{BASE64}",
        "wrong type": f"data:image/jpeg;base64,{BASE64}",
    }
    for name, text in texts.items():
        yield Case(f"base64 {name}", _json({"data": [{"b64_json": text}]}))
        yield Case(f"base64 {name} in an event", _event("image_edit.completed", {"b64_json": text}), STREAM)
    plain = json.dumps(_response())
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        yield Case(f"text {encoding}", plain.encode(encoding))
    yield Case("text escaped slashes", plain.replace("/", "\\/").encode())
    yield Case("text indented", json.dumps(_response(), indent=4).replace("\n", "\r\n").encode())
    yield Case("text latin-1", b'{"data": [{"revised_prompt": "caf\xe9", "b64_json": "%s"}]}' % BASE64.encode())
    yield Case("text python", repr(_response(ok=True)).encode())
    yield Case("text twice", plain.encode() * 2)
    yield Case("text rubbish behind", plain.encode() + b"\n<html>")
    yield Case("text rubbish before", b")]}'\n" + plain.encode())
    yield Case("text long number", plain.replace('"created": 1', '"created": ' + "1" * 5000).encode())
    yield Case("text deep usage", plain.replace('{"total_tokens": 3}', "[" * 300 + "]" * 300).encode())
    yield Case("text very deep usage", plain.replace('{"total_tokens": 3}', "[" * 9000 + "]" * 9000).encode())
    yield Case("text many parts", plain.replace('{"total_tokens": 3}', f"[{'[],' * 200_000}1]").encode())


def _formats() -> Iterator[Case]:
    """Other image formats, in a response, in an event, and as the body itself."""
    for kind in ("JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "QOI", "PPM", "ICO", "TGA", "PCX"):
        data = _encoded(kind, **({"sizes": [(24, 16)]} if kind == "ICO" else {}))
        text = base64.b64encode(data).decode()
        yield Case(f"format {kind}", _json({"data": [{"b64_json": text}]}), picture=data)
        yield Case(f"format {kind} event", _event("image_edit.completed", {"b64_json": text}), STREAM, picture=data)
        yield Case(f"format {kind} body", data, f"image/{kind.lower()}", picture=data)


def _bodies() -> Iterator[Case]:
    """The image itself as the body, with any content type, and compressed bodies."""
    for kind in ("image/png", "application/octet-stream", "", JSON, STREAM, "text/html"):
        yield Case(f"image as {kind}", PICTURE, kind)
        yield Case(f"base64 as {kind}", BASE64.encode(), kind)
    for name, body, kind in (("json", _json(_response()), JSON), ("stream", _partial() + _completed(), STREAM)):
        yield Case(f"gzip {name}", gzip.compress(body), kind, "gzip")
        yield Case(f"deflate {name}", zlib.compress(body), kind, "deflate")
        yield Case(f"not gzip {name}", body, kind, "gzip")
        yield Case(f"not br {name}", body, kind, "br")
        yield Case(f"more announced {name}", body, kind, announced=len(body) + 1000)


def _streams() -> Iterator[Case]:
    """Other event names, all kinds of heartbeats, and invalid events around the image."""
    names = ["image_edit.completed", "image_generation.completed", "completed", "complete", "done", "result", "image",
             "message", "", "final", "response.completed", "data", "chunk", "图片"]  # fmt: skip
    for name in names:
        yield Case(f"event {name!r}", _event(name, {"b64_json": BASE64}), STREAM)
        yield Case(f"event {name!r} only outside", _event(name, {"b64_json": BASE64}, name_in_data=False), STREAM)
        yield Case(f"event {name!r} of a list", _event(name, {"data": [{"b64_json": BASE64}]}), STREAM)
        yield Case(f"event {name!r} with an address", _event(name, {"url": "/picture"}), STREAM)
    heartbeats = [b": ping\n\n", b"data:\n\n", b"data: \n\n", b"event: ping\ndata: {}\n\n", b"data: ping\n\n",
                  b"event: heartbeat\n\n", b"data: null\n\n", b"data: 7\n\n", b"data: []\n\n", b'data: "x"\n\n',
                  b"data: {\n\n", b"data: \xff\xfe\n\n", b"\n\n\n", b"id: 1\nretry: 5\n\n", b"nonsense\n\n",
                  b'data: {"type": "progress", "step": 3}\n\n', b'data: {"message": "working"}\n\n']  # fmt: skip
    for number, heartbeat in enumerate(heartbeats):
        yield Case(f"heartbeat {number} before", heartbeat + _completed(), STREAM)
        yield Case(f"heartbeat {number} around", _partial() + heartbeat + _completed() + heartbeat, STREAM)
        yield Case(f"heartbeat {number} before a list", heartbeat + _event("", _response()), STREAM)
    broken = [_partial(b64_json="?"), _partial(b64_json=None), _partial(b64_json=5), _event("x", {"b64_json": "AAAA"})]
    for number, event in enumerate(broken):
        yield Case(f"broken event {number}", event + _completed(), STREAM)
    for end in ("\n", "\r", "\r\n"):
        stream = (_partial() + _completed() + b"data: [DONE]\n\n").replace(b"\n", end.encode())
        yield Case(f"line ends {end!r}", stream, STREAM)
    yield Case("stream as json", _partial() + _completed(), JSON)
    yield Case("data in several lines", b"data: {\ndata: " + _json({"b64_json": BASE64})[1:] + b"\n\n", STREAM)


def _truncated() -> Iterator[Case]:
    """Truncated responses and streams, with and without the full Content-Length."""
    body = _json(_response())
    picture_ends = body.index(BASE64.encode()) + len(BASE64)
    for cut in (1, 10, picture_ends - 1, picture_ends, picture_ends + 1, picture_ends + 2, len(body) - 1):
        for announced in (None, len(body)):
            # Without the closing quote, the image isn't known to be complete.
            yield Case(f"cut {cut} {announced}", body[:cut], announced=announced, complete=cut > picture_ends)
    events = [b": hello\n\n", _partial(), b"data: ping\n\n", _completed(usage={"total_tokens": 3}), b"data: [DONE]\n\n"]
    stream = b"".join(events)
    picture_ends = stream.rindex(BASE64.encode()) + len(BASE64)
    ends = list(itertools.accumulate(map(len, events)))
    near = {max(0, end + by) for end in ends for by in (-3, -2, -1, 0, 1)}
    for cut in sorted(near | {picture_ends, picture_ends + 1}):
        for announced in (None, len(stream)):
            yield Case(
                f"stream cut {cut} {announced}", stream[:cut], STREAM, "", announced, complete=cut > picture_ends
            )


def _errors() -> Iterator[Case]:
    """An error after the image, or in the same event."""
    error = {"error": {"message": "broke", "type": "server_error", "code": "server_error"}}
    yield Case("error after the image", _completed() + _event("error", error), STREAM)
    yield Case("error after an unnamed image", _event("", {"b64_json": BASE64}) + _event("error", error), STREAM)
    yield Case("error event with the image", _event("error", {**error, "b64_json": BASE64}), STREAM)
