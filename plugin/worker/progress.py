"""Shows the worker's events in GIMP's progress bar."""

from types import TracebackType

from gi.repository import Gimp

from lib.translation import N_, _
from plugin.worker.process import Event

_STAGES = {
    "export": N_("Generative Edit: reading the picture"),
    "start": N_("Generative Edit: starting"),
    "request": N_("Generative Edit: sending the picture"),
    "wait": N_("Generative Edit: waiting for the result"),
    "fit": N_("Generative Edit: aligning the result"),
}


class StatusProgress:
    """Shows the stages of an edit as GIMP shows the progress of any filter, in the window or on the terminal."""

    def __enter__(self) -> "StatusProgress":
        Gimp.progress_init("Generative Edit")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Gimp.progress_end()

    def __call__(self, event: Event) -> None:
        if event["event"] == "stage":
            Gimp.progress_set_text(_(_STAGES[event["name"]]))
            Gimp.progress_pulse()
        elif event["event"] in ("notice", "retry"):
            Gimp.progress_set_text(f"Generative Edit: {event['text']}")
