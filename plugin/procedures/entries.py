"""The procedures that edit an image: their menu entries, texts and arguments, and how they run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gi.repository import Gimp

from lib.translation import N_, _
from plugin.edit import again
from plugin.edit.arguments import EDIT_ARGUMENTS, EXTEND_ARGUMENTS, REMOVE_ARGUMENTS, Argument, sides, values_of
from plugin.edit.options import checked
from plugin.edit.remove import check_selected, removal, start_with_last_provider
from plugin.edit.run import Outcome, Progress, edit, report_text
from plugin.extend.task import extend, options_of
from plugin.history.recovery import print_to_terminal, show_in_gimp, unreported_results
from plugin.procedures.parts import (
    READ_WRITE,
    declare_report,
    image_procedure,
    report_errors,
    text_value,
)
from plugin.ui.consent_without_window import require_consent
from plugin.ui.display import has_display
from plugin.worker.installation import worker_python
from plugin.worker.progress import StatusProgress

if TYPE_CHECKING:
    from plugin.edit.draft import Draft

Values = dict[str, Any]


@dataclass(frozen=True)
class MenuEntry:
    """One procedure: its menu entry, its texts, its arguments, and its functions.

    `interact` opens its window and returns the final status, or None if `act` is to run with the values in the config.
    `draft` returns what would be sent, for the confirmation before GIMP's Repeat; None: Repeat opens the window.
    `act` edits the image.
    """

    label: str
    blurb: str
    help: str
    arguments: tuple[Argument, ...]
    interact: Callable[[Gimp.Procedure, Gimp.ProcedureConfig, Gimp.Image, list[Gimp.Layer]], Gimp.PDBStatusType | None]
    draft: Callable[[Gimp.Image, list[Gimp.Layer], Values], Draft] | None
    act: Callable[[Gimp.Image, list[Gimp.Layer], Values, Progress], Outcome]


def _edit(image: Gimp.Image, layers: list[Gimp.Layer], values: Values, progress: Progress) -> Outcome:
    return edit(image, layers, checked(values), worker_python(), progress)


def _draft_edit(image: Gimp.Image, layers: list[Gimp.Layer], values: Values) -> Draft:
    from plugin.edit.draft import draft

    return draft(image, layers, checked(values))


def _open_panel(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType:
    from plugin.panel.opening import open_panel

    edited = open_panel(procedure, config, image, layers)
    return Gimp.PDBStatusType.SUCCESS if edited else Gimp.PDBStatusType.CANCEL


def _open_again(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType:
    from plugin.panel.opening import open_again

    edited = open_again(procedure, config, image, layers)
    return Gimp.PDBStatusType.SUCCESS if edited else Gimp.PDBStatusType.CANCEL


def _remove(image: Gimp.Image, layers: list[Gimp.Layer], values: Values, progress: Progress) -> Outcome:
    check_selected(image)
    return edit(image, layers, removal(values), worker_python(), progress)


def _draft_removal(image: Gimp.Image, layers: list[Gimp.Layer], values: Values) -> Draft:
    from plugin.edit.draft import draft

    check_selected(image)
    return draft(image, layers, removal(values))


def _remove_at_last_provider(
    _procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> None:
    values = start_with_last_provider(config)
    require_consent(lambda: _draft_removal(image, layers, values))


def _extend(image: Gimp.Image, layers: list[Gimp.Layer], values: Values, progress: Progress) -> Outcome:
    return extend(image, layers, sides(values), options_of(image, values), worker_python(), progress)


def _draft_extension(image: Gimp.Image, layers: list[Gimp.Layer], values: Values) -> Draft:
    from plugin.extend.draft import draft

    return draft(image, layers, values)


def _open_extend(
    procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, image: Gimp.Image, layers: list[Gimp.Layer]
) -> Gimp.PDBStatusType:
    from plugin.extend.dialog import open_extend

    extended = open_extend(procedure, config, image, layers)
    return Gimp.PDBStatusType.SUCCESS if extended else Gimp.PDBStatusType.CANCEL


ENTRIES = {
    "generative-edit": MenuEntry(
        N_("_Edit with Prompt…"),
        N_("Edit the selected part of a picture with a prompt"),
        N_(
            "Sends the selected layers, with the selection as the mask, to an image-edit endpoint, and inserts the "
            "results as new layers. The first layer is edited, the others are references. With the provider “local” "
            "nothing leaves this computer. If no provider or model is given, it is taken from the environment, then "
            "from Settings, then it is “local”; a script uses no other settings."
        ),
        EDIT_ARGUMENTS,
        _open_panel,
        _draft_edit,
        _edit,
    ),
    "generative-edit-remove": MenuEntry(
        N_("_Remove Selection"),
        N_("Remove the selected object with one click"),
        N_(
            "Fills the selection from its surroundings, or has the model do so, like the prompt “remove”. From the "
            "menu it uses the provider of the last edit, and asks for confirmation if the cost is unknown or higher "
            "than the limit in Settings."
        ),
        REMOVE_ARGUMENTS,
        _remove_at_last_provider,
        _draft_removal,
        _remove,
    ),
    "generative-edit-extend": MenuEntry(
        N_("E_xtend Canvas…"),
        N_("Extend the canvas and fill the new area"),
        N_(
            "Extends the canvas on each side by pixels or percent, sends the new area with the adjacent part of the "
            "picture to an image-edit endpoint, and inserts the result as a new layer that blends into the old edge."
        ),
        EXTEND_ARGUMENTS,
        _open_extend,
        _draft_extension,
        _extend,
    ),
    "generative-edit-again": MenuEntry(
        N_("Edit _Again…"),
        N_("Repeat the edit that created a layer"),
        N_(
            "Reads the edit that is recorded in a layer, and opens the panel with the same settings for the same area. "
            "A script sends the request immediately; arguments override the recorded settings."
        ),
        EDIT_ARGUMENTS,
        _open_again,
        None,
        again.repeat_edit,
    ),
}


def create(plug_in: Gimp.PlugIn, name: str) -> Gimp.Procedure:
    """Create the procedure of a menu entry."""
    entry = ENTRIES[name]
    one_or_several = Gimp.ProcedureSensitivityMask.DRAWABLE | Gimp.ProcedureSensitivityMask.DRAWABLES
    texts = entry.label, entry.blurb, entry.help
    procedure = image_procedure(plug_in, name, _run, one_or_several, texts, entry.arguments)
    procedure.add_core_object_array_return_value(
        "layers", _("Layers"), _("The new layers"), Gimp.Layer.__gtype__, READ_WRITE
    )
    declare_report(procedure)
    return procedure


def _run(
    procedure: Gimp.Procedure,
    run_mode: Gimp.RunMode,
    image: Gimp.Image,
    drawables: list[Gimp.Drawable],
    config: Gimp.ProcedureConfig,
    _data: object,
) -> Gimp.ValueArray:
    """Run an entry from its window, with given arguments, or again with the last ones."""
    entry = ENTRIES[procedure.get_name()]
    is_repeat = run_mode == Gimp.RunMode.WITH_LAST_VALS
    in_window = run_mode == Gimp.RunMode.INTERACTIVE or (is_repeat and not entry.draft and has_display())

    def work() -> Gimp.ValueArray:
        if in_window:
            # The user can close the image between any two calls, and GIMP would then show an error dialog.
            procedure.get_plug_in().set_pdb_error_handler(Gimp.PDBErrorHandler.PLUGIN)
        if not image.is_valid():
            return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
        layers, note = _layers(run_mode, image, drawables), ""
        if in_window:
            show_in_gimp(unreported_results())
            status = entry.interact(procedure, config, image, layers)
            if status is not None:
                # After a success libgimp writes to the image, which is an error in GIMP if it has been closed.
                status = status if image.is_valid() else Gimp.PDBStatusType.CANCEL
                return procedure.new_return_values(status, None)
        else:
            note = print_to_terminal(unreported_results())
        values = values_of(config, entry.arguments)
        if is_repeat and entry.draft:
            draft = entry.draft
            require_consent(lambda: draft(image, layers, values))
        with StatusProgress() as progress:
            outcome = entry.act(image, layers, values, progress)
        Gimp.displays_flush()
        if note:
            outcome.report["notes"] = [*outcome.report.get("notes", ()), note]
        outcome.values.append(text_value(report_text(outcome.report)))
        return outcome.values

    return report_errors(procedure, work)


def _layers(run_mode: Gimp.RunMode, image: Gimp.Image, drawables: list[Gimp.Drawable]) -> list[Gimp.Layer]:
    """Return the layer to edit, then the references.

    A script gives them in this order. From the menu, or if a script gives none, they are the selected layers from the
    bottom up.
    """
    layers = cast(list[Gimp.Layer], drawables)  # a channel or a mask among them is refused later
    if run_mode == Gimp.RunMode.NONINTERACTIVE and layers:
        return layers
    return sorted(layers or image.get_selected_layers(), key=lambda item: _stack_position(image, item), reverse=True)


def _stack_position(image: Gimp.Image, item: Gimp.Item) -> list[int]:
    """Return the position of a layer in the stack, counted from the top, after the positions of its groups."""
    if not item.is_layer():
        return []  # a layer mask is in no stack; it is refused later
    parent = item.get_parent()
    return [*(_stack_position(image, parent) if parent else []), image.get_item_position(item)]
