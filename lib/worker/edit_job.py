"""Runs one job: sends its request, saves the answer, then decodes and aligns the pictures for the new layers."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.api import cost
from lib.api.calls import cancelled_error
from lib.api.client import ImagesClient
from lib.api.errors import (
    ApiError,
    BadResponseError,
    BrokenConnectionError,
    CancelledError,
    ModerationError,
)
from lib.api.events import ClientEvent, Downloading, Notice, Sent, Uploading, Waiting
from lib.api.providers import Provider
from lib.api.raster import PictureError
from lib.api.rate_limit import RateLimiters
from lib.api.request import EditRequest, FileId, ImageSource, Url
from lib.api.response import Completed, EditedImage, EditResponse, Failed, PartialImage, join
from lib.api.text import sanitize
from lib.api.transport import Timeouts
from lib.frame.frame import Plan
from lib.imaging import result
from lib.jobs.answer_files import AnswerFiles
from lib.jobs.job import SENT, Job
from lib.jobs.stored_data import FallbackWriter, StoredData
from lib.settings import settings, spending
from lib.translation import _
from lib.worker import job_errors, job_layers, moderation, subject_mask
from lib.worker.job_checks import (
    JobFailed,
    actual_cost,
    check_cost,
    check_disk_space,
    check_monthly_limit,
    find_provider,
    is_cut_out,
    model_of,
    removes_shadow,
    resolve_endpoint,
)
from lib.worker.job_layers import Layers
from lib.worker.reference_files import upright_copy

if TYPE_CHECKING:
    from lib.endpoint import Endpoint

Event = Mapping[str, Any]
_RATE_LIMITERS = RateLimiters()


class EditJob:
    """Runs the job of one folder; `cancel` and `withdraw` may be called from another thread."""

    def __init__(self, job: Job, emit: Callable[[Event], None]) -> None:
        self._job = job
        self._emit = emit
        self._client: ImagesClient | None = None
        self._cancelled = False
        self._withdrawn = False
        self._seconds: dict[str, float] = {}
        self._notes: list[str] = []
        self._writer = FallbackWriter(job)
        self._answers = AnswerFiles(job, self._writer)
        self._results: list[StoredData] = []
        self._sent: tuple[EditRequest, Provider] | None = None
        self._previews = 0
        self._prompt = ""

    def cancel(self) -> None:
        """Close the connection, or prevent it from being opened."""
        self._cancelled = True
        if self._client:
            self._client.cancel()

    def withdraw(self) -> None:
        """Send nothing more; an outstanding answer is still received and saved."""
        self._withdrawn = True
        if self._client:
            self._client.withdraw()

    def run(self) -> Event:
        """Run the job and return its last event; the returned pictures are on disk by then."""
        try:
            with self._job.claim() as claimed:
                if not claimed or self._job.was_sent:
                    raise JobFailed(
                        _("This job has already been sent and can't be sent again."), _("Start a new edit.")
                    )
                return self._run(self._job.read_json("job.json"))
        except CancelledError as error:
            return self._cancelled_event(error)
        except ApiError as error:
            return self._error_event(error)
        except JobFailed as error:
            return {"event": "error", "message": error.message, "hint": error.hint}
        except PictureError as error:
            return job_errors.picture_error(error, self._job, is_free=self._is_free)
        except OSError as error:
            return job_errors.disk_error(error, self._job, self._job.folder if self._results else self._answers.folder)
        finally:
            self._answers.close()

    def _run(self, job_spec: dict[str, Any]) -> Event:
        provider = find_provider(job_spec["provider"])
        plan = Plan.from_json(job_spec["plan"])
        if job_spec.get("mask_from"):
            subject_mask.write(self._job, job_spec, plan)
        if removes_shadow(job_spec):
            self._add_shadow(job_spec, plan)
        request = build_request(self._job, job_spec)
        self._log(request, provider)
        if addition := job_spec.get("prompt_addition"):
            self._notes.append(_("Added to the prompt: “{sentence}”").format(sentence=addition))
        if job_spec.get("avoid") and provider.name != "local":
            self._notes.append(_("Only the built-in engine uses the channel “avoid”."))
        check_cost(request, provider, job_spec["max_cost"])
        check_monthly_limit(request, provider)
        check_disk_space(self._job, request, plan)
        with self._connect(provider, job_spec) as client:
            self._job.write_json(SENT, {"time": time.time()}, durable=True)
            self._sent, self._prompt = (request, provider), job_spec["request"]["prompt"]
            # The picture that was sent is read while the endpoint works.
            with ThreadPoolExecutor(max_workers=1) as reader, self._timed("request"):
                original = reader.submit(job_layers.read_original, self._job, job_spec, plan)
                response = self._send(client, request, plan if job_spec.get("previews") else None)
            self._save(response)
            self._record_spending(response)
        with self._timed("fit"):
            layers = self._make_layers(job_spec, original.result(), request, response, plan)
        report = self._report(provider, request, response, plan, layers)
        with contextlib.suppress(OSError):  # the history then shows no cost
            self._job.write_json("report.json", report)
        return {
            "event": "done", "layers": layers.pictures, "layer_mask": layers.mask, "layer_masks": layers.own_masks,
            "cut_out": layers.is_cut_out,
            "report": report,
        }  # fmt: skip

    def _add_shadow(self, job_spec: Mapping[str, Any], plan: Plan) -> None:
        if subject_mask.add_shadow(self._job, job_spec, plan):
            self._notes.append(_("The layer mask extends beyond the selection, over the shadow."))
        else:
            self._notes.append(_("No shadow was found at the foot of the selection. Select it too, then try again."))

    @contextmanager
    def _connect(self, provider: Provider, job_spec: Mapping[str, Any]) -> Iterator[ImagesClient]:
        """Yield a client of the provider's endpoint; the embedded endpoint is stopped afterwards."""
        with self._timed("start"):
            endpoint = _start_endpoint() if provider.name == "local" else None
            interactive = job_spec.get("interactive", False)
            base_url, key = (endpoint.base_url, endpoint.key) if endpoint else resolve_endpoint(provider, interactive)
            timeouts = Timeouts(overall=job_spec["timeout"])
            self._client = ImagesClient(
                base_url,
                key,
                provider,
                timeouts=timeouts,
                limiter=None if endpoint else _RATE_LIMITERS.for_endpoint(base_url),
                max_wait=job_spec.get("patience"),
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

    def _send(self, client: ImagesClient, request: EditRequest, plan: Plan | None) -> EditResponse:
        """Send the request; emit the previews of a stream, and save its finished images, as they arrive.

        With a plan the previews are also scaled to the frame for display on the canvas.
        """
        if not request.stream:
            return client.edit(request)
        responses: list[EditResponse] = []
        failures: list[ApiError] = []
        try:
            for event in client.stream(request):
                if isinstance(event, PartialImage):
                    self._previews += 1
                    self._emit_preview(event, request, plan)
                elif isinstance(event, Completed):
                    for image in event.response.images:
                        self._save_image(image)
                    responses.append(event.response)
                elif isinstance(event, Failed):
                    failures.append(event.error)
        except ApiError as error:
            if not responses or isinstance(error, CancelledError):
                raise
            # The finished images are paid for, even though the stream failed.
            failures.append(error)
        return join(responses, failures)

    def _emit_preview(self, partial: PartialImage, request: EditRequest, plan: Plan | None) -> None:
        number = f"{partial.image_index + 1}-{partial.index + 1}"
        name, layer = f"partial-{number}.{partial.image.format}", None
        try:
            self._job.write(name, partial.image.data)
            if plan:
                # Not aligned, as that takes longer than a preview is visible.
                transparent = request.background == "transparent"
                preview = result.layer_pixels(partial.image.data, plan, None, transparent=transparent)
                layer = f"partial-{number}.rgba"
                self._job.write(layer, preview.rgba)
        except (OSError, PictureError):
            # The disk is full or the picture is invalid: the edit goes on without this preview.
            return
        self._emit({
            "event": "partial", "file": name, "image": partial.image_index, "index": partial.index, "layer": layer,
        })  # fmt: skip

    def _log(self, request: EditRequest, provider: Provider) -> None:
        """Write the model and the prompt to worker.log if the settings allow that."""
        if settings.load().log_prompts:
            model = provider.model_name(request.model)
            sys.stderr.write(f"{time.strftime('%F %T')} {provider.name}, model {model}, prompt {request.prompt!r}\n")
            sys.stderr.flush()

    def _record_spending(self, response: EditResponse | None) -> None:
        """Add the cost of the request to the spending; without a response it is unknown whether it was billed."""
        if not self._sent or self._is_free:
            return
        request, provider = self._sent
        spending.add(provider.name, actual_cost(request, provider, response) if response else None)
        model = model_of(request, provider)
        if response and not response.failures and model.prices and model.prices.approximate:
            report = cost.reported_output(request, response.usage, len(response.images), self._previews)
            if report:
                spending.add_report(provider.name, request, model, report)

    def _save(self, response: EditResponse) -> None:
        """Save the returned pictures byte for byte and the rest of the response, then emit an event for each."""
        for image in response.images[len(self._results) :]:
            self._save_image(image)
        names = [name for name in self._results if isinstance(name, str)]
        in_folder = [name for name in names if name == Path(name).name]
        answer = {
            "raw": response.raw,
            "usage": response.usage,
            "request_ids": response.request_ids,
            "results": in_folder,
            "failures": [failure.message for failure in response.failures],
        }
        with contextlib.suppress(OSError):  # the pictures are saved, and suffice
            self._job.write_json("response.json", answer, durable=True)
        for name in names:
            self._emit({"event": "result", "file": name})
        incomplete = (BadResponseError, BrokenConnectionError)
        if any(isinstance(failure, incomplete) for failure in response.failures) and self._answers.folder:
            self._notes.append(_("The complete response is in {folder}.").format(folder=self._answers.folder))
        elif len(in_folder) == len(response.images) or self._answers.folder != self._job.folder:
            self._answers.discard()

    def _save_image(self, image: EditedImage) -> None:
        name = f"result-{len(self._results) + 1}.{image.format}"
        self._results.append(self._writer.write(name, image.data, durable=True))

    def _make_layers(
        self,
        job_spec: Mapping[str, Any],
        original: result.Original | None,
        request: EditRequest,
        response: EditResponse,
        plan: Plan,
    ) -> Layers:
        """Write the raw pixels of each new layer, and the layer mask if the job requests one."""
        pictures = (self._unless_cancelled(image.data) for image in response.images)
        if is_cut_out(job_spec):
            return job_layers.make_cut_outs(self._writer, pictures, plan)
        transparent = request.background == "transparent"
        corrections = result.Corrections.from_job(job_spec, request.prompt)
        layers = job_layers.make_layers(
            self._job, self._writer, pictures, plan, original, corrections, transparent=transparent
        )
        job_layers.add_mask(layers, self._job, self._writer, job_spec["layer_mask"], plan)
        return layers

    def _unless_cancelled(self, picture: bytes) -> bytes:
        """Return the picture; raise CancelledError if the job was cancelled, its results being saved by then."""
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
            "cost": actual_cost(request, provider, response),
            "drift": layers.misalignments,
            "corrections": layers.corrections,
            "request_ids": response.request_ids,
            "revised_prompts": revised,
            "notes": [
                *self._notes,
                *layers.notes,
                *self._writer.notes,
                *(failure.message for failure in response.failures),
            ],
            "seconds": self._seconds,
        }

    def _error_event(self, error: ApiError) -> Event:
        """Return the last event of a failed request, and save the error: no answer is outstanding any more."""
        if self._is_free:
            job_errors.remove_billing(error)
        remedies: list[str] = []
        if isinstance(error, ModerationError) and self._sent:
            remedies = moderation.remedies(*self._sent, self._prompt)
        if error.maybe_billed:
            self._record_spending(None)
        else:
            self._answers.discard()
        fields = job_errors.request_error(error, remedies, self._answers.folder)
        with contextlib.suppress(OSError):  # the event reports the error; the history then calls the answer unknown
            self._job.write_json("response.json", {"error": fields})
        return {"event": "error", **fields, "remedies": remedies}

    def _cancelled_event(self, error: CancelledError) -> Event:
        """Return the last event of a cancelled job, and save the pictures that were received."""
        if self._is_free:
            job_errors.remove_billing(error)
        if error.response:
            # The pictures are saved before the answer is discarded, as the worker may be killed in between.
            self._save(error.response)
            self._record_spending(error.response)
        else:
            self._answers.discard()
            if error.maybe_billed:
                self._record_spending(None)
        with contextlib.suppress(OSError):
            if not error.maybe_billed and not self._results:
                self._job.path(SENT).unlink(missing_ok=True)
            elif not self._results:
                message = _("It was cancelled after it was sent, so it may have been billed.")
                fields = {"message": message, "code": "cancelled", "maybe_billed": True}
                self._job.write_json("response.json", {"error": fields})
        return {"event": "cancelled"}

    @property
    def _is_free(self) -> bool:
        """Whether the request went to the built-in engine."""
        return self._sent is not None and self._sent[1].name == "local"

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
        start = time.monotonic()
        try:
            yield
        finally:
            self._seconds[stage] = round(time.monotonic() - start, 3)


def _start_endpoint() -> Endpoint:
    """Start the embedded endpoint, imported only here as that takes an eighth of a second."""
    from lib.endpoint import Endpoint

    return Endpoint.start()


def build_request(job: Job, job_spec: Mapping[str, Any]) -> EditRequest:
    """Return the request of a job: its images, then its references, turned upright if they are files.

    A cut-out is transparent, whatever background was requested.
    """
    images: list[ImageSource] = [job.path(name) for name in job_spec["images"]]
    images += [_reference(job, number, text) for number, text in enumerate(job_spec["references"], 1)]
    markup = job.path(job_spec["markup"]) if job_spec.get("markup") else None
    # With markup, the mask only serves to align the result.
    mask = job.path(job_spec["mask"]) if job_spec["mask"] and not markup else None
    avoid = job.path(job_spec["avoid"]) if job_spec.get("avoid") and job_spec["provider"] == "local" else None
    fields = dict(job_spec["request"])
    if addition := job_spec.get("prompt_addition"):
        fields["prompt"] = f"{fields['prompt']}\n\n{addition}"
    if is_cut_out(job_spec):
        fields["background"] = "transparent"
    return EditRequest(images=images, mask=mask, markup=markup, avoid=avoid, **fields)


def _reference(job: Job, number: int, text: str) -> ImageSource:
    if text.startswith("file-"):
        return FileId(text)
    return Url(text) if text.startswith(("http://", "https://", "data:")) else upright_copy(job, number, text)
