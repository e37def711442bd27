"""Checks before a job is sent: its provider, address and key, the cost, and the disk space."""

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lib.api import cost, keys, models
from lib.api.address import environment_problem
from lib.api.keys import Key
from lib.api.providers import Provider
from lib.api.request import EditRequest
from lib.api.response import EditResponse
from lib.api.text import sentence, sentences
from lib.frame.frame import Plan
from lib.jobs.job import Job
from lib.settings import settings, spending
from lib.translation import _

if TYPE_CHECKING:
    from lib.endpoint.engine.step import Steps


class JobFailed(Exception):
    """The job can't be run. `message` tells the user what happened, `hint` what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(sentences(message, hint))
        self.message = message
        self.hint = hint


def find_provider(name: str) -> Provider:
    """Return the provider of this name; raise JobFailed if it doesn't exist, or not any more."""
    try:
        return settings.provider(name)
    except ValueError as error:
        raise JobFailed(str(error), _("Choose another provider, or add this one in Settings.")) from None


def model_of(request: EditRequest, provider: Provider) -> models.Model:
    """Return the model of a request."""
    return models.get(provider.model_name(request.model))


def check_cost(request: EditRequest, provider: Provider, max_cost: float | None) -> None:
    """Raise JobFailed if the estimated cost exceeds `max_cost` or is unknown."""
    if max_cost is None:
        return
    expected = spending.estimate(provider.name, request, model_of(request, provider))
    if expected is None:
        raise JobFailed(_("The cost of this edit can't be estimated."), _("To send it anyway, set max-cost to 0."))
    if expected.high > max_cost:
        message = _("This edit may cost {expected}, but max-cost is ${max_cost:g}.")
        raise JobFailed(
            message.format(expected=expected, max_cost=max_cost),
            _("Increase max-cost, or request fewer or smaller images."),
        )


def check_monthly_limit(request: EditRequest, provider: Provider) -> None:
    """Raise JobFailed if the edit may exceed the limit in the settings; an unknown cost counts as 0."""
    limit = settings.load().monthly_limit
    if not limit or provider.name == "local":
        return
    expected = spending.estimate(provider.name, request, model_of(request, provider))
    spent, highest = spending.total(), expected.high if expected else 0.0
    if spent + highest > limit or spent >= limit:
        message = _("This edit may cost ${cost:.2f}, and ${spent:.2f} of this month's limit of ${limit:.2f} is spent.")
        raise JobFailed(
            f"{message.format(cost=highest, spent=spent, limit=limit)} {_('Nothing was sent.')}",
            _("Increase the limit in Settings, or choose a cheaper model or quality."),
        )


def check_disk_space(job: Job, request: EditRequest, plan: Plan) -> None:
    """Raise JobFailed if the disk has too little space for the results, at four bytes a pixel."""
    needed = 4 * (request.n or 1) * (plan.size.pixels + plan.frame.size.pixels)
    free = shutil.disk_usage(job.folder).free
    if free < needed:
        message = _("The disk has only {free} MB free, but the result may need {needed} MB. Nothing was sent.")
        amounts = {"free": free // 1_000_000, "needed": -(-needed // 1_000_000)}
        raise JobFailed(message.format(**amounts), _("Free some disk space, then try again."))


def actual_cost(request: EditRequest, provider: Provider, response: EditResponse) -> float | None:
    """Return the cost in US dollars by the response's usage; None if it is unknown."""
    estimate = cost.actual(response.usage, model_of(request, provider))
    return round(estimate.high, 6) if estimate else None


def resolve_address(provider: Provider) -> str:
    """Return the base URL of a provider; raise JobFailed if there is no valid one."""
    problem = environment_problem(provider, os.environ)
    if problem:
        raise JobFailed(sentence(str(problem)), _("Correct the environment variable, then restart GIMP."))
    base_url = provider.resolve_url(None, os.environ)
    if not base_url:
        hint = _("Add a custom provider with its address in Settings, or set {variable} to the address.")
        raise JobFailed(
            _("{provider} has no address yet.").format(provider=provider.title),
            hint.format(variable=provider.url_variables[0]),
        )
    return base_url


def resolve_endpoint(provider: Provider, interactive: bool = False) -> tuple[str, Key | None]:
    """Return the base URL of a provider and the key for it; raise JobFailed if there is no valid address.

    With `interactive`, a locked key store may ask the user for its password.
    """
    base_url = resolve_address(provider)
    return base_url, keys.find(provider, base_url, file=settings.key_file(), interactive=interactive)


def built_in_steps(prompt: str) -> "Steps | None":
    """Return what the built-in engine does for a prompt; None if it refuses it."""
    # Imported here: the engine takes a third of a second, and most edits are made elsewhere.
    from lib.endpoint.engine.errors import Refused
    from lib.endpoint.engine.prompt import parse_prompt

    try:
        return parse_prompt(prompt)
    except Refused:
        return None


def is_cut_out(job_spec: Mapping[str, Any]) -> bool:
    """Return whether a job has the built-in engine cut out the subject."""
    if job_spec.get("provider") != "local":
        return False
    from lib.endpoint.engine.step import cuts_out

    steps = built_in_steps(job_spec["request"]["prompt"])
    return steps is not None and cuts_out(steps)


def removes_shadow(job_spec: Mapping[str, Any]) -> bool:
    """Return whether the built-in engine is to remove what is selected together with its shadow."""
    if job_spec.get("provider") != "local" or not job_spec["mask"]:
        return False
    from lib.endpoint.engine.step import takes_shadow

    steps = built_in_steps(job_spec["request"]["prompt"])
    return steps is not None and takes_shadow(steps)
