"""Helpers for the tests of the endpoint: small pictures, and requests without a network."""

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image
from werkzeug.test import Client, TestResponse

from lib.endpoint.app import App

KEY = "test-key"
AUTH = {"Authorization": f"Bearer {KEY}"}
EDITS = "/v1/images/edits"


def photo(width: int = 48, height: int = 40, seed: int = 0) -> np.ndarray:
    """Return a textured opaque picture, (H, W, 4)."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8)).resize((width, height))
    pixels = np.array(coarse.convert("RGBA")).astype(int)
    pixels[..., :3] += rng.integers(-20, 21, (height, width, 3))
    return np.clip(pixels, 0, 255).astype(np.uint8)


def hole(width: int = 48, height: int = 40) -> np.ndarray:
    """Return the area that `mask` marks, (H, W, bool)."""
    area = np.zeros((height, width), bool)
    area[height // 3 : height // 2, width // 3 : width // 2] = True
    return area


def mask(area: np.ndarray) -> np.ndarray:
    """Return a mask that marks `area`: transparent and white there, opaque and black elsewhere."""
    return np.dstack([np.where(area, 255, 0)] * 3 + [np.where(area, 0, 255)]).astype(np.uint8)


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    image = Image.fromarray(pixels) if isinstance(pixels, np.ndarray) else pixels
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(data: bytes | str) -> np.ndarray:
    raw = base64.b64decode(data) if isinstance(data, str) else data
    return np.array(Image.open(io.BytesIO(raw)).convert("RGBA"))


def part(data: bytes, name: str = "a.png", mime: str = "image/png") -> tuple[io.BytesIO, str, str]:
    return io.BytesIO(data), name, mime


def data_url(data: bytes, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(data).decode()}"


class Caller:
    """A client that calls an App without a network."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.client = Client(app)

    def form(self, path: str = EDITS, /, **fields: Any) -> TestResponse:
        """Send a multipart request; `images` is the list for `image[]`."""
        images = fields.pop("images", None)
        data = dict(fields)
        if images is not None:
            data["image[]"] = images
        return self.client.post(path, data=data, headers=AUTH, content_type="multipart/form-data")

    def json(self, body: Any) -> TestResponse:
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.client.post(EDITS, data=text, headers=AUTH, content_type="application/json")

    def edit(self, prompt: str = "fill", **fields: Any) -> TestResponse:
        """Edit a small picture with a mask; `fields` override the defaults, and None omits one."""
        merged = {"image": part(encoded(photo())), "mask": part(encoded(mask(hole()))), "prompt": prompt, **fields}
        return self.form(**{name: value for name, value in merged.items() if value is not None})


def error_of(response: TestResponse) -> dict[str, Any]:
    """Return the error of an answer; assert that it has the four keys and an id, but no traceback."""
    body = json.loads(response.data)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert response.headers["x-request-id"].startswith("req_")
    assert "Traceback" not in response.text and "/lib/" not in response.text
    return dict(body["error"])


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the name and the data of each event of a stream."""
    events = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            events.append((lines["event"], json.loads(lines["data"])))
    return events
