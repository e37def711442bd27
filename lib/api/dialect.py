"""Say a request in a provider's dialect: which fields go, under which names, in which encoding."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lib.api.body import Body, FilePart, json_body, multipart_body
from lib.api.events import Notice
from lib.api.image_header import ImageHeaderError
from lib.api.providers import Provider
from lib.api.request import EditRequest, FileId, ImageSource, Url, data_url_bytes, open_source, source_header
from lib.api.text import alternatives
from lib.translation import _, ngettext


@dataclass(frozen=True)
class Adapted:
    """A request as the provider takes it: plain fields, images, mask, and what the user should know."""

    fields: dict[str, Any]
    request: EditRequest
    notices: tuple[Notice, ...]


def with_model(request: EditRequest, provider: Provider) -> EditRequest:
    """Return the request with the provider's default model where it names none."""
    return request if request.model else replace(request, model=provider.default_model)


def adapt(request: EditRequest, provider: Provider) -> Adapted:
    """Drop what the provider rejects, add what it needs, and note both that and what it ignores."""
    fields = dict(provider.sends) | with_model(request, provider).parameters()
    notices = []
    for name, value in list(fields.items()):
        refused = provider.note_for(provider.rejected, name, value)
        if name == "response_format" and value not in provider.answers:
            refused = _("it answers in {allowed}").format(allowed=alternatives(list(provider.answers)))
        ignored = provider.note_for(provider.ignored, name, value)
        if refused:
            del fields[name]
            sentence = _("{provider} does not take {name} {value}: {reason}.")
            told = sentence.format(provider=provider.name, name=name, value=value, reason=refused)
            notices.append(Notice(name, told))
        elif ignored:
            sentence = _("{provider} ignores {name}: {reason}.")
            notices.append(Notice(name, sentence.format(provider=provider.name, name=name, reason=ignored)))
    if not provider.streams and fields.pop("stream", None):
        sentence = _("{provider} does not stream: there are no previews.")
        notices.append(Notice("stream", sentence.format(provider=provider.name)))
    if request.mask is not None and "mask" in provider.ignored:
        reason = _(provider.ignored["mask"])
        sentence = _("{provider} ignores the mask: {reason}.")
        notices.append(Notice("mask", sentence.format(provider=provider.name, reason=reason)))
    images = list(request.images)
    if provider.max_images and len(images) > provider.max_images:
        images = images[: provider.max_images]
        used = ngettext(
            "{provider} uses the first image only.", "{provider} uses the first {count} images only.", len(images)
        )
        notices.append(Notice("images", used.format(provider=provider.name, count=len(images))))
    return Adapted(fields, replace(request, images=images), tuple(notices))


def encode(adapted: Adapted, provider: Provider) -> Body:
    """Return the body to send: JSON when an input is a reference that the provider takes so, else a form."""
    if adapted.request.has_references and provider.references == "json":
        return _encode_json(adapted)
    return _encode_form(adapted, provider)


def _encode_json(adapted: Adapted) -> Body:
    request = adapted.request
    body: dict[str, Any] = {"images": [_reference(image) for image in request.images]}
    if request.mask is not None:
        body["mask"] = _reference(request.mask)
    return json_body(body | adapted.fields)


def _reference(source: ImageSource) -> dict[str, str]:
    if isinstance(source, FileId):
        return {"file_id": source.value}
    if isinstance(source, Url):
        return {"image_url": source.value}
    with open_source(source) as file:
        text = base64.b64encode(file.read()).decode()
    return {"image_url": f"data:{_mime_type(source)};base64,{text}"}


def _encode_form(adapted: Adapted, provider: Provider) -> Body:
    request, several = adapted.request, len(adapted.request.images) > 1
    files: list[FilePart] = []
    urls: list[str] = []
    name = provider.several_part if several else provider.single_part
    for number, image in enumerate(request.images, 1):
        if isinstance(image, Url) and not image.is_data:
            urls.append(image.value)
        else:
            files.append(file_part(name, f"image-{number}", image))
    if request.mask is not None:
        files.append(file_part(provider.mask_part, "mask", request.mask))
    fields = dict(adapted.fields)
    if urls:
        fields["url"] = urls if len(urls) > 1 else urls[0]
    return multipart_body(fields, files)


def file_part(name: str, stem: str, source: ImageSource) -> FilePart:
    """Return a form part with a file name and the MIME type of the content; raise `OSError`."""
    if isinstance(source, Url):
        source = data_url_bytes(source)
    if isinstance(source, FileId):
        raise TypeError("a file id has no content")
    mime_type = _mime_type(source)
    if isinstance(source, bytes):
        return FilePart(name, f"{stem}.{mime_type.partition('/')[2]}", mime_type, source)
    return FilePart(name, Path(source).name, mime_type, source)


def _mime_type(source: str | Path | bytes) -> str:
    try:
        return source_header(source).mime_type
    except ImageHeaderError:
        return "application/octet-stream"  # only for a model that isn't known to refuse it
