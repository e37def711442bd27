"""What the settings ask the worker about a provider: whether it can be reached, and which models it has.

Nothing here is ever billed: the only call is `GET /v1/models`. A message names a provider, "provider", and may bring
what is not kept yet: the fields of an own provider, "entry", and a key, "key".
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from lib.api import models
from lib.api.address import is_deployment_url
from lib.api.client import ImagesClient, ModelInfo
from lib.api.errors import (
    ApiError,
    AuthenticationError,
    BadResponseError,
    NotFoundError,
    PermissionDeniedError,
    QuotaError,
)
from lib.api.providers import Provider, host_of
from lib.api.transport import Timeouts
from lib.translation import _, ngettext
from lib.worker.job_request import JobFailed, resolve_endpoint
from lib.worker.requests.keys import provider_of

Message = Mapping[str, Any]
Answer = dict[str, Any]

_QUICK = Timeouts(connect=6.0, between_bytes=15.0, overall=25.0)
_PICTURES = re.compile(r"image|dall-e|flux|diffusion|sdxl|edit", re.IGNORECASE)
_MOST_NAMED = 5


def test_connection(message: Message) -> Answer:
    """Whether edits can be expected to work: {"verdict": "good", "doubtful" or "bad", "code", "message", "hint"}."""
    try:
        provider = provider_of(message)
        if provider.name == "local":
            return _told("good", "local", _("The built-in engine needs no connection and no key."))
        with _client(provider, message) as client:
            return _good(provider, message, client.base_url, client.models())
    except JobFailed as error:
        return _told("bad", "address", error.message, error.hint)
    except ValueError as error:
        return _told("bad", "entry", str(error))
    except ApiError as error:
        return _bad(error, message)


def list_models(message: Message) -> Answer:
    """The models that a provider offers, those for pictures first: {"models": [{"name", "ends"}]}, or {"error"}."""
    try:
        provider = provider_of(message)
        if provider.name == "local":
            return {"models": [{"name": provider.default_model, "ends": None}]}
        with _client(provider, message) as client:
            offered = client.models()
    except JobFailed as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except ValueError as error:
        return {"error": {"message": str(error), "hint": ""}}
    except ApiError as error:
        told = _bad(error, message)
        return {"error": {"message": told["message"], "hint": told["hint"]}}
    listed = sorted(offered, key=lambda info: (_rank(info.id), info.id))
    return {"models": [{"name": info.id, "ends": str(_end(info) or "") or None} for info in listed]}


def _client(provider: Provider, message: Message) -> ImagesClient:
    base_url, kept = resolve_endpoint(provider, interactive=True)
    key = message.get("key") or kept
    if provider.needs_key and not key:
        told = _("{provider} needs a key, and none was found.").format(provider=provider.title)
        raise AuthenticationError(told, _("Enter the key and store it, then test again."), code="no-key")
    return ImagesClient(base_url, key, provider, timeouts=_QUICK, max_retries=0)


def _good(provider: Provider, message: Message, base_url: str, offered: list[ModelInfo]) -> Answer:
    """The verdict where the list of models came: the key is right, unless the server does not look at keys."""
    host, model = host_of(base_url), provider.model_name(message.get("model"))
    accepted = _("{host} answers and accepts the key.") if provider.needs_key else _("{host} answers.")
    count = ngettext("It offers {n} model.", "It offers {n} models.", len(offered)).format(n=len(offered))
    told = f"{accepted.format(host=host)} {count}"
    if not model:
        return _told("good", "ok", told)
    if provider.api_versions or is_deployment_url(base_url, provider):
        hint = _("Whether there is a deployment for the model “{model}” shows with the first edit.")
        return _told("good", "ok", told, hint.format(model=model))
    info = next((info for info in offered if info.id == model), None)
    if info is None:
        return _without_model(told, model, offered)
    ending = _ending(info)
    if ending:
        return _told("doubtful", "ending", told, ending)
    return _told("good", "ok", f"{told} " + _("“{model}” is among them.").format(model=model))


def _without_model(answers: str, model: str, offered: list[ModelInfo]) -> Answer:
    told = f"{answers} " + _("There is no “{model}” among them.").format(model=model)
    fit = [info.id for info in sorted(offered, key=lambda info: (_rank(info.id), info.id)) if _rank(info.id) < 2]
    named = fit or [info.id for info in offered]
    hint = _("Choose another model, such as {models}.").format(models=", ".join(named[:_MOST_NAMED]))
    return _told("bad", "model", told, hint if named else _("It has no model at all: load one on the server."))


def _bad(error: ApiError, message: Message) -> Answer:
    """The verdict on a failed look-up. What the endpoint says of a key is not shown: some repeat a part of it."""
    host = _host(message)
    if isinstance(error, AuthenticationError) and error.status:
        hint = _("Copy the key again from the provider's site, whole, and store it.")
        return _told("bad", "key", _("{host} does not accept the key.").format(host=host), hint)
    if isinstance(error, PermissionDeniedError) and "verif" in error.message.lower():
        hint = _("Verify the organisation on the provider's site, wait a few minutes, then test again.")
        return _told("bad", "organisation", _("{host} wants your organisation to be verified.").format(host=host), hint)
    if isinstance(error, NotFoundError | BadResponseError) or error.status == 405:
        told = _("{host} answers, but not as this API does: there is no list of models.").format(host=host)
        return _told("doubtful", "address", told, _("Check the address; it usually ends in /v1."))
    if isinstance(error, QuotaError):
        return _told("bad", "quota", error.message, error.hint)
    return _told("bad", error.code or "failed", error.message, error.hint)


def _host(message: Message) -> str:
    return host_of(resolve_endpoint(provider_of(message))[0])


def _told(verdict: str, code: str, message: str, hint: str = "") -> Answer:
    return {"verdict": verdict, "code": code, "message": message, "hint": hint}


def _rank(name: str) -> int:
    """0 for a model that we know, 1 for one that looks as if it made pictures, 2 for the rest."""
    return 0 if models.get(name).is_known else 1 if _PICTURES.search(name) else 2


def _end(info: ModelInfo) -> date | None:
    return info.shutdown_date or models.get(info.id).ends


def _ending(info: ModelInfo) -> str | None:
    """A sentence where the model has ended or ends soon, by the endpoint's own word or ours."""
    today, known = date.today(), models.get(info.id)
    if info.shutdown_date and (info.shutdown_date - today).days <= models.WARN_DAYS:
        told = _("“{model}” ends on {date}. Choose another model in time.")
        return told.format(model=info.id, date=info.shutdown_date.isoformat())
    return known.ending(today)
