"""Where an input image's bytes come from: the request, a stored file, or the web."""

from collections.abc import Callable

from lib.endpoint.errors import HttpError, invalid
from lib.endpoint.fetch import fetch
from lib.endpoint.files import FileStore
from lib.endpoint.form import ImageRef
from lib.endpoint.pictures import MAX_IMAGE_BYTES


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
        if not allow_urls:
            raise invalid(
                "This server fetches no addresses. Send a data URL, an upload or a file_id, "
                "or start it with --allow-urls.",
                ref.param,
                "url_not_allowed",
            )
        return fetch(ref.url or "", ref.param)

    return load


def _stored(files: FileStore, file_id: str, param: str) -> bytes:
    try:
        return files.content(file_id)
    except HttpError as error:
        raise HttpError(error.status, error.message, code=error.code, param=param) from error
