"""What a job asks for, read from its folder, and what is checked before it is sent."""

import os
import shutil
from collections.abc import Mapping
from typing import Any

from lib.api import cost, keys, models
from lib.api.address import environment_problem
from lib.api.keys import Key
from lib.api.providers import Provider
from lib.api.request import EditRequest, FileId, ImageSource, Url
from lib.api.response import EditResponse
from lib.api.text import sentence, sentences
from lib.frame.frame import Plan
from lib.jobs.job import Job
from lib.settings import settings
from lib.translation import _
from lib.worker.reference_files import upright


class JobFailed(Exception):
    """The job cannot be done; two sentences for the user: what happened, what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(sentences(message, hint))
        self.message = message
        self.hint = hint


def named_provider(name: str) -> Provider:
    """The provider of a job; raises JobFailed where there is none of that name, or no more."""
    try:
        return settings.provider(name)
    except ValueError as error:
        raise JobFailed(str(error), _("Choose another one, or add it in Settings.")) from None


def _model(request: EditRequest, provider: Provider) -> models.Model:
    return models.get(provider.model_name(request.model))


def check_cost(request: EditRequest, provider: Provider, most: float | None) -> None:
    """Stops before anything is sent where the estimate is higher than allowed, or unknown."""
    if most is None:
        return
    expected = cost.estimate(request, _model(request, provider))
    if expected is None:
        raise JobFailed(
            _("What this edit costs is not known beforehand."), _("Set max-cost to 0 to send it all the same.")
        )
    if expected.high > most:
        raise JobFailed(
            _("This edit may cost {expected}, and max-cost is ${most:g}.").format(expected=expected, most=most),
            _("Raise it, or ask for less."),
        )


def check_room(job: Job, request: EditRequest, plan: Plan) -> None:
    """Stops before anything is sent where the disk has no room for what comes back, at four bytes a pixel."""
    needed = 4 * (request.n or 1) * (plan.size.pixels + plan.frame.size.pixels)
    free = shutil.disk_usage(job.folder).free
    if free < needed:
        message = _("The disk has {free} MB left, and the result may need {needed} MB. Nothing was sent.")
        amounts = {"free": free // 1_000_000, "needed": -(-needed // 1_000_000)}
        raise JobFailed(message.format(**amounts), _("Make room, then try again."))


def spent(request: EditRequest, provider: Provider, response: EditResponse) -> float | None:
    """US dollars by the answer's own usage; None where a figure is not known."""
    spent = cost.actual(response.usage, _model(request, provider))
    return round(spent.high, 6) if spent else None


def resolve_endpoint(provider: Provider, interactive: bool = False) -> tuple[str, Key | None]:
    """Where the provider is, and the key for it; raises JobFailed where no address is known that can be one.

    Where somebody is there to answer, `interactive`, a locked key store may ask for its password.
    """
    problem = environment_problem(provider, os.environ)
    if problem:
        raise JobFailed(sentence(str(problem)), _("Correct this environment variable, then start GIMP again."))
    base_url = provider.resolve_url(None, os.environ)
    if not base_url:
        hint = _("Add a provider of your own with its address in Settings, or set {variable} to it.")
        raise JobFailed(
            _("{provider} has no address yet.").format(provider=provider.title),
            hint.format(variable=provider.url_variables[0]),
        )
    return base_url, keys.find(provider, base_url, file=settings.key_file(), interactive=interactive)


def request_of(job: Job, asked: Mapping[str, Any]) -> EditRequest:
    """The request that a job stands for: its files, then the references, files among them upright."""
    images: list[ImageSource] = [job.path(name) for name in asked["images"]]
    images += [_reference(job, number, text) for number, text in enumerate(asked["references"], 1)]
    mask = job.path(asked["mask"]) if asked["mask"] else None
    return EditRequest(images=images, mask=mask, **asked["request"])


def _reference(job: Job, number: int, text: str) -> ImageSource:
    if text.startswith("file-"):
        return FileId(text)
    return Url(text) if text.startswith(("http://", "https://", "data:")) else upright(job, number, text)
