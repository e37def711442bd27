"""The procedures that GIMP knows, their arguments, and how they report."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gimp, GLib, GObject

from lib.translation import N_, _
from plugin import again
from plugin.arguments import (
    EDIT_ARGUMENTS,
    EXTEND_ARGUMENTS,
    WIDE,
    Argument,
    BadArguments,
    defaults,
    read,
    sides,
    values_of,
    with_settings,
)
from plugin.edit import edit
from plugin.extend import extend
from plugin.installation import worker_python
from plugin.language import follow_gimp
from plugin.progress import StatusProgress
from plugin.recovery import forgotten_results, say_in_window, say_on_terminal
from plugin.task import EditCancelled, EditFailed, Outcome, Progress, report_text

_UNFORESEEN = N_(
    "Generative Edit failed in a way that nobody foresaw. A result that had arrived is in the job's folder; "
    "the details are on the terminal that GIMP was started from."
)
MENU = "<Image>/Filters/Generative Edit"
_READ_WRITE = GObject.ParamFlags.READWRITE


@dataclass(frozen=True)
class Entry:
    """One procedure: its menu entry, its words, its arguments, and what it does with their values.

    `interact` is its window: it returns how it ended, or None where `act` shall run with the values that it left.
    """

    label: str
    blurb: str
    help: str
    arguments: tuple[Argument, ...]
    interact: Callable[
        [Gimp.Procedure, Gimp.ProcedureConfig, Gimp.Image, list[Gimp.Layer]], Gimp.PDBStatusType | None
    ]
    act: Callable[[Gimp.Image, list[Gimp.Layer], dict[str, Any], Progress], Outcome]


def _edit(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    return edit(image, layers, read(values), worker_python(), progress)


def _extend(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    return extend(image, layers, sides(values), read(defaults() | values), worker_python(), progress)


def _open_panel(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType:
    from plugin.panel import open_panel

    edited = open_panel(procedure, config, image, layers)
    return Gimp.PDBStatusType.SUCCESS if edited else Gimp.PDBStatusType.CANCEL


def _ask_extension(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, _image: Gimp.Image, _layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType | None:
    from plugin.dialog import ask

    shown = ("left", "top", "right", "bottom", "prompt", "provider", "model", "sample-merged")
    return None if ask(procedure, config, _("Extend Canvas"), shown) else Gimp.PDBStatusType.CANCEL


ENTRIES = {
    "generative-edit": Entry(
        N_("_Edit with Prompt…"),
        N_("Edits the selected part of a picture as a prompt says"),
        N_(
            "Sends the selected layers, with the selection as the mask, to an image-edit endpoint, and inserts what "
            "comes back as new layers. The first layer is the one to edit, the others are references. With the "
            "provider “local” nothing leaves this computer. Without a provider or a model it is the environment's, "
            "else that of Settings, else “local”; nothing else that is set there counts in a script."
        ),
        EDIT_ARGUMENTS,
        _open_panel,
        _edit,
    ),
    "generative-edit-extend": Entry(
        N_("E_xtend Canvas…"),
        N_("Extends the canvas and fills what is new"),
        N_(
            "Grows the canvas by pixels or percent at each side, sends the new area with some of the picture to an "
            "image-edit endpoint, and inserts what comes back as a new layer that blends into the old edge."
        ),
        EXTEND_ARGUMENTS,
        _ask_extension,
        _extend,
    ),
    "generative-edit-again": Entry(
        N_("Edit _Again…"),
        N_("Repeats the edit that a layer came from"),
        N_(
            "Reads what a layer tells of its making, selects what was selected then, and opens the panel with the same "
            "request. A script sends it straight away; arguments that are set take the place of the layer's own."
        ),
        EDIT_ARGUMENTS,
        again.interact,
        again.again,
    ),
}


@dataclass(frozen=True)
class Window:
    """A menu entry that opens a window, with an image or without; a script cannot call it."""

    label: str
    blurb: str
    help: str
    open: Callable[[Gimp.Image | None], None]


def _settings(_image: Gimp.Image | None) -> None:
    from plugin.settings_dialog import run_settings

    run_settings()


def _history(image: Gimp.Image | None) -> None:
    from plugin.history_dialog import show_history

    show_history(image)


WINDOWS = {
    "generative-edit-history": Window(
        N_("_History…"),
        N_("Shows what was asked and what came back"),
        N_("Lists the kept jobs with their pictures, inserts a result again, copies a prompt, deletes what is old."),
        _history,
    ),
    "generative-edit-settings": Window(
        N_("_Settings…"),
        N_("Providers and their keys, the default model, limits of cost and history"),
        N_("Opens the settings of Generative Edit. They are the same for every GIMP of a user."),
        _settings,
    ),
}


class GenerativeEdit(Gimp.PlugIn):
    """The plug-in: one procedure for each menu entry."""

    def do_set_i18n(self, _name: str) -> bool:
        # GIMP shows what procedures tell it as it is: the plug-in translates, and GIMP needs no catalogue of ours.
        follow_gimp()
        return False

    def do_query_procedures(self) -> list[str]:
        return [*ENTRIES, *WINDOWS]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        if name in WINDOWS:
            return _window_procedure(self, name, WINDOWS[name])
        entry = ENTRIES[name]
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, _run, None)
        procedure.set_image_types("RGB*, GRAY*, INDEXED*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
        procedure.set_menu_label(_(entry.label))
        procedure.add_menu_path(MENU)
        procedure.set_documentation(_(entry.blurb), _(entry.help), name)
        procedure.set_attribution("Generative Edit", _("Generative Edit's authors"), "2026")
        for argument in entry.arguments:
            _declare(procedure, argument)
        procedure.add_core_object_array_return_value(
            "layers", _("Layers"), _("The new layers"), Gimp.Layer.__gtype__, _READ_WRITE
        )
        told = _("What was done, as a JSON object")
        procedure.add_string_return_value("report", _("Report"), told, "", _READ_WRITE)
        return procedure


def _window_procedure(plug_in: Gimp.PlugIn, name: str, window: Window) -> Gimp.Procedure:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run_window, None)
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
    procedure.set_menu_label(_(window.label))
    procedure.add_menu_path(MENU)
    procedure.set_documentation(_(window.blurb), _(window.help), name)
    procedure.set_attribution("Generative Edit", _("Generative Edit's authors"), "2026")
    return procedure


def _run_window(
    procedure: Gimp.Procedure, run_mode: Gimp.RunMode, image: Gimp.Image | None, *_rest: object
) -> Gimp.ValueArray:
    """Opens a window; where nobody can see one, that is an error in words."""
    window = WINDOWS[procedure.get_name()]
    if run_mode == Gimp.RunMode.NONINTERACTIVE or not _has_display():
        told = _("“{entry}” is a window, and there is nobody to see it. Call it from GIMP's menu.")
        told = told.format(entry=_(window.label).replace("_", ""))
        return _failure(procedure, Gimp.PDBStatusType.CALLING_ERROR, told)
    try:
        window.open(image)
    except EditFailed as error:
        return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, str(error))
    except OSError as error:
        return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, _of_a_file(error))
    except Exception:  # noqa: BLE001 - the process's edge
        traceback.print_exc()
        return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, _(_UNFORESEEN))
    return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)


def _has_display() -> bool:
    gi.require_version("Gtk", "3.0")
    from gi.repository import Gtk

    # Without this, GTK ends the process where there is no display.
    return bool(Gtk.init_check([])[0])


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """Runs an entry; every failure becomes GIMP's own error with the sentences that a user would see."""
    entry, told = ENTRIES[procedure.get_name()], ""
    try:
        if run_mode == Gimp.RunMode.INTERACTIVE:
            # From the window layers come as the stack shows them, top first; the bottom-most is the one to edit.
            drawables = list(reversed(drawables))
            say_in_window(forgotten_results())
            ended = entry.interact(procedure, config, image, drawables)
            if ended is not None:
                return procedure.new_return_values(ended, None)
        else:
            told = say_on_terminal(forgotten_results())
        with StatusProgress() as progress:
            values = values_of(config, entry.arguments)
            if run_mode == Gimp.RunMode.INTERACTIVE:
                values = with_settings(values)
            outcome = entry.act(image, drawables, values, progress)
    except BadArguments as error:
        return _failure(procedure, Gimp.PDBStatusType.CALLING_ERROR, str(error))
    except EditCancelled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except EditFailed as error:
        return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, str(error))
    except OSError as error:
        return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, _of_a_file(error))
    except Exception:  # noqa: BLE001 - the process's edge: GIMP would only say that there are "no return values"
        traceback.print_exc()
        return _failure(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, _(_UNFORESEEN))
    Gimp.displays_flush()
    if told:
        outcome.report["notes"] = [*outcome.report.get("notes", ()), told]
    outcome.values.append(_text(report_text(outcome.report)))
    return outcome.values


def _declare(procedure: Gimp.Procedure, argument: Argument) -> None:
    name, nick, blurb, default = argument.name, _(argument.nick), _(argument.blurb), argument.default
    if isinstance(default, bool):
        procedure.add_boolean_argument(name, nick, blurb, default, _READ_WRITE)
    elif isinstance(default, int):
        procedure.add_int_argument(name, nick, blurb, -WIDE, WIDE, default, _READ_WRITE)
    elif isinstance(default, float):
        procedure.add_double_argument(name, nick, blurb, -float(WIDE), float(WIDE), default, _READ_WRITE)
    else:
        procedure.add_string_argument(name, nick, blurb, default, _READ_WRITE)


def _of_a_file(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    told = _("A file could not be read or written: {reason}. Make room or access, then try again.")
    return told.format(reason=f"{error.strerror}{where}")


def _failure(procedure: Gimp.Procedure, status: Gimp.PDBStatusType, text: str) -> Gimp.ValueArray:
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)
    return procedure.new_return_values(status, error)


def _text(text: str) -> GObject.Value:
    return GObject.Value(GObject.TYPE_STRING, text)
