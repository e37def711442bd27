"""The arguments of the procedures, as they are declared to GIMP.

Arguments whose mistakes would cost money or change the request are declared wide (as text, or as numbers without a
narrow range), because GIMP replaces an invalid value with the default, prints a warning, and runs the procedure.
plugin/edit/options.py checks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from lib.settings import settings
from lib.translation import N_

WIDE = 2**31 - 1


@dataclass(frozen=True)
class Argument:
    """An argument of a procedure; its type is the type of `default`."""

    name: str
    default: str | int | float | bool
    nick: str
    blurb: str


_EXTEND_DEFAULTS: dict[str, str | int | float | bool] = {"prompt": "extend", "sample-merged": True}

EDIT_ARGUMENTS = (
    Argument("prompt", "", N_("_Prompt"), N_("A description of the result; empty: remove what is selected")),
    Argument(
        "recipe",
        "",
        N_("_Recipe"),
        N_(
            "A recipe's name, such as restore or change-sky: it sets the options that are left at their defaults, and "
            "the prompt fills its {placeholders}; empty: none"
        ),
    ),
    Argument(
        "provider",
        "",
        N_("Pro_vider"),
        N_("local, openai, azure, custom, … or your own; empty: $GENERATIVE_EDIT_PROVIDER, else as set in Settings"),
    ),
    Argument(
        "model",
        "",
        N_("_Model"),
        N_("The model's name; empty: $GENERATIVE_EDIT_MODEL, else as set in Settings, or the provider's default"),
    ),
    Argument("n", 0, N_("_Number of results"), N_("1 to 10 results; 0: one")),
    Argument("size", "", N_("_Size"), N_("WIDTHxHEIGHT to request; empty: chosen to suit the frame")),
    Argument(
        "quality",
        "",
        N_("_Quality"),
        N_("low, medium, high or auto, as the model supports them; empty: the model's default"),
    ),
    Argument("background", "", N_("_Background"), N_("opaque, transparent or auto; empty: opaque")),
    Argument(
        "complexity",
        "",
        N_("Compl_exity"),
        N_("low, medium or high, for gpt-image-2.6 and later; empty: the model's default"),
    ),
    Argument("moderation", "", N_("Mo_deration"), N_("low or auto; empty: the endpoint's default")),
    Argument("input-fidelity", "", N_("Input _fidelity"), N_("high or low; empty: the endpoint's default")),
    Argument(
        "output-format", "", N_("Output _format"), N_("The format of the returned image: png, jpeg or webp; empty: png")
    ),
    Argument(
        "output-compression",
        -1,
        N_("Output _compression"),
        N_("0 to 100 for jpeg and webp; -1: the endpoint's default"),
    ),
    Argument("stream", False, N_("St_ream"), N_("Request an event stream instead of a single response; default: no")),
    Argument("partial-images", 0, N_("Partial _images"), N_("0 to 3 previews; more than 0 needs stream")),
    Argument("user", "", N_("_User"), N_("An identifier of the end user, passed on to the endpoint; empty: none")),
    Argument(
        "markup",
        "",
        N_("Mar_kup"),
        N_("The name of a layer with arrows, circles and notes that say where and what to edit; empty: none"),
    ),
    Argument(
        "mask",
        "",
        N_("Mas_k"),
        N_("What to change: subject or background, as the subject network finds them; empty: the selection"),
    ),
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
        N_("The longest edge to request, in pixels; empty: the model's limit"),
    ),
    Argument("fit", True, N_("Ali_gn with the picture"), N_("Align the result with the picture; default: yes")),
    Argument(
        "match-colour",
        "",
        N_("Match its _colours"),
        N_("auto (undo a slight tint, keep a change that was asked for), always or never; empty: auto"),
    ),
    Argument(
        "light",
        True,
        N_("Match its li_ght"),
        N_("Level the light and the tint along the selection's edge; default: yes"),
    ),
    Argument(
        "detail",
        True,
        N_("Restore the _detail"),
        N_("Take the fine detail from the picture where the result kept it, if it has another size; default: yes"),
    ),
    Argument(
        "change-mask",
        True,
        N_("Mask what did not c_hange"),
        N_("Without a selection: give the result a layer mask of what really changed; default: yes"),
    ),
    Argument(
        "describe-area",
        True,
        N_("Describe the a_rea"),
        N_("If the provider ignores the mask, add a sentence to the prompt that says where the area is; default: yes"),
    ),
    Argument("feather", 0.0, N_("Feat_her"), N_("Feather the layer mask inwards by this many pixels; 0: not at all")),
    Argument("grow", 0, N_("_Grow"), N_("Grow the selected area by this many pixels; 0: not at all")),
    Argument(
        "references",
        "",
        N_("Refere_nces"),
        N_("A JSON list of reference pictures: file paths, URLs, file ids (file-…); empty: none"),
    ),
    Argument(
        "provenance",
        "",
        N_("Prov_enance"),
        N_("mark: note in the image's metadata that a model changed it; none: don't; empty: as set in Settings"),
    ),
    Argument("extra", "", N_("E_xtra"), N_("A JSON object of additional request fields; empty: none")),
    Argument(
        "max-cost",
        0.0,
        N_("Ma_x cost"),
        N_("Send nothing if the estimated cost in US dollars is higher or unknown; 0: no limit"),
    ),
    Argument("timeout", 0.0, N_("_Timeout"), N_("Seconds for the whole request, 0 or more; 0: 600")),
)

# Extending has no selection to grow or to feather, and by default sends what is visible.
EXTEND_ARGUMENTS = (
    Argument(
        "left",
        "",
        N_("_Left"),
        N_("How far to extend the canvas to the left: pixels, or a percentage such as 10%; empty: not at all"),
    ),
    Argument("top", "", N_("_Top"), N_("How far to extend it upwards, likewise; empty: not at all")),
    Argument("right", "", N_("_Right"), N_("How far to extend it to the right, likewise; empty: not at all")),
    Argument("bottom", "", N_("_Bottom"), N_("How far to extend it downwards, likewise; empty: not at all")),
    *(
        replace(argument, default=_EXTEND_DEFAULTS.get(argument.name, argument.default))
        for argument in EDIT_ARGUMENTS
        if argument.name not in ("feather", "grow", "recipe", "markup", "mask")
    ),
)
# Removing sets its own prompt.
REMOVE_ARGUMENTS = tuple(
    argument
    for argument in EDIT_ARGUMENTS
    if argument.name
    not in ("prompt", "recipe", "n", "background", "stream", "partial-images", "references", "markup", "mask")
)
Sides = tuple[str, str, str, str]


def values_of(config: Any, arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """Return the values of the arguments in a procedure's config, by name."""
    values = {argument.name: config.get_property(argument.name) for argument in arguments}
    return {name: "" if value is None else value for name, value in values.items()}


def defaults(arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """Return the default of each argument, by name."""
    return {argument.name: argument.default for argument in arguments}


def set_values(config: Any, values: Mapping[str, Any]) -> None:
    """Set arguments in a procedure's config."""
    for name, value in values.items():
        config.set_property(name, value)


def with_settings(arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> dict[str, Any]:
    """Return the defaults, with context, feather and grow from the settings.

    For windows only: a script does the same for every user.
    """
    current = settings.load()
    values = defaults(arguments)
    context = "" if current.context == "auto" else current.context
    preferences = {"context": context, "feather": current.feather, "grow": current.grow}
    return values | {name: value for name, value in preferences.items() if name in values}


def start_with_settings(config: Any, arguments: tuple[Argument, ...] = EDIT_ARGUMENTS) -> None:
    """Set the values that a window starts with: those last used, and the settings where these are at their defaults.

    From then on the window's values count: a feather of 0 is none, whatever the settings are.
    """
    default_values = defaults(arguments)
    last = {name: value for name, value in values_of(config, arguments).items() if value != default_values[name]}
    set_values(config, with_settings(arguments) | last)


def sides(values: Mapping[str, Any]) -> Sides:
    """Return how far each side is to be extended, as it was entered."""
    return values["left"], values["top"], values["right"], values["bottom"]
