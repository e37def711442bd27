"""The worker's events in GIMP's own progress bar."""

from types import TracebackType

from gi.repository import Gimp

from plugin.worker_process import Event

_STAGES = {
    "export": "Generative Edit: reading the picture",
    "start": "Generative Edit: starting the endpoint",
    "request": "Generative Edit: sending the picture",
    "wait": "Generative Edit: waiting for the endpoint",
    "fit": "Generative Edit: lining the result up",
}


class StatusProgress:
    """Shows stages where GIMP shows the progress of any filter: the window's bar, or the batch's terminal."""

    def __enter__(self) -> "StatusProgress":
        Gimp.progress_init("Generative Edit")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        Gimp.progress_end()

    def __call__(self, event: Event) -> None:
        if event["event"] == "stage":
            Gimp.progress_set_text(_STAGES[event["name"]])
            Gimp.progress_pulse()
        elif event["event"] in ("notice", "retry"):
            Gimp.progress_set_text(f"Generative Edit: {event['text']}")
