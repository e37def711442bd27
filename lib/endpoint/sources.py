"""Where an input image's bytes come from: an upload, a data URL, a stored file, or the web."""

import base64
import binascii
import re
from collections.abc import Callable

from lib.endpoint.errors import ApiError, invalid
from lib.endpoint.fetch import fetch
from lib.endpoint.files import FileStore
from lib.endpoint.form import MIME_TYPES, ImageRef
from lib.endpoint.pictures import MAX_IMAGE_BYTES

_DATA_URL = re.compile(r"data:([^;,]*)(;[^,]*)?,", re.IGNORECASE)


def loader(files: FileStore, allow_urls: bool) -> Callable[[ImageRef], bytes]:
    """A function from an image reference to its bytes, at most one over `MAX_IMAGE_BYTES`.

    It raises ApiError 400 or 404.
    """

    def load(ref: ImageRef) -> bytes:
        if ref.upload is not None:
            ref.upload.seek(0)
            return ref.upload.read(MAX_IMAGE_BYTES + 1)
        if ref.file_id is not None:
            return _stored(files, ref.file_id, ref.param)
        url = (ref.url or "").strip()
        if url[:5].lower() == "data:":
            return _from_data_url(url, ref.param)
        if not allow_urls:
            raise invalid(
                "This server fetches no addresses. Send a data URL, an upload or a file_id, "
                "or start it with --allow-urls.",
                ref.param,
                "url_not_allowed",
            )
        return fetch(url, ref.param)

    return load


def _stored(files: FileStore, file_id: str, param: str) -> bytes:
    try:
        return files.content(file_id)
    except ApiError as error:
        raise ApiError(error.status, error.message, code=error.code, param=param) from error


def _from_data_url(url: str, param: str) -> bytes:
    head = _DATA_URL.match(url)
    if not head or not (head[2] or "").lower().endswith(";base64"):
        raise invalid("A data URL must have the form data:image/png;base64,...", param, "invalid_image_url")
    if head[1].lower() not in MIME_TYPES:
        raise invalid(
            f"Unsupported mimetype in the data URL. Supported are {', '.join(MIME_TYPES)}.",
            param,
            "unsupported_file_mimetype",
        )
    try:
        return base64.b64decode(url[head.end() :].strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid("The data URL's base64 could not be decoded.", param, "invalid_image_url") from error
