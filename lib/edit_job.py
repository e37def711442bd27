"""One job, from its folder to the pixels of its layers: the request, the answer on disk, then decoding and fitting."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from lib import layer_mask, result, settings
from lib.api import cost, keys, models, providers
from lib.api.client import ImagesClient
from lib.api.errors import ApiError, CancelledError
from lib.api.events import ClientEvent, Downloading, Notice, Sent, Uploading, Waiting
from lib.api.keys import Key
from lib.api.providers import Provider
from lib.api.request import EditRequest, FileId, ImageSource, Url
from lib.api.response import Completed, EditedImage, EditResponse, Failed, PartialImage, join
from lib.api.transport import Timeouts
from lib.endpoint import Endpoint
from lib.frame import Plan
from lib.job import LAYER_MASK, SELECTION, Job

Event = Mapping[str, Any]


class JobFailed(Exception):
    """The job cannot be done; two sentences for the user: what happened, what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


class EditJob:
    """Runs one job's folder; `cancel` stops it from another thread."""

    def __init__(self, job: Job, emit: Callable[[Event], None]) -> None:
        self._job = job
        self._emit = emit
        self._client: ImagesClient | None = None
        self._cancelled = False
        self._seconds: dict[str, float] = {}
        self._notes: list[str] = []
        self._results: list[str] = []
        self._drift: list[dict[str, Any] | None] = []

    def cancel(self) -> None:
        """Closes the connection, or keeps it from being opened."""
        self._cancelled = True
        if self._client:
            self._client.cancel()

    def run(self) -> Event:
        """Does the job; returns its last event. What was returned is on disk before that is sent."""
        try:
            return self._run(self._job.read_json("job.json"))
        except CancelledError as error:
            if error.response:
                self._save(error.response)
            return {"event": "cancelled"}
        except ApiError as error:
            return self._failed(error)
        except JobFailed as error:
            return {"event": "error", "message": error.message, "hint": error.hint}

    def _run(self, asked: dict[str, Any]) -> Event:
        provider = providers.get(asked["provider"])
        request = _request(self._job, asked)
        plan = Plan.from_json(asked["plan"])
        _check_cost(request, provider, asked["max_cost"])
        with self._connected(provider, asked["timeout"]) as client:
            self._job.write_json("sent.json", {"time": time.time()}, durable=True)
            # Read while the endpoint works.
            with ThreadPoolExecutor(max_workers=1) as reader, self._timed("request"):
                guide = reader.submit(self._guide, asked)
                response = self._ask(client, request, plan if asked.get("previews") else None)
            self._save(response)
        with self._timed("fit"):
            layers = self._layers(guide.result(), request, response, plan)
            mask = self._layer_mask(asked["layer_mask"], plan)
        report = self._report(provider, request, response, plan)
        self._job.write_json("report.json", report)
        return {"event": "done", "layers": layers, "layer_mask": mask, "report": report}

    @contextmanager
    def _connected(self, provider: Provider, timeout: float) -> Iterator[ImagesClient]:
        """The client of the provider's endpoint; the embedded one runs for as long."""
        with self._timed("start"):
            endpoint = Endpoint.start() if provider.name == "local" else None
            base_url, key = (endpoint.base_url, endpoint.key) if endpoint else _address(provider)
            timeouts = Timeouts(overall=timeout)
            self._client = ImagesClient(base_url, key, provider, timeouts=timeouts, on_event=self._on_event)
        try:
            if self._cancelled:
                self._client.cancel()
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
        for event in client.stream(request):
            if isinstance(event, PartialImage):
                self._preview(event, request, plan)
            elif isinstance(event, Completed):
                self._save_image(event.image)
                done.append(event.response)
            elif isinstance(event, Failed):
                failures.append(event.error)
        return join(done, failures)

    def _preview(self, partial: PartialImage, request: EditRequest, plan: Plan | None) -> None:
        number = f"{partial.image_index + 1}-{partial.index + 1}"
        name, layer = f"partial-{number}.{partial.image.format}", None
        self._job.write(name, partial.image.data)
        if plan:
            # Not lined up: that takes longer than a preview is looked at.
            seen = result.layer_pixels(partial.image.data, plan, None, transparent=request.background == "transparent")
            layer = f"partial-{number}.rgba"
            self._job.write(layer, seen.rgba)
        told = {"file": name, "image": partial.image_index, "index": partial.index, "layer": layer}
        self._emit({"event": "partial", **told})

    def _save(self, response: EditResponse) -> None:
        """Writes what was returned, byte for byte, then the rest of the answer; only then is it announced."""
        for image in response.images[len(self._results) :]:
            self._save_image(image)
        failures = [failure.message for failure in response.failures]
        answer = {"raw": response.raw, "usage": response.usage, "request_ids": response.request_ids}
        self._job.write_json("response.json", {**answer, "results": self._results, "failures": failures}, durable=True)
        for name in self._results:
            self._emit({"event": "result", "file": name})

    def _save_image(self, image: EditedImage) -> None:
        name = f"result-{len(self._results) + 1}.{image.format}"
        self._job.write(name, image.data, durable=True)
        self._results.append(name)

    def _guide(self, asked: Mapping[str, Any]) -> result.Guide | None:
        """What the answer is lined up with; None where that is not wanted, or nothing is protected."""
        if not asked["fit"] or not asked["mask"]:
            return None
        return result.Guide.read(self._job.path(asked["images"][0]), self._job.path(asked["mask"]))

    def _layers(
        self, guide: result.Guide | None, request: EditRequest, response: EditResponse, plan: Plan
    ) -> list[str]:
        """Writes each image as the raw pixels of a layer."""
        names = []
        for number, image in enumerate(response.images, 1):
            layer = result.layer_pixels(image.data, plan, guide, transparent=request.background == "transparent")
            self._notes += [note for note in layer.notes if note not in self._notes]
            self._drift.append(layer.drift)
            self._job.write(f"layer-{number}.rgba", layer.rgba)
            names.append(f"layer-{number}.rgba")
        return names

    def _layer_mask(self, asked: Mapping[str, Any] | None, plan: Plan) -> str | None:
        """Writes the layer mask where it shall differ from the selection."""
        if not asked:
            return None
        values, frame = self._job.path(SELECTION).read_bytes(), plan.frame
        shaped = layer_mask.shaped(values, frame.width, frame.height, asked["grow"], asked["feather"])
        self._job.write(LAYER_MASK, shaped)
        if asked["grow"]:
            self._notes.append(f"{asked['grow']} pixels around the selection were changed too, as grow asks.")
        return LAYER_MASK

    def _report(self, provider: Provider, request: EditRequest, response: EditResponse, plan: Plan) -> dict[str, Any]:
        revised = [image.revised_prompt for image in response.images if image.revised_prompt]
        return {
            "provider": provider.name,
            "model": request.model or provider.default_model,
            "size": response.size or str(plan.size),
            "frame": plan.frame.to_list(),
            "usage": response.usage,
            "cost": _spent(request, provider, response),
            "drift": self._drift,
            "request_ids": response.request_ids,
            "revised_prompts": revised,
            "notes": [*self._notes, *(failure.message for failure in response.failures)],
            "seconds": self._seconds,
        }

    def _failed(self, error: ApiError) -> Event:
        """The last event of a request that failed, and its trace in the folder: nothing is outstanding any more."""
        told = {
            "message": error.message,
            "hint": error.hint,
            "code": error.code,
            "request_id": error.request_id,
            "maybe_billed": error.maybe_billed,
        }
        self._job.write_json("response.json", {"error": told})
        return {"event": "error", **told}

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


def _model(request: EditRequest, provider: Provider) -> models.Model:
    return models.get(request.model or provider.default_model or "")


def _check_cost(request: EditRequest, provider: Provider, most: float | None) -> None:
    """Stops before anything is sent where the estimate is higher than allowed, or unknown."""
    if most is None:
        return
    expected = cost.estimate(request, _model(request, provider))
    if expected is None:
        raise JobFailed("What this edit costs is not known beforehand.", "Set max-cost to 0 to send it all the same.")
    if expected.high > most:
        raise JobFailed(f"This edit may cost {expected}, and max-cost is ${most:g}.", "Raise it, or ask for less.")


def _spent(request: EditRequest, provider: Provider, response: EditResponse) -> float | None:
    """US dollars by the answer's own usage; None where a figure is not known."""
    spent = cost.actual(response.usage, _model(request, provider))
    return round(spent.high, 6) if spent else None


def _address(provider: Provider) -> tuple[str, Key | None]:
    """Where the provider is, and the key for it; raises JobFailed where no address is known."""
    base_url = provider.resolve_url(None, os.environ)
    if not base_url:
        variables = " or ".join(provider.url_variables) or "a base URL"
        raise JobFailed(
            f"{provider.title} has no address yet.", f"Set {variables} to the address of its API, then try again."
        )
    return base_url, keys.find(provider.name, base_url, file=settings.key_file())


def _request(job: Job, asked: Mapping[str, Any]) -> EditRequest:
    """The request that a job stands for: its files, then the references as they were given."""
    images: list[ImageSource] = [job.path(name) for name in asked["images"]]
    images += [_reference(text) for text in asked["references"]]
    mask = job.path(asked["mask"]) if asked["mask"] else None
    return EditRequest(images=images, mask=mask, **asked["request"])


def _reference(text: str) -> ImageSource:
    if text.startswith("file-"):
        return FileId(text)
    return Url(text) if text.startswith(("http://", "https://", "data:")) else text
