"""The requests of the plug-in other than edits, each answered with one JSON object."""

from collections.abc import Callable, Mapping
from typing import Any

from lib.translation import _
from lib.worker.requests import engine as engine_requests
from lib.worker.requests import folder_pictures, picture_files
from lib.worker.requests import history as history_requests
from lib.worker.requests import keys as key_requests
from lib.worker.requests import providers as provider_requests
from lib.worker.requests import refinement as refinement_requests
from lib.worker.requests import subject as subject_requests

Request = Callable[[Mapping[str, Any]], Mapping[str, Any]]

REQUESTS: dict[str, Request] = {
    "check-prompt": engine_requests.check_prompt,
    "layers": history_requests.layers,
    "thumbnail": history_requests.thumbnail,
    "blend-tiles": refinement_requests.blend_tiles,
    "test-connection": provider_requests.test_connection,
    "models": provider_requests.list_models,
    "store-key": key_requests.store_key,
    "forget-key": key_requests.forget_key,
    "provider-state": key_requests.provider_state,
    "providers-with-keys": key_requests.providers_with_keys,
    "find-subject": subject_requests.find_subject,
    "write-pictures": picture_files.write_pictures,
    "check-pictures": picture_files.check_pictures,
    "preview-picture": folder_pictures.preview_picture,
    "measure-pictures": folder_pictures.measure_pictures,
}


def answer(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer to a request; {"error": {"message", "hint"}} if its name is unknown."""
    request = REQUESTS.get(message["do"])
    if request is None:
        return {
            "error": {
                "message": _("The worker doesn't support the request “{name}”.").format(name=message["do"]),
                "hint": _("Run install.py again."),
            }
        }
    return request(message)
