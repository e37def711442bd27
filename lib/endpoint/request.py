"""Check the fields of an edit request against the API's limits."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from lib.endpoint.errors import HttpError, invalid
from lib.endpoint.form import ImageRef, RequestForm
from lib.endpoint.pictures import MAX_EDIT_PIXELS, OutputFormat

MODEL = "built-in"
# OpenAI's image models, past and future: the built-in engine answers for them, so that clients work unchanged.
_OPENAI_MODEL = re.compile(r"(gpt-image|chatgpt-image|dall-e)-[\w.-]{1,60}", re.ASCII)
MAX_IMAGES = 16
MAX_PROMPT = 32_000
MAX_SIDE = 8192

_FIELDS = {
    "prompt", "model", "n", "size", "quality", "background", "output_format", "output_compression",
    "input_fidelity", "moderation", "response_format", "stream", "partial_images", "user",
    "safety_identifier", "complexity", "seed",
}  # fmt: skip


@dataclass(frozen=True)
class CheckedRequest:
    """A checked request. `size` is (width, height), or None for the first image's size."""

    images: list[ImageRef]
    mask: ImageRef | None
    markup: ImageRef | None
    avoid: ImageRef | None
    prompt: str
    model: str
    n: int
    size: tuple[int, int] | None
    quality: str
    background: str
    output_format: OutputFormat
    output_compression: int
    stream: bool
    partial_images: int
    seed: int | None


def is_served(model: str) -> bool:
    """Return whether requests for `model` are answered; the built-in engine answers all of them."""
    return model == MODEL or _OPENAI_MODEL.fullmatch(model) is not None


def check(form: RequestForm) -> CheckedRequest:
    """Return the checked request of a form. Raise HttpError 400 with `param`, or 404 for an unknown model."""
    fields = {name: value for name, value in form.fields.items() if value is not None}
    for name in fields:
        if name not in _FIELDS:
            raise invalid(f"Unknown parameter: '{name[:64]}'.", name[:64], "unknown_parameter")
    _check_unused(fields)
    stream = _boolean(fields, "stream")
    request = CheckedRequest(
        images=_images(form),
        mask=form.mask,
        markup=form.markup,
        avoid=form.avoid,
        prompt=_prompt(fields),
        model=_model(fields),
        n=_integer(fields, "n", 1, 1, 10),
        size=_size(fields),
        quality=_choice(fields, "quality", ("auto", "low", "medium", "high", "xhigh", "max", "standard")),
        background=_choice(fields, "background", ("auto", "transparent", "opaque")),
        output_format=cast(OutputFormat, _choice(fields, "output_format", ("png", "jpeg", "webp"))),
        output_compression=_integer(fields, "output_compression", 100, 0, 100),
        stream=stream,
        # OpenAI's example of a stream, without this field, shows one partial image.
        partial_images=_integer(fields, "partial_images", 1 if stream else 0, 0, 3),
        seed=_integer(fields, "seed", -1, 0, 2**63 - 1) if "seed" in fields else None,
    )
    if request.background == "transparent" and request.output_format == "jpeg":
        raise invalid("A transparent background needs output_format png or webp.", "background")
    if request.mask and request.markup:
        raise invalid("'markup' can't be combined with 'mask'.", "markup")
    return request


def _check_unused(fields: Mapping[str, Any]) -> None:
    """Check the fields that have no effect on this engine."""
    _choice(fields, "input_fidelity", ("low", "high"))
    _choice(fields, "moderation", ("auto", "low"))
    _choice(fields, "complexity", ("high", "medium", "low"))
    _choice(fields, "response_format", ("b64_json",))
    for name in ("user", "safety_identifier"):
        _string(fields, name, "")


def _images(form: RequestForm) -> list[ImageRef]:
    if not form.images:
        raise invalid("Missing required parameter: 'image'.", "image", "missing_required_parameter")
    if len(form.images) > MAX_IMAGES:
        raise invalid(f"At most {MAX_IMAGES} images are accepted.", "image", "array_above_max_length")
    return form.images


def _prompt(fields: Mapping[str, Any]) -> str:
    if "prompt" not in fields:
        raise invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    prompt = _string(fields, "prompt", "")
    if not prompt.strip():
        raise invalid("The prompt is empty. Describe the edit.", "prompt", "empty_string")
    if len(prompt) > MAX_PROMPT:
        raise invalid(f"The prompt is longer than {MAX_PROMPT} characters.", "prompt", "string_above_max_length")
    return prompt


def _model(fields: Mapping[str, Any]) -> str:
    model = _string(fields, "model", MODEL)
    if not is_served(model):
        raise HttpError(
            404,
            f"The model '{model[:64]}' does not exist. This server has only '{MODEL}'.",
            code="model_not_found",
            param="model",
        )
    return model


def _size(fields: Mapping[str, Any]) -> tuple[int, int] | None:
    text = _string(fields, "size", "auto")
    if text == "auto":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", text)
    if match:
        width, height = int(match[1]), int(match[2])
        if max(width, height) <= MAX_SIDE and width * height <= MAX_EDIT_PIXELS:
            return width, height
    raise invalid(
        f"Invalid size. Use 'auto', or WIDTHxHEIGHT with sides up to {MAX_SIDE} and at most "
        f"{MAX_EDIT_PIXELS:,} pixels.",
        "size",
    )


def _string(fields: Mapping[str, Any], name: str, default: str) -> str:
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise invalid(f"'{name}' must be a string.", name, "invalid_type")
    return value


def _choice(fields: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str:
    value = _string(fields, name, choices[0])
    if value not in choices:
        raise invalid(f"'{name}' must be one of: {', '.join(choices)}.", name)
    return value


def _integer(fields: Mapping[str, Any], name: str, default: int, minimum: int, maximum: int) -> int:
    value = fields.get(name, default)
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid(f"'{name}' must be an integer.", name, "invalid_type")
    if name in fields and not minimum <= value <= maximum:
        raise invalid(f"'{name}' must be between {minimum} and {maximum}.", name)
    return value


def _boolean(fields: Mapping[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise invalid(f"'{name}' must be true or false.", name, "invalid_type")
    return value
