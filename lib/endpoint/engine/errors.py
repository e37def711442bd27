"""Why the engine refuses."""


class Refused(ValueError):  # noqa: N818 - no error: it says what the engine will not do
    """The engine cannot do what was asked, and has done nothing.

    `code` is for programs: prompt_not_understood, nothing_to_fill, nothing_to_copy_from, mask_required,
    mask_not_used, no_plain_background, images_required.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
