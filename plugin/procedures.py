"""The procedures that GIMP knows, their arguments, and how they report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gi

gi.require_version("Gegl", "0.4")
from gi.repository import Gimp

from lib.translation import N_, _
from plugin import again, folder
from plugin.arguments import (
    EDIT_ARGUMENTS,
    EXTEND_ARGUMENTS,
    REMOVE_ARGUMENTS,
    Argument,
    sides,
    values_of,
    with_settings,
)
from plugin.checks import checked
from plugin.edit import edit
from plugin.extend import extend, options_of
from plugin.installation import worker_python
from plugin.language import follow_gimp
from plugin.procedure_parts import READ_WRITE, declare, describe, failure, has_display, reported, text_value
from plugin.progress import StatusProgress
from plugin.recovery import forgotten_results, say_in_window, say_on_terminal
from plugin.remove import ask_where_it_costs, check_selected, removal, use_last_provider
from plugin.task import Outcome, Progress, report_text


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
    return edit(image, layers, checked(values), worker_python(), progress)


def _remove(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    check_selected(image)
    return edit(image, layers, removal(values), worker_python(), progress)


def _extend(image: Gimp.Image, layers: list[Gimp.Layer], values: dict[str, Any], progress: Progress) -> Outcome:
    return extend(image, layers, sides(values), options_of(image, values), worker_python(), progress)


def _open_panel(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType:
    from plugin.panel import open_panel

    edited = open_panel(procedure, config, image, layers)
    return Gimp.PDBStatusType.SUCCESS if edited else Gimp.PDBStatusType.CANCEL


def _remove_at_last_provider(
    _procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> None:
    use_last_provider(config)
    ask_where_it_costs(image, layers, removal(values_of(config, REMOVE_ARGUMENTS)))


def _open_extend(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType:
    from plugin.extend_dialog import open_extend

    extended = open_extend(procedure, config, image, layers)
    return Gimp.PDBStatusType.SUCCESS if extended else Gimp.PDBStatusType.CANCEL


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
    "generative-edit-remove": Entry(
        N_("_Remove Selection"),
        N_("Removes what is selected, with one click"),
        N_(
            "Fills the selection from its surroundings, or lets the model do so, as the prompt “remove” would. From "
            "the menu the provider of the last edit is asked, and a question comes first where that costs more than "
            "was agreed in Settings, or nobody knows how much."
        ),
        REMOVE_ARGUMENTS,
        _remove_at_last_provider,
        _remove,
    ),
    "generative-edit-extend": Entry(
        N_("E_xtend Canvas…"),
        N_("Extends the canvas and fills what is new"),
        N_(
            "Grows the canvas by pixels or percent at each side, sends the new area with some of the picture to an "
            "image-edit endpoint, and inserts what comes back as a new layer that blends into the old edge."
        ),
        EXTEND_ARGUMENTS,
        _open_extend,
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
        return [*ENTRIES, folder.NAME, *WINDOWS]

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        if name in WINDOWS:
            return _window_procedure(self, name, WINDOWS[name])
        if name == folder.NAME:
            return folder.create(self)
        entry = ENTRIES[name]
        procedure = Gimp.ImageProcedure.new(self, name, Gimp.PDBProcType.PLUGIN, _run, None)
        procedure.set_image_types("RGB*, GRAY*, INDEXED*")
        procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES)
        describe(procedure, entry.label, entry.blurb, entry.help)
        for argument in entry.arguments:
            declare(procedure, argument)
        procedure.add_core_object_array_return_value(
            "layers", _("Layers"), _("The new layers"), Gimp.Layer.__gtype__, READ_WRITE
        )
        told = _("What was done, as a JSON object")
        procedure.add_string_return_value("report", _("Report"), told, "", READ_WRITE)
        return procedure


def _window_procedure(plug_in: Gimp.PlugIn, name: str, window: Window) -> Gimp.Procedure:
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, _run_window, None)
    procedure.set_sensitivity_mask(Gimp.ProcedureSensitivityMask.ALWAYS)
    describe(procedure, window.label, window.blurb, window.help)
    return procedure


def _run_window(
    procedure: Gimp.Procedure, run_mode: Gimp.RunMode, image: Gimp.Image | None, *_rest: object
) -> Gimp.ValueArray:
    """Opens a window; where nobody can see one, that is an error in words."""
    window = WINDOWS[procedure.get_name()]
    if run_mode == Gimp.RunMode.NONINTERACTIVE or not has_display():
        told = _("“{entry}” is a window, and there is nobody to see it. Call it from GIMP's menu.")
        told = told.format(entry=_(window.label).replace("_", ""))
        return failure(procedure, Gimp.PDBStatusType.CALLING_ERROR, told)

    def work() -> Gimp.ValueArray:
        window.open(image)
        return procedure.new_return_values(Gimp.PDBStatusType.SUCCESS, None)

    return reported(procedure, work)


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """Runs an entry; every failure becomes GIMP's own error with the sentences that a user would see."""
    entry = ENTRIES[procedure.get_name()]

    def work() -> Gimp.ValueArray:
        layers, told = drawables, ""
        if run_mode == Gimp.RunMode.INTERACTIVE:
            # From the window layers come as the stack shows them, top first; the bottom-most is the one to edit.
            layers = list(reversed(drawables))
            say_in_window(forgotten_results())
            ended = entry.interact(procedure, config, image, layers)
            if ended is not None:
                return procedure.new_return_values(ended, None)
        else:
            told = say_on_terminal(forgotten_results())
            if run_mode == Gimp.RunMode.WITH_LAST_VALS and procedure.get_name() == "generative-edit":
                # Repeat, in GIMP's Filters menu: no window comes that would show the cost.
                ask_where_it_costs(image, drawables, checked(values_of(config)))
        with StatusProgress() as progress:
            values = values_of(config, entry.arguments)
            if run_mode == Gimp.RunMode.INTERACTIVE:
                values = with_settings(values)
            outcome = entry.act(image, layers, values, progress)
        Gimp.displays_flush()
        if told:
            outcome.report["notes"] = [*outcome.report.get("notes", ()), told]
        outcome.values.append(text_value(report_text(outcome.report)))
        return outcome.values

    return reported(procedure, work)
