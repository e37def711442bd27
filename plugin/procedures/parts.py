"""Shared functions of the procedures: they describe a procedure, declare its arguments and report its errors."""

from collections.abc import Callable, Iterable

from gi.repository import Gimp, GLib, GObject

from lib.translation import _
from plugin.edit.arguments import WIDE, Argument
from plugin.errors import BadArguments, EditCancelled, explain

ICON = "gimp-tool-heal"  # from GIMP's own icons, so that it suits every theme
# Nowhere else: GIMP's menu bar has each command once. In the context menu of the layers ("<Layers>"), GIMP 3.0 moves
# its own commands into a submenu as soon as a plug-in has one there.
MENU = "<Image>/Filters/Generative Edit"
READ_WRITE = GObject.ParamFlags.READWRITE


def describe(procedure: Gimp.Procedure, label: str, blurb: str, help_text: str) -> None:
    """Set the texts of a procedure in the menu and in the Procedure Browser."""
    procedure.set_menu_label(_(label))
    procedure.add_menu_path(MENU)
    procedure.set_documentation(_(blurb), _(help_text), procedure.get_name())
    procedure.set_icon_name(ICON)  # GIMP 3.2 shows it in the procedure's window
    procedure.set_attribution("Generative Edit", _("Generative Edit's authors"), "2026")


def image_procedure(
    plug_in: Gimp.PlugIn,
    name: str,
    run: Callable[..., Gimp.ValueArray],
    sensitivity: Gimp.ProcedureSensitivityMask,
    texts: tuple[str, str, str],
    arguments: Iterable[Argument],
) -> Gimp.ImageProcedure:
    """Return a procedure for images of every kind, with its arguments.

    sensitivity: for how many selected layers it is enabled. texts: its label, blurb and help.
    """
    procedure = Gimp.ImageProcedure.new(plug_in, name, Gimp.PDBProcType.PLUGIN, run, None)
    procedure.set_image_types("RGB*, GRAY*, INDEXED*")
    procedure.set_sensitivity_mask(sensitivity)
    describe(procedure, *texts)
    for argument in arguments:
        declare(procedure, argument)
    return procedure


def declare_report(procedure: Gimp.Procedure) -> None:
    """Add the report to what a procedure returns."""
    blurb = _("The report as a JSON object")
    procedure.add_string_return_value("report", _("Report"), blurb, "", READ_WRITE)


def declare(procedure: Gimp.Procedure, argument: Argument) -> None:
    """Add an argument to a procedure; numbers have the full range of their type, as they are checked later."""
    name, nick, blurb, default = argument.name, _(argument.nick), _(argument.blurb), argument.default
    if isinstance(default, bool):
        procedure.add_boolean_argument(name, nick, blurb, default, READ_WRITE)
    elif isinstance(default, int):
        procedure.add_int_argument(name, nick, blurb, -WIDE, WIDE, default, READ_WRITE)
    elif isinstance(default, float):
        procedure.add_double_argument(name, nick, blurb, -float(WIDE), float(WIDE), default, READ_WRITE)
    else:
        procedure.add_string_argument(name, nick, blurb, default, READ_WRITE)


def report_errors(procedure: Gimp.Procedure, work: Callable[[], Gimp.ValueArray]) -> Gimp.ValueArray:
    """Call `work` and return its values; turn an exception into a GIMP error with a message for the user."""
    try:
        return work()
    except EditCancelled:
        return procedure.new_return_values(Gimp.PDBStatusType.CANCEL, None)
    except BadArguments as error:
        return failure_values(procedure, Gimp.PDBStatusType.CALLING_ERROR, str(error))
    except Exception as error:  # noqa: BLE001 - the process's edge: GIMP would only report "no return values"
        return failure_values(procedure, Gimp.PDBStatusType.EXECUTION_ERROR, explain(error))


def failure_values(procedure: Gimp.Procedure, status: Gimp.PDBStatusType, text: str) -> Gimp.ValueArray:
    """Return the values of a procedure that failed, with a message."""
    error = GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)
    return procedure.new_return_values(status, error)


def text_value(text: str) -> GObject.Value:
    """Return a text as a value of GObject."""
    return value_of(GObject.TYPE_STRING, text)


def value_of(kind: object, value: object) -> GObject.Value:
    """Return a value of one of GObject's types."""
    return GObject.Value(kind, value)  # type: ignore[call-arg]  # the stubs lack PyGObject's own constructor
