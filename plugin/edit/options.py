"""The arguments of an edit read into options: all that is wrong is found at once, before anything is exported."""

import json
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lib.api import models
from lib.api.address import environment_problem
from lib.api.request import EditRequest
from lib.api.text import sentence
from lib.api.validation import parameter_problems
from lib.settings import settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.errors import BadArguments

_REQUEST_TEXTS = ("size", "quality", "background", "moderation", "input-fidelity", "output-format", "user")
_MOST_RESULTS = 10
_MOST_PARTIAL_IMAGES = 3
_DEFAULT_TIMEOUT = 600.0
_NUMBERS = ("n", "output-compression", "partial-images")
_SIZE = re.compile(r"auto|[0-9]{1,5}x[0-9]{1,5}")


@dataclass(frozen=True)
class Options:
    """What one edit was asked for: `request` in the API's own field names, the rest for us."""

    provider: str = "local"
    model: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    sample_merged: bool = False
    context: str | int = "auto"
    largest_size: int | None = None
    fit: bool = True
    feather: float = 0.0
    grow: int = 0
    max_cost: float | None = None
    timeout: float = _DEFAULT_TIMEOUT


def read(values: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Options:
    """The options that the argument values stand for; raises BadArguments, naming all that is wrong."""
    options, problems = _read_values(values, environment)
    if problems:
        raise BadArguments(problems)
    return options


def checked(values: Mapping[str, Any], more: list[str] | None = None) -> Options:
    """The options that the values stand for; raises BadArguments with every problem, after those in `more`."""
    options, problems = problems_of(values)
    if more or problems:
        raise BadArguments([*(more or ()), *problems])
    return options


def problems_of(values: Mapping[str, Any]) -> tuple[Options, list[str]]:
    """The options as far as they can be read, and what is wrong with them, for their provider and model too."""
    options, problems = _read_values(values)
    try:
        provider = settings.provider(options.provider)
    except ValueError as error:
        return options, [*problems, str(error)]
    address = environment_problem(provider, os.environ)
    if address:
        problems = [*problems, sentence(str(address))]
    model = models.get(provider.model_name(options.model))
    request = EditRequest(images=(), **options.request)
    # A number that is no argument's at all is told already.
    told = {name.replace("-", "_") for name in _NUMBERS if _is_told(name, problems)}
    problems += [sentence(str(problem)) for problem in parameter_problems(request, model) if problem.field not in told]
    size = options.request.get("size", "auto")
    if not model.is_known and not _SIZE.fullmatch(size):
        problems.append(_("size {size!r}: must be WIDTHxHEIGHT, in pixels.").format(size=size))
    return options, problems


def _read_values(values: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> tuple[Options, list[str]]:
    """The options as far as they can be read, and everything that is wrong with the values, a sentence each."""
    reader = _ArgumentReader(values)
    provider, model = chosen(values["provider"], values["model"], environment)
    options = Options(
        provider=provider,
        model=model,
        request=reader.request(),
        references=tuple(reader.json("references", list, _is_list_of_texts, _("a JSON list of texts")) or ()),
        sample_merged=values["sample-merged"],
        context=reader.context(),
        largest_size=reader.number_in_text("largest-size"),
        fit=values["fit"],
        feather=reader.between("feather", 0, LARGEST_RADIUS),
        grow=reader.between("grow", 0, LARGEST_RADIUS),
        max_cost=reader.at_least_zero("max-cost") or None,
        timeout=reader.at_least_zero("timeout") or _DEFAULT_TIMEOUT,
    )
    return options, reader.problems


def chosen(provider: str, model: str, environment: Mapping[str, str] = os.environ) -> tuple[str, str | None]:
    """The provider and the model: what is asked for, else the environment's, else that of the settings, else "local".

    None stands for the provider's own default model. The settings' model is for the settings' provider only.
    """
    remembered = settings.load()
    provider = provider or environment.get("GENERATIVE_EDIT_PROVIDER") or remembered.provider or "local"
    model = model or environment.get("GENERATIVE_EDIT_MODEL") or ""
    if not model and provider == (remembered.provider or "local"):
        model = remembered.model
    return provider, model or None


def _is_told(name: str, problems: list[str]) -> bool:
    return any(problem.startswith(f"{name} ") for problem in problems)


def _is_list_of_texts(value: list[Any]) -> bool:
    return all(isinstance(item, str) and item for item in value)


class _ArgumentReader:
    """Reads single values and collects what is wrong with them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.problems: list[str] = []

    def request(self) -> dict[str, Any]:
        """The API's fields that were set; what the model allows is checked where the model is known."""
        request: dict[str, Any] = {"prompt": self.values["prompt"].strip() or "fill"}
        request.update({name.replace("-", "_"): self.values[name] for name in _REQUEST_TEXTS if self.values[name]})
        request.setdefault("background", "opaque")
        self.between("n", 0, _MOST_RESULTS)
        request["n"] = self.values["n"] or 1
        if self.between("output-compression", -1, 100) >= 0:
            request["output_compression"] = self.values["output-compression"]
        if self.values["stream"]:
            request["stream"] = True
        if self.between("partial-images", 0, _MOST_PARTIAL_IMAGES):
            request["partial_images"] = self.values["partial-images"]
        extra = self.json("extra", dict, lambda value: True, _("a JSON object"))
        if extra:
            request["extra"] = extra
        return request

    def context(self) -> str | int:
        """The context setting: a word, or a number of pixels."""
        text: str = self.values["context"].strip()
        if text in ("", "auto"):
            return "auto"
        if text in ("layer", "canvas"):
            return text
        return self.number_in_text("context", _("auto, layer, canvas or a number of pixels")) or 0

    def number_in_text(self, name: str, allowed: str = "") -> int | None:
        """A whole number written as text; None where it is empty."""
        text = self.values[name].strip()
        if text and not (text.isascii() and text.isdigit()):
            allowed = allowed or _("a number of pixels")
            message = _("{name} {text!r}: must be {allowed}.")
            self.problems.append(message.format(name=name, text=text, allowed=allowed))
            return None
        return int(text) if text else None

    def at_least_zero(self, name: str) -> Any:
        """A number that may not be negative."""
        value = self.values[name]
        if not (math.isfinite(value) and value >= 0):
            self.problems.append(_("{name} {value}: must be 0 or more.").format(name=name, value=value))
        return value

    def between(self, name: str, low: int, high: int) -> Any:
        """A number that may not be less or more."""
        value = self.values[name]
        if not low <= value <= high:
            message = _("{name} {value}: must be {least} to {most}.")
            self.problems.append(message.format(name=name, value=value, least=max(low, 0), most=high))
        return value

    def json(self, name: str, kind: type, check: Callable[[Any], bool], wanted: str) -> Any:
        """A value written as JSON; None where it is empty."""
        text = self.values[name].strip()
        if not text:
            return None
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, kind) or not check(value):
            self.problems.append(_("{name}: must be {wanted}.").format(name=name, wanted=wanted))
            return None
        return value
