"""Translate a request into a provider's dialect: which fields are sent, under which names, in which encoding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.api import models, openrouter, xai
from lib.api.body import Body, FilePart, json_body, multipart_body
from lib.api.events import Notice
from lib.api.providers import Provider
from lib.api.request import EditRequest, FileId, ImageSource, Url, data_url_bytes, image_url, mime_type
from lib.api.text import join_alternatives
from lib.translation import _, ngettext


@dataclass(frozen=True)
class AdaptedRequest:
    """A request adapted to a provider: the fields to send, the request with its images and mask, and notices."""

    fields: dict[str, Any]
    request: EditRequest
    notices: tuple[Notice, ...]


def with_defaults(request: EditRequest, provider: Provider) -> EditRequest:
    """Return the request with the provider's default model and the model's default quality if it has none."""
    model = request.model or provider.default_model
    quality = request.quality
    if quality is None and "quality" not in {**provider.rejected, **provider.ignored}:
        quality = models.get(model or "").default_quality
    return replace(request, model=model, quality=quality)


def adapt(request: EditRequest, provider: Provider) -> AdaptedRequest:
    """Drop the fields that the provider rejects and add its extra ones; notices name those dropped and ignored."""
    fields = dict(provider.extra_fields) | with_defaults(request, provider).parameters()
    notices = []
    for name, value in list(fields.items()):
        rejected = provider.note_for(provider.rejected, name, value)
        if name == "response_format" and value not in provider.response_formats:
            rejected = _("it only returns {allowed}").format(allowed=join_alternatives(list(provider.response_formats)))
        ignored = provider.note_for(provider.ignored, name, value)
        if rejected:
            del fields[name]
            message = _("{provider} doesn't support {name} {value}: {reason}.")
            message = message.format(provider=provider.name, name=name, value=value, reason=rejected)
            notices.append(Notice(name, message))
        elif ignored:
            message = _("{provider} ignores {name}: {reason}.")
            notices.append(Notice(name, message.format(provider=provider.name, name=name, reason=ignored)))
    if not provider.streams and fields.pop("stream", None):
        message = _("{provider} doesn't support streaming, so there are no previews.")
        notices.append(Notice("stream", message.format(provider=provider.name)))
    if "user" in fields and provider.safety_identifier:
        fields[models.get(fields.get("model") or "").user_field] = fields.pop("user")
    if request.mask is not None and "mask" in provider.ignored:
        reason = _(provider.ignored["mask"])
        message = _("{provider} ignores the mask: {reason}.")
        notices.append(Notice("mask", message.format(provider=provider.name, reason=reason)))
    images = list(request.images)
    if provider.max_images and len(images) > provider.max_images:
        images = images[: provider.max_images]
        message = ngettext(
            "{provider} uses the first image only.", "{provider} uses the first {count} images only.", len(images)
        )
        notices.append(Notice("images", message.format(provider=provider.name, count=len(images))))
    return AdaptedRequest(fields, replace(request, images=images), tuple(notices))


ENCODINGS: dict[str, Callable[[EditRequest, Mapping[str, Any]], dict[str, Any]]] = {
    "xai": xai.json_fields,
    "openrouter": openrouter.json_fields,
}
"""The encodings other than OpenAI's: each turns a request and its adapted fields into the fields of a JSON body."""


def encode(adapted: AdaptedRequest, provider: Provider) -> Body:
    """Return the body to send; in OpenAI's encoding it is JSON for references if the provider accepts them, or a form.

    Raises `OSError` if a file can't be read.
    """
    if provider.encoding in ENCODINGS:
        return json_body(ENCODINGS[provider.encoding](adapted.request, adapted.fields))
    if adapted.request.has_references and provider.references == "json":
        return _encode_json(adapted)
    return _encode_form(adapted, provider)


def _encode_json(adapted: AdaptedRequest) -> Body:
    request = adapted.request
    body: dict[str, Any] = {"images": [_reference(image) for image in request.images]}
    if request.mask is not None:
        body["mask"] = _reference(request.mask)
    if request.avoid is not None:
        body["avoid"] = _reference(request.avoid)
    return json_body(body | adapted.fields)


def _reference(source: ImageSource) -> dict[str, str]:
    if isinstance(source, FileId):
        return {"file_id": source.value}
    return {"image_url": image_url(source)}


def _encode_form(adapted: AdaptedRequest, provider: Provider) -> Body:
    request = adapted.request
    files: list[FilePart] = []
    urls: list[str] = []
    name = provider.several_part if len(request.images) > 1 else provider.single_part
    for number, image in enumerate(request.images, 1):
        if isinstance(image, Url) and not image.is_data:
            urls.append(image.value)
        else:
            files.append(file_part(name, f"image-{number}", image))
    if request.mask is not None and provider.mask_part:
        files.append(file_part(provider.mask_part, "mask", request.mask))
    if request.markup is not None:
        files.append(file_part("markup", "markup", request.markup))
    if request.avoid is not None:
        files.append(file_part("avoid", "avoid", request.avoid))
    fields = dict(adapted.fields)
    if urls:
        fields["url"] = urls if len(urls) > 1 else urls[0]
    return multipart_body(fields, files)


def file_part(name: str, stem: str, source: ImageSource) -> FilePart:
    """Return a form part with the file name and the MIME type of an image; raise `OSError`."""
    if isinstance(source, Url):
        source = data_url_bytes(source)
    if isinstance(source, FileId):
        raise TypeError("a file id has no content")
    kind = mime_type(source)
    if isinstance(source, bytes):
        return FilePart(name, f"{stem}.{kind.partition('/')[2]}", kind, source)
    return FilePart(name, Path(source).name, kind, source)
