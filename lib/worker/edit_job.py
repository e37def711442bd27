"""One job, from its folder to the pixels of its layers: the request, the answer on disk, then decoding and fitting."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.api.calls import cancelled_error
from lib.api.client import ImagesClient
from lib.api.errors import (
    FIX_PROBLEM_HINT,
    ApiError,
    BadRequestError,
    BadResponseError,
    BrokenConnectionError,
    CancelledError,
    InvalidRequestError,
)
from lib.api.events import ClientEvent, Downloading, Notice, Sent, Uploading, Waiting
from lib.api.providers import Provider
from lib.api.raster import PictureError
from lib.api.rate_limit import RateLimiters
from lib.api.request import EditRequest
from lib.api.response import Completed, EditedImage, EditResponse, Failed, PartialImage, join
from lib.api.text import sanitize
from lib.api.transport import Timeouts
from lib.frame.frame import Plan
from lib.imaging import result
from lib.jobs.answer_files import AnswerFiles
from lib.jobs.fallback_writer import FallbackWriter, StoredData
from lib.jobs.job import SENT, Job
from lib.settings import settings, spending
from lib.translation import _
from lib.worker import job_layers
from lib.worker.job_layers import Layers
from lib.worker.job_request import (
    JobFailed,
    check_cost,
    check_room,
    named_provider,
    request_of,
    resolve_endpoint,
    spent,
)

if TYPE_CHECKING:
    from lib.endpoint import Endpoint

Event = Mapping[str, Any]
_PACES = RateLimiters()


class EditJob:
    """Runs one job's folder; `cancel` stops it from another thread."""

    def __init__(self, job: Job, emit: Callable[[Event], None]) -> None:
        self._job = job
        self._emit = emit
        self._client: ImagesClient | None = None
        self._cancelled = False
        self._withdrawn = False
        self._seconds: dict[str, float] = {}
        self._notes: list[str] = []
        self._rescue = FallbackWriter(job)
        self._answers = AnswerFiles(job, self._rescue)
        self._kept: list[StoredData] = []
        self._sent: tuple[EditRequest, Provider] | None = None

    def cancel(self) -> None:
        """Closes the connection, or keeps it from being opened."""
        self._cancelled = True
        if self._client:
            self._client.cancel()

    def withdraw(self) -> None:
        """Sends nothing more; a request that is on its way is answered, and its answer kept."""
        self._withdrawn = True
        if self._client:
            self._client.withdraw()

    def run(self) -> Event:
        """Does the job; returns its last event. What was returned is on disk before that is sent."""
        try:
            with self._job.running() as free:
                if not free or self._job.was_sent:
                    raise JobFailed(_("This job was already sent, and is not sent again."), _("Start a new edit."))
                return self._run(self._job.read_json("job.json"))
        except CancelledError as error:
            return self._stopped(error)
        except ApiError as error:
            return self._failed(error)
        except JobFailed as error:
            return {"event": "error", "message": error.message, "hint": error.hint}
        except PictureError as error:
            return self._unreadable(error)
        except OSError as error:
            return self._refused(error)
        finally:
            self._answers.close()

    def _run(self, asked: dict[str, Any]) -> Event:
        provider = named_provider(asked["provider"])
        request = request_of(self._job, asked)
        self._log(request, provider)
        plan = Plan.from_json(asked["plan"])
        check_cost(request, provider, asked["max_cost"])
        check_room(self._job, request, plan)
        with self._connected(provider, asked) as client:
            self._job.write_json(SENT, {"time": time.time()}, durable=True)
            self._sent = request, provider
            # Read while the endpoint works.
            with ThreadPoolExecutor(max_workers=1) as reader, self._timed("request"):
                guide = reader.submit(job_layers.read_guide, self._job, asked)
                response = self._ask(client, request, plan if asked.get("previews") else None)
            self._save(response)
            self._count(response)
        with self._timed("fit"):
            layers = self._layers(asked, guide.result(), request, response, plan)
        report = self._report(provider, request, response, plan, layers)
        with contextlib.suppress(OSError):  # the history then shows no cost
            self._job.write_json("report.json", report)
        return {"event": "done", "layers": layers.pictures, "layer_mask": layers.mask, "report": report}

    @contextmanager
    def _connected(self, provider: Provider, asked: Mapping[str, Any]) -> Iterator[ImagesClient]:
        """The client of the provider's endpoint; the embedded one runs for as long."""
        with self._timed("start"):
            endpoint = _start_endpoint() if provider.name == "local" else None
            somebody = asked.get("interactive", False)
            base_url, key = (endpoint.base_url, endpoint.key) if endpoint else resolve_endpoint(provider, somebody)
            timeouts = Timeouts(overall=asked["timeout"])
            self._client = ImagesClient(
                base_url,
                key,
                provider,
                timeouts=timeouts,
                limiter=None if endpoint else _PACES.for_endpoint(base_url),
                max_wait=asked.get("patience"),
                record=self._answers.begin,
                on_event=self._on_event,
            )
        try:
            if self._cancelled:
                self._client.cancel()
            if self._withdrawn:
                self._client.withdraw()
            yield self._client
        finally:
            self._client.close()
            if endpoint:
                endpoint.close()

    def _ask(self, client: ImagesClient, request: EditRequest, plan: Plan | None) -> EditResponse:
        """Sends the request; of a stream, previews are passed on and finished images saved as they come.

        With a plan the previews are made ready for the canvas too.
        """
        if not request.stream:
            return client.edit(request)
        done: list[EditResponse] = []
        failures: list[ApiError] = []
        try:
            for event in client.stream(request):
                if isinstance(event, PartialImage):
                    self._preview(event, request, plan)
                elif isinstance(event, Completed):
                    for image in event.response.images:
                        self._save_image(image)
                    done.append(event.response)
                elif isinstance(event, Failed):
                    failures.append(event.error)
        except ApiError as error:
            if not done or isinstance(error, CancelledError):
                raise
            # What had arrived is paid for, whatever came of the rest.
            failures.append(error)
        return join(done, failures)

    def _preview(self, partial: PartialImage, request: EditRequest, plan: Plan | None) -> None:
        number = f"{partial.image_index + 1}-{partial.index + 1}"
        name, layer = f"partial-{number}.{partial.image.format}", None
        try:
            self._job.write(name, partial.image.data)
            if plan:
                # Not lined up: that takes longer than a preview is looked at.
                transparent = request.background == "transparent"
                seen = result.layer_pixels(partial.image.data, plan, None, transparent=transparent)
                layer = f"partial-{number}.rgba"
                self._job.write(layer, seen.rgba)
        except (OSError, PictureError):
            # A full disk, or a picture that is none: the edit goes on without this preview.
            return
        told = {"file": name, "image": partial.image_index, "index": partial.index, "layer": layer}
        self._emit({"event": "partial", **told})

    def _log(self, request: EditRequest, provider: Provider) -> None:
        """Writes what is asked into worker.log, where the user has allowed that in the settings."""
        if settings.load().log_prompts:
            model = provider.model_name(request.model)
            sys.stderr.write(f"{time.strftime('%F %T')} {provider.name}, model {model}, prompt {request.prompt!r}\n")
            sys.stderr.flush()

    def _count(self, response: EditResponse | None) -> None:
        """Counts what was spent; None stands for a request that may have been billed."""
        if self._sent and not self._is_free:
            spending.add(self._sent[1].name, spent(*self._sent, response) if response else None)

    def _save(self, response: EditResponse) -> None:
        """Writes what was returned, byte for byte, then the rest of the answer; only then is it announced."""
        for image in response.images[len(self._kept) :]:
            self._save_image(image)
        names = [name for name in self._kept if isinstance(name, str)]
        in_folder = [name for name in names if name == Path(name).name]
        answer = {
            "raw": response.raw,
            "usage": response.usage,
            "request_ids": response.request_ids,
            "results": in_folder,
            "failures": [failure.message for failure in response.failures],
        }
        with contextlib.suppress(OSError):  # the pictures tell enough
            self._job.write_json("response.json", answer, durable=True)
        for name in names:
            self._emit({"event": "result", "file": name})
        incomplete = (BadResponseError, BrokenConnectionError)
        if any(isinstance(failure, incomplete) for failure in response.failures) and self._answers.folder:
            self._notes.append(_("The whole answer is kept in {folder}.").format(folder=self._answers.folder))
        elif len(in_folder) == len(response.images) or self._answers.folder != self._job.folder:
            self._answers.discard()

    def _save_image(self, image: EditedImage) -> None:
        name = f"result-{len(self._kept) + 1}.{image.format}"
        self._kept.append(self._rescue.write(name, image.data, durable=True))

    def _layers(
        self,
        asked: Mapping[str, Any],
        guide: result.Guide | None,
        request: EditRequest,
        response: EditResponse,
        plan: Plan,
    ) -> Layers:
        """Writes each image as the raw pixels of a layer, and the layer mask where one is asked for."""
        transparent = request.background == "transparent"
        pictures = (self._unless_cancelled(image.data) for image in response.images)
        layers = job_layers.make_layers(self._rescue, pictures, plan, guide, transparent=transparent)
        job_layers.add_mask(layers, self._job, self._rescue, asked["layer_mask"], plan)
        return layers

    def _unless_cancelled(self, picture: bytes) -> bytes:
        """A picture that is still wanted; all of them are on disk and counted by then."""
        if self._cancelled:
            raise cancelled_error(sent=False)
        return picture

    def _report(
        self, provider: Provider, request: EditRequest, response: EditResponse, plan: Plan, layers: Layers
    ) -> dict[str, Any]:
        revised = [sanitize(image.revised_prompt) for image in response.images if image.revised_prompt]
        return {
            "provider": provider.name,
            "model": provider.model_name(request.model),
            "size": sanitize(response.size or "") or str(plan.size),
            "frame": plan.frame.to_list(),
            "usage": response.usage,
            "cost": spent(request, provider, response),
            "drift": layers.drift,
            "request_ids": response.request_ids,
            "revised_prompts": revised,
            "notes": [
                *self._notes,
                *layers.notes,
                *self._rescue.notes,
                *(failure.message for failure in response.failures),
            ],
            "seconds": self._seconds,
        }

    def _failed(self, error: ApiError) -> Event:
        """The last event of a request that failed, and its trace in the folder: nothing is outstanding any more."""
        self._forget_bills(error)
        if not error.maybe_billed:
            self._answers.discard()
        told = {
            "message": error.message,
            "hint": self._hint_of(error),
            "code": error.code,
            "request_id": error.request_id,
            "maybe_billed": error.maybe_billed,
        }
        if error.maybe_billed:
            self._count(None)
        with contextlib.suppress(OSError):  # the user is told; the history then calls the answer unknown
            self._job.write_json("response.json", {"error": told})
        return {"event": "error", **told}

    def _stopped(self, error: CancelledError) -> Event:
        """The last event of a job that was cancelled; what had arrived is kept."""
        self._forget_bills(error)
        if error.response:
            # The pictures are written before the answer that holds them goes: the worker may be ended meanwhile.
            self._save(error.response)
            self._count(error.response)
        else:
            self._answers.discard()
            if error.maybe_billed:
                self._count(None)
        with contextlib.suppress(OSError):
            if not error.maybe_billed and not self._kept:
                self._job.path(SENT).unlink(missing_ok=True)
            elif not self._kept:
                told = _("It was cancelled after it was sent: it may have been billed.")
                answer = {"message": told, "code": "cancelled", "maybe_billed": True}
                self._job.write_json("response.json", {"error": answer})
        return {"event": "cancelled"}

    def _hint_of(self, error: ApiError) -> str:
        """What to do, and where what had arrived is; nobody is told to try again what was answered."""
        folder = self._answers.folder
        if folder is None:
            return error.hint
        kept = _("The answer is kept in {folder}; History can read it again after an update.").format(folder=folder)
        # The other hints say to try again, once the account's usage was looked at.
        return f"{kept} {error.hint if isinstance(error, BadResponseError) else _('It may have been billed.')}"

    def _unreadable(self, error: PictureError) -> Event:
        """The last event where what was returned is a picture that can't be decoded."""
        message = _("The result can't be shown: {reason}.").format(reason=error)
        hint = _("It is kept in {folder}; History can read it again after an update.").format(folder=self._job.folder)
        return {"event": "error", "message": message, "hint": hint, "maybe_billed": not self._is_free}

    @property
    def _is_free(self) -> bool:
        """Whether the request went to the built-in engine."""
        return self._sent is not None and self._sent[1].name == "local"

    def _forget_bills(self, error: ApiError) -> None:
        """Let no error of the built-in engine speak of bills or of an address: it has neither."""
        if self._is_free:
            if isinstance(error, InvalidRequestError):
                error.hint = _(FIX_PROBLEM_HINT)
            elif isinstance(error, BadRequestError):
                error.hint = ""  # the engine's own sentences say what to do
            elif error.maybe_billed or error.status is None or error.status >= 500:
                error.hint = _(ApiError.hint)
            error.maybe_billed = False

    def _refused(self, error: OSError) -> Event:
        """The last event where a file could not be read or written."""
        reason = error.strerror or str(error)
        folder = self._job.folder if self._kept else self._answers.folder
        if folder:
            message = _("The result cannot be shown ({reason}).").format(reason=reason)
            hint = _("It is kept in {folder}.").format(folder=folder)
        else:
            message = _("A file of the job cannot be read or written ({reason}).").format(reason=reason)
            hint = _("Nothing was sent. Make room or access, then try again.")
            if self._job.was_sent:
                hint = _("Make room or access before you try again.")
        return {"event": "error", "message": message, "hint": hint, "maybe_billed": self._job.maybe_billed}

    def _on_event(self, event: ClientEvent) -> None:
        if isinstance(event, Uploading):
            self._emit({"event": "progress", "sent": event.sent, "total": event.total})
        elif isinstance(event, Sent):
            self._emit({"event": "stage", "name": "wait"})
        elif isinstance(event, Downloading):
            self._emit({"event": "progress", "received": event.received, "total": event.total})
        elif isinstance(event, Waiting):
            self._emit({"event": "retry", "seconds": event.seconds, "attempt": event.attempt, "text": event.reason})
        elif isinstance(event, Notice):
            self._notes.append(event.text)
            self._emit({"event": "notice", "field": event.field, "text": event.text})

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        self._emit({"event": "stage", "name": stage})
        begun = time.monotonic()
        try:
            yield
        finally:
            self._seconds[stage] = round(time.monotonic() - begun, 3)


def _start_endpoint() -> Endpoint:
    """Start the embedded endpoint, which is loaded only where it is used: that takes an eighth of a second."""
    from lib.endpoint import Endpoint

    return Endpoint.start()
