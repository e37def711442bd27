"""What our procedures can be asked: the arguments as GIMP declares them.

Values whose mistake would cost money or change the request are declared wide (text, or numbers without a narrow range),
because GIMP replaces a value out of range by the default with only a warning, and then runs. plugin/edit/options.py
checks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.settings import settings
from lib.translation import N_

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


def values_of(config: Any, arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """The arguments' values in a procedure's config."""
    values = {argument.name: config.get_property(argument.name) for argument in arguments}
    return {name: "" if value is None else value for name, value in values.items()}


def defaults(arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """Every argument's default, by name."""
    return {argument.name: argument.default for argument in arguments}


def set_values(config: Any, values: Mapping[str, Any]) -> None:
    """Sets arguments in a procedure's config."""
    for name, value in values.items():
        config.set_property(name, value)


def with_settings(arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """The defaults, with context, feather and grow as Settings have them.

    For windows only, so that a script does the same for everybody.
    """
    kept = settings.load()
    usual = defaults(arguments)
    context = "" if kept.context == "auto" else kept.context
    preferred = {"context": context, "feather": kept.feather, "grow": kept.grow}
    return usual | {name: value for name, value in preferred.items() if name in usual}


def start_with_settings(config: Any, arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> None:
    """Sets what a window shows first: the values of the last time, and where these are defaults, what Settings have.

    From then on what is shown counts: a feather of 0 is none, whatever Settings say.
    """
    usual = defaults(arguments)
    last = {name: value for name, value in values_of(config, arguments).items() if value != usual[name]}
    set_values(config, with_settings(arguments) | last)


def sides(values: Mapping[str, Any]) -> Sides:
    """How far each side grows, as it was written."""
    return values["left"], values["top"], values["right"], values["bottom"]
