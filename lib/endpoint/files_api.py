"""The Files API: check its requests, and list files."""

from typing import Any

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from lib.endpoint.errors import invalid
from lib.endpoint.files import DEFAULT_SECONDS, MAX_FILE_BYTES, Entry, FileStore
from lib.endpoint.form import parse_multipart
from lib.endpoint.uploads import Count

PURPOSES = ("assistants", "batch", "fine-tune", "vision", "user_data", "evals")
MIN_SECONDS = 3600
MAX_SECONDS = 30 * 24 * 3600
MAX_LIST = 10_000

_FIELDS = ("purpose", "expires_after[anchor]", "expires_after[seconds]")


def upload(store: FileStore, request: Request, count: Count) -> Entry:
    """Store the part `file`. Raise HttpError 400 or 413, and the errors of `count`."""
    if request.mimetype != "multipart/form-data":
        raise invalid("Send multipart/form-data with 'file' and 'purpose'.", None, "unsupported_content_type")
    form, files = parse_multipart(request, MAX_FILE_BYTES + (1 << 16), count)
    for name in [*form, *files]:
        if name not in (*_FIELDS, "file"):
            raise invalid(f"Unknown parameter: '{name[:64]}'.", name[:64], "unknown_parameter")
    if "file" not in files:
        raise invalid("Missing required parameter: 'file'.", "file", "missing_required_parameter")
    if form.get("purpose") not in PURPOSES:
        raise invalid(f"'purpose' must be one of: {', '.join(PURPOSES)}.", "purpose")
    part = files["file"]
    return store.add(part.stream, part.filename or "", form["purpose"], _lifetime(form))  # type: ignore[arg-type]


def listing(store: FileStore, query: MultiDict[str, str]) -> dict[str, Any]:
    """Return a page of files for `limit`, `order`, `after` (an id) and `purpose`. Raise HttpError 400."""
    limit = _integer(query.get("limit", str(MAX_LIST)), "limit", 1, MAX_LIST)
    if query.get("order", "desc") not in ("asc", "desc"):
        raise invalid("'order' must be asc or desc.", "order")
    entries = store.all()
    if query.get("order", "desc") == "desc":
        entries.reverse()
    if "purpose" in query:
        entries = [entry for entry in entries if entry["purpose"] == query["purpose"]]
    if "after" in query:
        ids = [entry["id"] for entry in entries]
        if query["after"] not in ids:
            raise invalid("'after' is not the id of a file in this list.", "after")
        entries = entries[ids.index(query["after"]) + 1 :]
    page = entries[:limit]
    return {
        "object": "list",
        "data": page,
        "first_id": page[0]["id"] if page else None,
        "last_id": page[-1]["id"] if page else None,
        "has_more": len(entries) > limit,
    }


def _lifetime(form: MultiDict[str, str]) -> int:
    if "expires_after[anchor]" not in form and "expires_after[seconds]" not in form:
        return DEFAULT_SECONDS
    if form.get("expires_after[anchor]") != "created_at":
        raise invalid("'expires_after[anchor]' must be created_at.", "expires_after[anchor]")
    return _integer(form.get("expires_after[seconds]", ""), "expires_after[seconds]", MIN_SECONDS, MAX_SECONDS)


def _integer(text: str, name: str, minimum: int, maximum: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and minimum <= int(text) <= maximum):
        raise invalid(f"'{name}' must be an integer between {minimum} and {maximum}.", name)
    return int(text)
