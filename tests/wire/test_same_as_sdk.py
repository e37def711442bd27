"""OpenAI's SDK and this client send equivalent forms for the same inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openai
import pytest

from lib.api.client import ImagesClient
from lib.api.request import EditRequest
from tests.wire.pictures import picture
from tests.wire.server import Part, Recorded, completed_event, images_reply, serving, stream_reply

IMAGE = picture()
CASES: list[dict[str, Any]] = [
    {},
    {"mask": True},
    {"images": 3, "mask": True},
    {"n": 3, "size": "1024x1536", "quality": "high", "background": "transparent"},
    {"output_format": "webp", "output_compression": 40, "user": "me", "model": "gpt-image-1.5"},
    {"model": "gpt-image-1.5", "input_fidelity": "high"},
    {"prompt": 'hé, "a"\r\nb'},
    {"stream": True, "partial_images": 2},
    {"extra": {"svg": {"model": "x"}, "tags": ["a", "b"], "on": True}},
]


def parts_of(request: Recorded) -> list[tuple[Any, ...]]:
    """Return all properties of the parts except the names of the files, text parts sorted."""

    def kind(part: Part) -> str | None:
        return part.content_type if part.filename else None

    parts = [(part.name, part.value, part.filename is not None, kind(part)) for part in request.parts]
    texts = sorted(part for part in parts if not part[2])
    return texts + [part for part in parts if part[2]]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_form_equals_that_of_the_sdk(case: dict[str, Any], tmp_path: Path) -> None:
    values = {"model": "gpt-image-2", "prompt": "a prompt", **case}
    paths = []
    for number in range(values.pop("images", 1)):
        path = tmp_path / f"{number}.png"
        path.write_bytes(picture(width=64 + number))
        paths.append(path)
    mask = paths[0] if values.pop("mask", False) else None
    reply = stream_reply(completed_event(IMAGE)) if values.get("stream") else images_reply(*[IMAGE] * 3)

    with serving(reply) as server:
        with ImagesClient(server.url, "sk-1") as client:
            client.edit(EditRequest(images=paths, mask=mask, **values))
        extra = values.pop("extra", None)
        sdk = openai.OpenAI(api_key="sk-1", base_url=server.url, max_retries=0)
        options = {**values, **({"mask": mask} if mask else {}), **({"extra_body": extra} if extra else {})}
        answer = sdk.images.edit(image=paths if len(paths) > 1 else paths[0], **options)
        if values.get("stream"):
            assert [event.type for event in answer] == ["image_edit.completed"]
        ours, theirs = server.requests

    assert parts_of(ours) == parts_of(theirs)
    assert ours.path == theirs.path
    assert ours.headers["Authorization"] == theirs.headers["Authorization"]
    assert ours.headers["Content-Length"] == str(len(ours.body))
    names = [part.name for part in ours.parts]
    assert names == [part.name for part in ours.parts if part.filename is None] + [
        part.name for part in ours.parts if part.filename is not None
    ]
