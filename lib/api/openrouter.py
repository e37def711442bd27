"""OpenRouter's body: JSON with the images as `input_references`; its route and list of models are in providers.json."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.api.request import EditRequest, ImageSource, image_url


def json_fields(request: EditRequest, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of the JSON body; the first of the images is the one to edit."""
    body = dict(fields) | {"input_references": [_reference(image) for image in request.images]}
    return body if request.markup is None else body | {"markup": _reference(request.markup)}


def _reference(image: ImageSource) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": image_url(image)}}
