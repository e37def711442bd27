"""The procedures that edit an image: their menu entries, texts, arguments and functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gi.repository import Gimp

from lib.translation import N_
from plugin.edit import again
from plugin.edit.arguments import EDIT_ARGUMENTS, EXTEND_ARGUMENTS, REMOVE_ARGUMENTS, Argument, sides
from plugin.edit.options import checked
from plugin.edit.remove import check_selected, removal, start_with_last_provider
from plugin.edit.run import Outcome, Progress, edit
from plugin.extend.task import extend, options_of
from plugin.ui.consent_without_window import require_consent
from plugin.worker.installation import worker_python

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
