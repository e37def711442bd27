"""Load an input image's bytes from the request, a stored file, or the web."""

from collections.abc import Callable

from lib.endpoint.errors import HttpError, invalid
from lib.endpoint.fetch import fetch
from lib.endpoint.files import FileStore
from lib.endpoint.form import ImageRef
from lib.endpoint.pictures import MAX_IMAGE_BYTES


def loader(files: FileStore, allow_urls: bool) -> Callable[[ImageRef], bytes]:
    """Return a function that loads the bytes of an image reference, at most `MAX_IMAGE_BYTES` + 1.

    The function raises HttpError 400 or 404.
    """

    def load(ref: ImageRef) -> bytes:
        if ref.upload is not None:
            ref.upload.seek(0)
            return ref.upload.read(MAX_IMAGE_BYTES + 1)
        if ref.file_id is not None:
            return _stored_file(files, ref.file_id, ref.param)
        if not allow_urls:
            raise invalid(
                "This server does not download from URLs. Send a data URL, an upload or a file_id, "
                "or start the server with --allow-urls.",
                ref.param,
                "url_not_allowed",
            )
        return fetch(ref.url or "", ref.param)

    return load


def _stored_file(files: FileStore, file_id: str, param: str) -> bytes:
    try:
        return files.content(file_id)
    except HttpError as error:
        raise HttpError(error.status, error.message, code=error.code, param=param) from error
