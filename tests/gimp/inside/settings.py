"""Inside GIMP: opens Settings as a script would."""

from gi.repository import Gimp


def run(mode):
    """Calls `generative-edit-settings` in a run mode; returns status and error when it is closed."""
    procedure = Gimp.get_pdb().lookup_procedure("generative-edit-settings")
    config = procedure.create_config()
    config.set_property("run-mode", getattr(Gimp.RunMode, mode))
    result = procedure.run(config)
    return {"status": result.index(0).value_nick, "error": Gimp.get_pdb().get_last_error()}
