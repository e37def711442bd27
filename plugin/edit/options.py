"""The options of an edit, read from arguments; all problems are reported at once, before anything is exported."""

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.api import models
from lib.api.address import environment_problem
from lib.api.models import Model
from lib.api.providers import Provider
from lib.api.request import EditRequest
from lib.api.text import sentence
from lib.api.validation import ended_problem, markup_problem, parameter_problems
from lib.settings import settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.edit.recipe import with_recipe
from plugin.errors import BadArguments

_REQUEST_TEXTS = (
    "size", "quality", "background", "complexity", "moderation", "input-fidelity", "output-format", "user",
)  # fmt: skip
COLOUR_MODES = ("auto", "always", "never")
# The areas that the worker finds.
SUBJECT_MASKS = ("subject", "background")
_MOST_RESULTS = 10
_MOST_PARTIAL_IMAGES = 3
_DEFAULT_TIMEOUT = 600.0
_NUMBERS = ("n", "output-compression", "partial-images")
_SIZE = re.compile(r"auto|[0-9]{1,5}x[0-9]{1,5}")


@dataclass(frozen=True)
class Options:
    """The options of one edit: `request` has the API's field names, the rest is the plug-in's own.

    `mask` is "subject" or "background" if the worker finds the area to edit; "" for the selection.
    """

    provider: str = "local"
    model: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    markup: str = ""
    mask: str = ""
    sample_merged: bool = False
    context: str | int = "auto"
    largest_size: int | None = None
    fit: bool = True
    match_colour: str = "auto"
    light: bool = True
    detail: bool = True
    change_mask: bool = True
    feather: float = 0.0
    grow: int = 0
    describe_area: bool = True
    provenance: bool = True
    max_cost: float | None = None
    timeout: float = _DEFAULT_TIMEOUT


def read(values: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Options:
    """Return the options for argument values; raise BadArguments with every problem of the values themselves."""
    options, problems = _read_values(values, environment)
    if problems:
        raise BadArguments(problems)
    return options


def checked(values: Mapping[str, Any], other_problems: list[str] | None = None) -> Options:
    """Return the options for values, checked against the provider and the model; raise BadArguments with every problem.

    `other_problems` come first.
    """
    options, problems = problems_of(values)
    if other_problems or problems:
        raise BadArguments([*(other_problems or ()), *problems])
    return options


def problems_of(values: Mapping[str, Any]) -> tuple[Options, list[str]]:
    """Return the options as far as they can be read, and all problems, including those with provider and model."""
    options, problems = _read_values(values)
    try:
        provider = settings.provider(options.provider)
    except ValueError as error:
        return options, [*problems, str(error)]
    model = models.get(provider.model_name(options.model))
    problems = [*problems, *endpoint_problems(options, provider, model)]
    request = EditRequest(images=(), **options.request)
    # A number out of the argument's own range has been reported.
    reported = {name.replace("-", "_") for name in _NUMBERS if _is_reported(name, problems)}
    invalid = [each for each in parameter_problems(request, model) if each.field not in reported]
    problems += [sentence(str(each)) for each in invalid]
    size = options.request.get("size", "auto")
    if not model.is_known and not _SIZE.fullmatch(size):
        problems.append(_("size {size!r}: must be WIDTHxHEIGHT, in pixels.").format(size=size))
    return options, problems


def endpoint_problems(options: Options, provider: Provider, model: Model) -> list[str]:
    """Return a sentence for each problem with a provider's address, a model that it has shut down, or markup."""
    base_url = provider.resolve_url(None, os.environ)
    markup = markup_problem(model, provider) if options.markup else None
    problems = (environment_problem(provider, os.environ), ended_problem(model, base_url), markup)
    return [sentence(str(problem)) for problem in problems if problem]


def _read_values(values: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> tuple[Options, list[str]]:
    """Return the options as far as they can be read, and a sentence for each problem of the values."""
    values, problems = with_recipe(values)
    reader = _ArgumentReader(values)
    reader.problems += problems
    provider, model = _provider_and_model_names(values["provider"], values["model"], environment)
    options = Options(
        provider=provider,
        model=model,
        request=reader.request(),
        references=tuple(reader.json("references", list, _is_list_of_strings, _("a JSON list of strings")) or ()),
        markup=values["markup"],
        mask=reader.mask(),
        sample_merged=values["sample-merged"],
        context=reader.context(),
        largest_size=reader.number_in_text("largest-size"),
        fit=values["fit"],
        match_colour=reader.one_of("match-colour", COLOUR_MODES),
        light=values["light"],
        detail=values["detail"],
        change_mask=values["change-mask"],
        feather=reader.in_range("feather", 0, LARGEST_RADIUS),
        grow=reader.in_range("grow", 0, LARGEST_RADIUS),
        describe_area=values["describe-area"],
        provenance=reader.provenance(),
        max_cost=reader.not_negative("max-cost") or None,
        timeout=reader.not_negative("timeout") or _DEFAULT_TIMEOUT,
    )
    return options, reader.problems


def _provider_and_model_names(provider: str, model: str, environment: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the names given as arguments, else in the environment, else in the settings; finally "local".

    None is the provider's default model. The model in the settings is only for the provider in the settings.
    """
    current = settings.load()
    provider = provider or environment.get("GENERATIVE_EDIT_PROVIDER") or current.provider or "local"
    model = model or environment.get("GENERATIVE_EDIT_MODEL") or ""
    if not model and provider == (current.provider or "local"):
        model = current.model
    return provider, model or None


def _is_reported(name: str, problems: list[str]) -> bool:
    return any(problem.startswith(f"{name} ") for problem in problems)


def _is_list_of_strings(value: list[Any]) -> bool:
    return all(isinstance(item, str) and item for item in value)


class _ArgumentReader:
    """Reads single values and collects their problems."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.problems: list[str] = []

    def request(self) -> dict[str, Any]:
        """Return the fields of the API that are set; their values are checked later, against the model."""
        request: dict[str, Any] = {"prompt": self.values["prompt"].strip() or "fill"}
        request.update({name.replace("-", "_"): self.values[name] for name in _REQUEST_TEXTS if self.values[name]})
        request.setdefault("background", "opaque")
        self.in_range("n", 0, _MOST_RESULTS)
        request["n"] = self.values["n"] or 1
        if self.in_range("output-compression", -1, 100) >= 0:
            request["output_compression"] = self.values["output-compression"]
        if self.values["stream"]:
            request["stream"] = True
        if self.in_range("partial-images", 0, _MOST_PARTIAL_IMAGES):
            request["partial_images"] = self.values["partial-images"]
        extra = self.json("extra", dict, lambda value: True, _("a JSON object"))
        if extra:
            request["extra"] = extra
        return request

    def context(self) -> str | int:
        """Return the context: a keyword, or a number of pixels."""
        text: str = self.values["context"].strip()
        if text in ("", "auto"):
            return "auto"
        if text in ("layer", "canvas"):
            return text
        return self.number_in_text("context", _("auto, layer, canvas or a number of pixels")) or 0

    def provenance(self) -> bool:
        """Return whether to mark the image when a result is inserted."""
        text: str = self.values["provenance"].strip()
        if text not in ("", "mark", "none"):
            message = _("{name} {text!r}: must be {allowed}.")
            self.problems.append(message.format(name="provenance", text=text, allowed=_("mark or none")))
        return text == "mark" if text else settings.load().provenance

    def one_of(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return a keyword; the first is the default."""
        text: str = self.values[name].strip() or allowed[0]
        if text not in allowed:
            message = _("{name} {text!r}: must be {allowed}.")
            self.problems.append(message.format(name=name, text=text, allowed=", ".join(allowed)))
            return allowed[0]
        return text

    def mask(self) -> str:
        """Return what the worker is to select; "" for the image's selection."""
        text: str = self.values.get("mask", "").strip()
        if text not in ("", *SUBJECT_MASKS):
            message = _("{name} {text!r}: must be {allowed}.")
            self.problems.append(message.format(name="mask", text=text, allowed=_("subject, background or empty")))
        return text

    def number_in_text(self, name: str, allowed: str = "") -> int | None:
        """Return an integer that was given as text; None for empty text."""
        text = self.values[name].strip()
        if text and not (text.isascii() and text.isdigit()):
            allowed = allowed or _("a number of pixels")
            message = _("{name} {text!r}: must be {allowed}.")
            self.problems.append(message.format(name=name, text=text, allowed=allowed))
            return None
        return int(text) if text else None

    def not_negative(self, name: str) -> Any:
        """Return a number; it must not be negative."""
        value = self.values[name]
        if not (math.isfinite(value) and value >= 0):
            self.problems.append(_("{name} {value}: must be 0 or more.").format(name=name, value=value))
        return value

    def in_range(self, name: str, low: int, high: int) -> Any:
        """Return a number; it must be in the range."""
        value = self.values[name]
        if not low <= value <= high:
            message = _("{name} {value}: must be {least} to {most}.")
            self.problems.append(message.format(name=name, value=value, least=max(low, 0), most=high))
        return value

    def json(self, name: str, kind: type, check: Callable[[Any], bool], expected: str) -> Any:
        """Return a value that was given as JSON; None for empty text."""
        text = self.values[name].strip()
        if not text:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind) or not check(value):
            self.problems.append(_("{name}: must be {expected}.").format(name=name, expected=expected))
            return None
        return value
