"""What `generative-edit` can be asked: the arguments as GIMP declares them, and their reading into options.

Values whose mistake would cost money or change the request are declared wide (text, or numbers without a narrow range),
because GIMP replaces a value out of range by the default with only a warning, and then runs. They are checked here,
all at once, before anything is exported or sent.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lib import settings
from lib.translation import N_, _

WIDE = 2**31 - 1


@dataclass(frozen=True)
class Argument:
    """One procedure argument; `default` gives its type: str, int, float or bool."""

    name: str
    default: str | int | float | bool
    nick: str
    blurb: str


_EXTEND_DEFAULTS: dict[str, str | int | float | bool] = {"prompt": "extend", "sample-merged": True}

EDIT_ARGUMENTS = (
    Argument("prompt", "", N_("_Prompt"), N_("What should be there, in words; empty: remove what is selected")),
    Argument(
        "provider",
        "",
        N_("Pro_vider"),
        N_("local, openai, azure, custom, … or your own; empty: $GENERATIVE_EDIT_PROVIDER, else as in Settings"),
    ),
    Argument(
        "model",
        "",
        N_("_Model"),
        N_("The model's name; empty: $GENERATIVE_EDIT_MODEL, else as in Settings, or the provider's default"),
    ),
    Argument("n", 0, N_("_Number of results"), N_("1 to 10 results; 0: one")),
    Argument("size", "", N_("_Size"), N_("WIDTHxHEIGHT to ask for; empty: what suits the frame")),
    Argument(
        "quality",
        "",
        N_("_Quality"),
        N_("low, medium, high or auto, as the model has them; empty: the model's default"),
    ),
    Argument("background", "", N_("_Background"), N_("opaque, transparent or auto; empty: opaque")),
    Argument("moderation", "", N_("Mo_deration"), N_("low or auto; empty: the endpoint's default")),
    Argument("input-fidelity", "", N_("Input _fidelity"), N_("high or low; empty: the endpoint's default")),
    Argument("output-format", "", N_("Output _format"), N_("png, jpeg or webp, as it travels; empty: png")),
    Argument(
        "output-compression",
        -1,
        N_("Output _compression"),
        N_("0 to 100 for jpeg and webp; -1: the endpoint's default"),
    ),
    Argument("stream", False, N_("St_ream"), N_("Ask for an event stream instead of one answer; default: no")),
    Argument("partial-images", 0, N_("Partial _images"), N_("0 to 3 previews on the way; more than 0 needs stream")),
    Argument("user", "", N_("_User"), N_("An identifier of the end user, passed on to the endpoint; empty: none")),
    Argument(
        "sample-merged",
        False,
        N_("S_ample merged"),
        N_("Send what is visible instead of the selected layers; default: no"),
    ),
    Argument(
        "context",
        "",
        N_("Conte_xt"),
        N_("How much around the selection is sent: auto, a number of pixels, layer or canvas; empty: auto"),
    ),
    Argument(
        "largest-size",
        "",
        N_("_Largest size"),
        N_("The longest edge, in pixels, that may be asked for; empty: the model's"),
    ),
    Argument("fit", True, N_("Fi_t"), N_("Line the result up with the original and match its colours; default: yes")),
    Argument("feather", 0.0, N_("Feat_her"), N_("Softens the layer mask inwards, in pixels, 0 or more; 0: not at all")),
    Argument("grow", 0, N_("_Grow"), N_("Changes this many pixels more than are selected, 0 or more; 0: none")),
    Argument(
        "references",
        "",
        N_("Refere_nces"),
        N_("A JSON list of further pictures: file paths, URLs, file ids (file-…); empty: none"),
    ),
    Argument("extra", "", N_("E_xtra"), N_("A JSON object of further fields, passed on as they are; empty: none")),
    Argument(
        "max-cost",
        0.0,
        N_("Ma_x cost"),
        N_("Stops before sending where the estimate in US dollars is higher or unknown; 0: no limit"),
    ),
    Argument("timeout", 0.0, N_("_Timeout"), N_("Seconds for the whole request, 0 or more; 0: 600")),
)

# Extending has no selection to grow or to feather, and looks at the whole picture unless it is told not to.
EXTEND_ARGUMENTS = (
    Argument(
        "left",
        "",
        N_("_Left"),
        N_("How far the canvas grows to the left: pixels, or a percentage such as 10%; empty: not at all"),
    ),
    Argument("top", "", N_("_Top"), N_("How far it grows upwards, likewise; empty: not at all")),
    Argument("right", "", N_("_Right"), N_("How far it grows to the right, likewise; empty: not at all")),
    Argument("bottom", "", N_("_Bottom"), N_("How far it grows downwards, likewise; empty: not at all")),
    *(
        replace(argument, default=_EXTEND_DEFAULTS.get(argument.name, argument.default))
        for argument in EDIT_ARGUMENTS
        if argument.name not in ("feather", "grow")
    ),
)
# Removing says itself what it wants.
REMOVE_ARGUMENTS = tuple(
    argument
    for argument in EDIT_ARGUMENTS
    if argument.name not in ("prompt", "n", "background", "stream", "partial-images", "references")
)
Sides = tuple[str, str, str, str]

_REQUEST_TEXTS = ("size", "quality", "background", "moderation", "input-fidelity", "output-format", "user")
_MOST_RESULTS = 10
_MOST_PARTIAL_IMAGES = 3
_DEFAULT_TIMEOUT = 600.0


class BadArguments(ValueError):
    """Arguments that cannot be meant; the text names every problem, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


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
    options, problems = look_at(values, environment)
    if problems:
        raise BadArguments(problems)
    return options


def look_at(values: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> tuple[Options, list[str]]:
    """The options as far as they can be read, and everything that is wrong with the values, a sentence each."""
    reader = _Reader(values)
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
        feather=reader.at_least_zero("feather"),
        grow=reader.at_least_zero("grow"),
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


def with_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a window starts with: context, feather and grow as Settings say where they are not set.

    Never in batch, so that a script does the same for everybody.
    """
    remembered = settings.load()
    preferred = {"context": remembered.context, "feather": remembered.feather, "grow": remembered.grow}
    return {name: value or preferred.get(name, value) for name, value in values.items()}


def values_of(config: Any, arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """The arguments' values in a procedure's config."""
    values = {argument.name: config.get_property(argument.name) for argument in arguments}
    return {name: "" if value is None else value for name, value in values.items()}


def defaults(arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """Every argument's default, by name."""
    return {argument.name: argument.default for argument in arguments}


def sides(values: Mapping[str, Any]) -> Sides:
    """How far each side grows, as it was written."""
    return values["left"], values["top"], values["right"], values["bottom"]


def _is_list_of_texts(value: list[Any]) -> bool:
    return all(isinstance(item, str) and item for item in value)


class _Reader:
    """Reads single values and collects what is wrong with them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values
        self.problems: list[str] = []

    def request(self) -> dict[str, Any]:
        """The API's fields that were set; what the model allows is checked where the model is known."""
        request: dict[str, Any] = {"prompt": self.values["prompt"].strip() or "fill"}
        request.update({name.replace("-", "_"): self.values[name] for name in _REQUEST_TEXTS if self.values[name]})
        request.setdefault("background", "opaque")
        self._between("n", 0, _MOST_RESULTS)
        request["n"] = self.values["n"] or 1
        if self._between("output-compression", -1, 100) >= 0:
            request["output_compression"] = self.values["output-compression"]
        if self.values["stream"]:
            request["stream"] = True
        if self._between("partial-images", 0, _MOST_PARTIAL_IMAGES):
            request["partial_images"] = self.values["partial-images"]
        extra = self.json("extra", dict, lambda value: True, _("a JSON object"))
        if extra:
            request["extra"] = extra
        return request

    def context(self) -> str | int:
        """The context setting: a word, or a number of pixels."""
        text = self.values["context"].strip()
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
            told = _("{name} {text!r}: must be {allowed}.")
            self.problems.append(told.format(name=name, text=text, allowed=allowed))
            return None
        return int(text) if text else None

    def at_least_zero(self, name: str) -> Any:
        """A number that may not be negative."""
        value = self.values[name]
        if not (math.isfinite(value) and value >= 0):
            self.problems.append(_("{name} {value}: must be 0 or more.").format(name=name, value=value))
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

    def _between(self, name: str, low: int, high: int) -> int:
        value: int = self.values[name]
        if not low <= value <= high:
            told = _("{name} {value}: must be {least} to {most}.")
            self.problems.append(told.format(name=name, value=value, least=max(low, 0), most=high))
        return value
