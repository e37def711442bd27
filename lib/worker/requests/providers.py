"""The requests of the Settings window about a provider: test the connection, list its models.

Neither is ever billed: the only call is `GET /v1/models`. A message names a "provider" and may contain values that are
not stored yet: the "entry" of a custom provider and a "key".
"""

import contextlib
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
from lib.settings import provider_tests, settings
from lib.translation import _, ngettext
from lib.worker.job_checks import JobFailed, resolve_address, resolve_endpoint
from lib.worker.requests import capabilities
from lib.worker.requests.keys import provider_of

Message = Mapping[str, Any]
Answer = dict[str, Any]

_TIMEOUTS = Timeouts(connect=6.0, between_bytes=15.0, overall=25.0)
_MOST_SUGGESTED = 5


def test_connection(message: Message) -> Answer:
    """Answer whether edits should work: {"verdict": "good", "doubtful" or "bad", "code", "message", "hint"}.

    Unless they shouldn't, "abilities" says what the provider and the model can do, and what a typical edit costs. The
    verdict on a stored provider and key is remembered.
    """
    verdict = _test(message)
    if not message.get("key") and not message.get("entry"):
        _remember(message["provider"], verdict)
    return verdict


def _remember(name: str, verdict: Answer) -> None:
    """Store the verdict on a provider, unless it is the built-in engine or has no usable address."""
    if name == "local":
        return
    with contextlib.suppress(JobFailed, ValueError):
        base_url = resolve_address(settings.provider(name))
        provider_tests.remember_test(name, base_url, {"date": date.today().isoformat(), **verdict})


def _test(message: Message) -> Answer:
    try:
        provider = provider_of(message)
        if provider.name == "local":
            return _verdict("good", "local", _("The built-in engine needs no connection and no key."))
        verdict = _check_models(provider, message, *_offered(provider, message))
        if verdict["verdict"] != "bad":
            verdict["abilities"] = capabilities.describe(provider, provider.model_name(message.get("model")))
        return verdict
    except JobFailed as error:
        return _verdict("bad", "address", error.message, error.hint)
    except ValueError as error:
        return _verdict("bad", "entry", str(error))
    except ApiError as error:
        return _explain_error(error, message)


def list_models(message: Message) -> Answer:
    """Answer with a provider's models, image models first: {"models": [{"name", "ends"}]}, or {"error"}."""
    try:
        provider = provider_of(message)
        if provider.name == "local":
            return {"models": [{"name": provider.default_model, "ends": None}]}
        offered = _offered(provider, message)[1]
    except JobFailed as error:
        return {"error": {"message": error.message, "hint": error.hint}}
    except ValueError as error:
        return {"error": {"message": str(error), "hint": ""}}
    except ApiError as error:
        verdict = _explain_error(error, message)
        return {"error": {"message": verdict["message"], "hint": verdict["hint"]}}
    return {"models": [{"name": info.id, "ends": str(_end(info) or "") or None} for info in offered]}


def _offered(provider: Provider, message: Message) -> tuple[str, list[ModelInfo]]:
    """Return the base URL and the models that a provider lists, image models first; cache those of a stored one."""
    with _client(provider, message) as client:
        base_url, offered = client.base_url, _sorted(client.models())
    if not message.get("entry"):
        today = date.today().isoformat()
        provider_tests.remember_models(provider.name, base_url, today, [info.id for info in offered])
    return base_url, offered


def _client(provider: Provider, message: Message) -> ImagesClient:
    base_url, stored_key = resolve_endpoint(provider, interactive=True)
    key = message.get("key") or stored_key
    if provider.needs_key and not key:
        text = _("{provider} needs a key, but there is none.").format(provider=provider.title)
        raise AuthenticationError(text, _("Enter the key and store it, then test again."), code="no-key")
    return ImagesClient(base_url, key, provider, timeouts=_TIMEOUTS, max_retries=0)


def _check_models(provider: Provider, message: Message, base_url: str, offered: list[ModelInfo]) -> Answer:
    """Return the verdict for a received list of models; the key is valid, unless the server ignores keys."""
    host, model = host_of(base_url), provider.model_name(message.get("model"))
    accepted = _("{host} responds and accepts the key.") if provider.needs_key else _("{host} responds.")
    count = ngettext("It offers {n} model.", "It offers {n} models.", len(offered)).format(n=len(offered))
    text = f"{accepted.format(host=host)} {count}"
    if not model:
        return _verdict("good", "ok", text)
    if provider.api_versions or is_deployment_url(base_url, provider):
        hint = _("The first edit will show whether there is a deployment for the model “{model}”.")
        return _verdict("good", "ok", text, hint.format(model=model))
    info = next((info for info in offered if info.id == model), None)
    if info is None:
        return _missing_model(text, model, offered)
    ending = _ending(info)
    if ending:
        return _verdict("doubtful", "ending", text, ending)
    return _verdict("good", "ok", f"{text} " + _("“{model}” is among them.").format(model=model))


def _missing_model(text: str, model: str, offered: list[ModelInfo]) -> Answer:
    text = f"{text} " + _("“{model}” is not among them.").format(model=model)
    image_models = [info.id for info in offered if models.rank(info.id) < models.OTHER]
    suggested = image_models or [info.id for info in offered]
    hint = _("Choose another model, such as {models}.").format(models=", ".join(suggested[:_MOST_SUGGESTED]))
    return _verdict("bad", "model", text, hint if suggested else _("Load a model on the server."))


def _explain_error(error: ApiError, message: Message) -> Answer:
    """Return the verdict for a failed request, without the endpoint's words on a key, which may quote a part of it."""
    host = _host(message)
    if isinstance(error, AuthenticationError) and error.status:
        is_general = error.hint == _(AuthenticationError.hint)
        hint = _("Copy the complete key from the provider's site again and store it.") if is_general else error.hint
        return _verdict("bad", "key", _("{host} doesn't accept the key.").format(host=host), hint)
    if isinstance(error, PermissionDeniedError) and "verif" in error.message.lower():
        hint = _("Verify the organisation on the provider's site, wait a few minutes, then test again.")
        text = _("{host} requires your organisation to be verified.").format(host=host)
        return _verdict("bad", "organisation", text, hint)
    if isinstance(error, NotFoundError | BadResponseError) or error.status == 405:
        text = _("{host} responds, but it doesn't provide this API's list of models.").format(host=host)
        return _verdict("doubtful", "address", text, _("Check the address; it usually ends in /v1."))
    if isinstance(error, QuotaError):
        return _verdict("bad", "quota", error.message, error.hint)
    return _verdict("bad", error.code or "failed", error.message, error.hint)


def _host(message: Message) -> str:
    return host_of(resolve_endpoint(provider_of(message))[0])


def _verdict(verdict: str, code: str, message: str, hint: str = "") -> Answer:
    return {"verdict": verdict, "code": code, "message": message, "hint": hint}


def _sorted(offered: list[ModelInfo]) -> list[ModelInfo]:
    return sorted(offered, key=lambda info: (models.rank(info.id), info.id))


def _end(info: ModelInfo) -> date | None:
    return info.shutdown_date or models.get(info.id).ends


def _ending(info: ModelInfo) -> str | None:
    """Return a warning if the model is retired soon or already, according to the endpoint or to our own data."""
    if info.shutdown_date and (info.shutdown_date - models.today()).days <= models.WARN_DAYS:
        text = _("“{model}” ends on {date}. Choose another model before then.")
        return text.format(model=info.id, date=info.shutdown_date.isoformat())
    return models.get(info.id).ending()
