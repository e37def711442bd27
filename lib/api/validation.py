"""Validate a request against its model and provider, before anything is sent or billed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lib.api.errors import Problem
from lib.api.image_header import ImageHeader, ImageHeaderError
from lib.api.models import Model, is_official
from lib.api.providers import Provider, host_of
from lib.api.request import (
    MAX_URL_CHARACTERS,
    EditRequest,
    FileId,
    ImageSource,
    Url,
    data_url_bytes,
    source_header,
    source_size,
)
from lib.api.text import join_alternatives
from lib.translation import _

_RANGES = {"n": (1, 10), "output_compression": (0, 100), "partial_images": (0, 3)}
_MAX_DATA_URL_BYTES = (MAX_URL_CHARACTERS - 100) * 3 // 4
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


def validate(request: EditRequest, model: Model, provider: Provider | None = None) -> list[Problem]:
    """Return all problems of a request, in the order of its fields; it may be sent if there are none.

    Opens the files to read their headers. For a model that isn't in models.json, only what no endpoint could accept is
    a problem.
    """
    return [*parameter_problems(request, model), *_input_problems(request, model, provider)]


def parameter_problems(request: EditRequest, model: Model) -> list[Problem]:
    """Return all problems of a request's plain values, without checking its images."""
    return [
        *_prompt_problems(request, model),
        *_option_problems(request, model),
        *_number_problems(request, model),
        *_size_problems(request, model),
        *_combination_problems(request, model),
    ]


def ended_problem(model: Model, base_url: str | None) -> Problem | None:
    """Return the problem with a model that this address has shut down, or None; other addresses may still offer it."""
    if model.ends is None or not model.has_ended or not is_official(host_of(base_url or "")):
        return None
    rule = _("it ended on {date}; use {successor} instead") if model.successor else _("it ended on {date}")
    return Problem("model", model.name, rule.format(date=model.ends.isoformat(), successor=model.successor))


def markup_problem(model: Model, provider: Provider | None) -> Problem | None:
    """Return the reason why markup can't be sent with this model or to this provider, or None."""
    if model.is_known and not model.markup:
        return Problem("markup", "", _("{model} doesn't support this field").format(model=model.name))
    reason = provider.note_for(provider.rejected, "markup") if provider else None
    return Problem("markup", "", reason) if reason else None


def _prompt_problems(request: EditRequest, model: Model) -> Iterator[Problem]:
    if not request.prompt.strip():
        yield Problem("prompt", "", _("describe what to change"))
    length = len(request.prompt)
    if model.max_prompt is not None and length > model.max_prompt:
        rule = _("{model} accepts at most {most:,}").format(model=model.name, most=model.max_prompt)
        yield Problem("prompt", _("of {length:,} characters").format(length=length), rule)
    for name in request.extra or {}:
        if name in EditRequest.__dataclass_fields__:
            yield Problem("extra", name, _("it has a parameter of its own; use that instead"))


def _option_problems(request: EditRequest, model: Model) -> Iterator[Problem]:
    allowed = {
        "background": model.backgrounds,
        "complexity": model.complexities,
        "input_fidelity": model.input_fidelities,
        "moderation": ("low", "auto") if model.moderation else (),
        "output_format": model.output_formats,
        "quality": model.qualities,
        "response_format": model.response_formats,
    }
    for name, options in allowed.items():
        value = getattr(request, name)
        if value is None or options is None or value in options or not model.is_known:
            continue
        rule = _("{model} accepts {options}") if options else _("{model} doesn't support this field")
        yield Problem(name, str(value), rule.format(model=model.name, options=join_alternatives(list(options))))


def _number_problems(request: EditRequest, model: Model) -> Iterator[Problem]:
    for name, (least, most) in _RANGES.items():
        value = getattr(request, name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int):
            yield Problem(name, str(value), _("it must be a whole number"))
        elif value < least or (model.is_known and value > most):
            yield Problem(name, str(value), _("it must be {least} to {most}").format(least=least, most=most))
    if request.stream and not model.streams:
        yield Problem("stream", "true", _("{model} doesn't support streaming").format(model=model.name))


def _size_problems(request: EditRequest, model: Model) -> Iterator[Problem]:
    if request.size in (None, "auto") or not model.is_known:
        return
    match = _SIZE.fullmatch(str(request.size))
    if match is None:
        yield Problem("size", str(request.size), _("it must be auto, or WIDTHxHEIGHT such as 1024x1024"))
    elif not model.sizes.allows(int(match[1]), int(match[2])):
        yield Problem(
            "size",
            str(request.size),
            _("{model} returns images of {sizes}").format(model=model.name, sizes=model.sizes),
        )


def _combination_problems(request: EditRequest, model: Model) -> Iterator[Problem]:
    if not model.is_known:
        return
    if request.background == "transparent" and request.output_format == "jpeg":
        yield Problem("output_format", "jpeg", _("a transparent background needs png or webp"))
    compression = request.output_compression
    if compression is not None and compression != 100 and request.output_format in (None, "png"):
        yield Problem("output_compression", str(compression), _("it needs output_format jpeg or webp"))


def _input_problems(request: EditRequest, model: Model, provider: Provider | None) -> Iterator[Problem]:
    if isinstance(request.images, (str, bytes, Path, FileId, Url)):
        yield Problem("images", "", _("it must be a list, even for one image"))
        return
    if not request.images:
        yield Problem("images", "", _("add at least one image"))
    elif model.max_images is not None and len(request.images) > model.max_images:
        yield Problem(
            "images",
            str(len(request.images)),
            _("{model} accepts at most {most}").format(model=model.name, most=model.max_images),
        )
    headers: dict[str, ImageHeader] = {}
    for name, source in request.sources():
        if isinstance(source, (FileId, Url)):
            yield from _reference_problems(name, source, model, provider)
        content = _content_of(source)
        if content is None:
            continue
        problems, header = _content_problems(name, content, model)
        yield from problems
        if request.has_references and _needs_json(provider) and not isinstance(source, Url):
            yield from _data_url_problems(name, content)
        if header is not None:
            headers[name] = header
    if "mask" in headers:
        yield from _mask_problems(headers["mask"], headers.get("image 1"), model, provider)
    if "avoid" in headers:
        yield from _overlay_size_problems("avoid", headers["avoid"], headers.get("image 1"))
    if request.markup is not None:
        yield from _markup_problems(request, headers, model, provider)


def _needs_json(provider: Provider | None) -> bool:
    return provider is None or provider.references == "json"


def _reference_problems(name: str, source: FileId | Url, model: Model, provider: Provider | None) -> Iterator[Problem]:
    value = source.value[:60]
    takes = provider.references if provider else "json"
    if isinstance(source, Url) and not source.value.startswith(("http://", "https://", "data:")):
        yield Problem(name, value, _("an address must start with https://, http:// or data:"))
    elif len(source.value) > MAX_URL_CHARACTERS:
        yield Problem(
            name,
            value,
            _("an address can have at most {most:,} characters").format(most=MAX_URL_CHARACTERS),
        )
    elif isinstance(source, FileId) and not source.value:
        yield Problem(name, "", _("the file ID is empty"))
    if model.is_known and not model.references:
        yield Problem(name, value, _("{model} only accepts files").format(model=model.name))
    elif provider and takes == "none" and not (isinstance(source, Url) and source.is_data):
        yield Problem(name, value, _("{provider} only accepts files").format(provider=provider.name))
    elif provider and takes == "urls" and isinstance(source, FileId):
        yield Problem(
            name, value, _("{provider} accepts files and addresses, but not file IDs").format(provider=provider.name)
        )


def _content_of(source: ImageSource) -> str | Path | bytes | None:
    if isinstance(source, FileId):
        return None
    if not isinstance(source, Url):
        return source
    try:
        return data_url_bytes(source) if source.is_data else None
    except ValueError:
        return b""


def _content_problems(name: str, content: str | Path | bytes, model: Model) -> tuple[list[Problem], ImageHeader | None]:
    value = "" if isinstance(content, bytes) else str(content)
    try:
        size = source_size(content)
        header = source_header(content)
    except ImageHeaderError as error:
        rule = _("it must be {formats}, but {error}").format(formats=_formats(model), error=error)
        return ([Problem(name, value, rule)] if model.is_known else []), None
    except OSError as error:
        return [Problem(name, value, _("it can't be read ({reason})").format(reason=error.strerror or error))], None
    problems = []
    is_overlay = name in ("mask", "markup", "avoid")
    most = model.max_mask_bytes if is_overlay else model.max_image_bytes
    if model.input_formats is not None and header.format not in model.input_formats:
        problems.append(
            Problem(
                name,
                value,
                _("it is {format}, but {model} accepts {formats}").format(
                    format=header.format, model=model.name, formats=_formats(model)
                ),
            )
        )
    if most is not None and size >= most:
        rule = _("{model} accepts files smaller than {most} MB").format(model=model.name, most=most // 1000000)
        problems.append(Problem(name, _("of {size:,} bytes").format(size=size), rule))
    if model.square_input and not is_overlay and header.width != header.height:
        dimensions = f"{header.width}x{header.height}"
        problems.append(Problem(name, dimensions, _("{model} only accepts square images").format(model=model.name)))
    return problems, header


def _formats(model: Model) -> str:
    return join_alternatives(list(model.input_formats or ("png", "jpeg", "webp")))


def _data_url_problems(name: str, content: str | Path | bytes) -> Iterator[Problem]:
    try:
        size = source_size(content)
    except OSError:
        return  # already reported by `_content_problems`
    if size > _MAX_DATA_URL_BYTES:
        rule = _("with references, at most {most:,} bytes can be sent; upload the file and use its file ID")
        rule = rule.format(most=_MAX_DATA_URL_BYTES)
        yield Problem(name, _("of {size:,} bytes").format(size=size), rule)


def _mask_problems(
    mask: ImageHeader, image: ImageHeader | None, model: Model, provider: Provider | None
) -> Iterator[Problem]:
    yield from _overlay_size_problems("mask", mask, image)
    reads_alpha = provider is None or provider.mask_reads == "alpha"
    if model.is_known and reads_alpha and not mask.has_alpha:
        yield Problem("mask", "", _("it has no alpha channel; transparent pixels mark where to edit"))


def _markup_problems(
    request: EditRequest, headers: Mapping[str, ImageHeader], model: Model, provider: Provider | None
) -> Iterator[Problem]:
    if problem := markup_problem(model, provider):
        yield problem
    if request.mask is not None:
        yield Problem("markup", "", _("it can't be combined with a mask"))
    if request.has_references and _needs_json(provider):
        yield Problem("markup", "", _("it can't be combined with references by address or file ID"))
    if markup := headers.get("markup"):
        yield from _overlay_size_problems("markup", markup, headers.get("image 1"))
        if markup.format != "png" or not markup.has_alpha:
            yield Problem("markup", "", _("it must be a PNG with an alpha channel, through which the image shows"))


def _overlay_size_problems(name: str, overlay: ImageHeader, image: ImageHeader | None) -> Iterator[Problem]:
    if image is not None and (overlay.width, overlay.height) != (image.width, image.height):
        rule = _("it must be the same size as the first image, {width}x{height}")
        size = f"{overlay.width}x{overlay.height}"
        yield Problem(name, size, rule.format(width=image.width, height=image.height))
