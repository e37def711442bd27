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
    Argument("prompt", "", "_Prompt", "What should be there, in words; empty: remove what is selected"),
    Argument(
        "provider", "", "Pro_vider", "local, openai, azure, custom, …; empty: $GENERATIVE_EDIT_PROVIDER, or local"
    ),
    Argument("model", "", "_Model", "The model's name; empty: $GENERATIVE_EDIT_MODEL, or the provider's default"),
    Argument("n", 0, "_Number of results", "1 to 10 results; 0: one"),
    Argument("size", "", "_Size", "WIDTHxHEIGHT to ask for; empty: what suits the frame"),
    Argument("quality", "", "_Quality", "low, medium, high or auto, as the model has them; empty: the model's default"),
    Argument("background", "", "_Background", "opaque, transparent or auto; empty: opaque"),
    Argument("moderation", "", "Mo_deration", "low or auto; empty: the endpoint's default"),
    Argument("input-fidelity", "", "Input _fidelity", "high or low; empty: the endpoint's default"),
    Argument("output-format", "", "Output _format", "png, jpeg or webp, as it travels; empty: png"),
    Argument("output-compression", -1, "Output _compression", "0 to 100 for jpeg and webp; -1: the endpoint's default"),
    Argument("stream", False, "St_ream", "Ask for an event stream instead of one answer"),
    Argument("partial-images", 0, "Partial _images", "0 to 3 previews on the way; more than 0 needs stream"),
    Argument("user", "", "_User", "An identifier of the end user, passed on to the endpoint"),
    Argument("sample-merged", False, "S_ample merged", "Send what is visible instead of the selected layers"),
    Argument(
        "context", "", "Conte_xt", "How much around the selection is sent: auto, a number of pixels, layer or canvas"
    ),
    Argument(
        "largest-size", "", "_Largest size", "The longest edge, in pixels, that may be asked for; empty: the model's"
    ),
    Argument("fit", True, "Fi_t", "Line the result up with the original and match its colours"),
    Argument("feather", 0.0, "Feat_her", "Softens the layer mask inwards, in pixels"),
    Argument("grow", 0, "_Grow", "Changes this many pixels more than are selected"),
    Argument("references", "", "Refere_nces", "A JSON list of further pictures: file paths, URLs, file ids (file-…)"),
    Argument("extra", "", "E_xtra", "A JSON object of further fields, passed on as they are"),
    Argument(
        "max-cost",
        0.0,
        "Ma_x cost",
        "Stops before sending where the estimate in US dollars is higher or unknown; 0: no limit",
    ),
    Argument("timeout", 0.0, "_Timeout", "Seconds for the whole request; 0: 600"),
)

# Extending has no selection to grow or to feather, and looks at the whole picture unless it is told not to.
EXTEND_ARGUMENTS = (
    Argument("left", "", "_Left", "How far the canvas grows to the left: pixels, or a percentage such as 10%"),
    Argument("top", "", "_Top", "How far it grows upwards"),
    Argument("right", "", "_Right", "How far it grows to the right"),
    Argument("bottom", "", "_Bottom", "How far it grows downwards"),
    *(
        replace(argument, default=_EXTEND_DEFAULTS.get(argument.name, argument.default))
        for argument in EDIT_ARGUMENTS
        if argument.name not in ("feather", "grow")
    ),
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
    reader = _Reader(values)
    options = Options(
        provider=values["provider"] or environment.get("GENERATIVE_EDIT_PROVIDER") or "local",
        model=values["model"] or environment.get("GENERATIVE_EDIT_MODEL") or None,
        request=reader.request(),
        references=tuple(reader.json("references", list, _is_list_of_texts, "a JSON list of texts") or ()),
        sample_merged=values["sample-merged"],
        context=reader.context(),
        largest_size=reader.number_in_text("largest-size"),
        fit=values["fit"],
        feather=reader.at_least_zero("feather"),
        grow=reader.at_least_zero("grow"),
        max_cost=reader.at_least_zero("max-cost") or None,
        timeout=reader.at_least_zero("timeout") or _DEFAULT_TIMEOUT,
    )
    if reader.problems:
        raise BadArguments(reader.problems)
    return options


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
        extra = self.json("extra", dict, lambda value: True, "a JSON object")
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
        return self.number_in_text("context", "auto, layer, canvas or a number of pixels") or 0

    def number_in_text(self, name: str, allowed: str = "a number of pixels") -> int | None:
        """A whole number written as text; None where it is empty."""
        text = self.values[name].strip()
        if text and not (text.isascii() and text.isdigit()):
            self.problems.append(f"{name} {text!r}: must be {allowed}.")
            return None
        return int(text) if text else None

    def at_least_zero(self, name: str) -> Any:
        """A number that may not be negative."""
        value = self.values[name]
        if not (math.isfinite(value) and value >= 0):
            self.problems.append(f"{name} {value}: must be 0 or more.")
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
            self.problems.append(f"{name}: must be {wanted}.")
            return None
        return value

    def _between(self, name: str, low: int, high: int) -> int:
        value: int = self.values[name]
        if not low <= value <= high:
            self.problems.append(f"{name} {value}: must be {max(low, 0)} to {high}.")
        return value
