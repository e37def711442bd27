"""The engine's error."""


class Refused(ValueError):  # noqa: N818 - a refusal, not a failure
    """The engine cannot do the requested edit and has not changed anything.

    `code` is for programs: prompt_not_understood, nothing_to_fill, nothing_to_copy_from, mask_required,
    mask_not_used, images_required, nothing_stands_out, no_subject_network, no_red_eyes, needs_a_person, nothing_to_do,
    size_is_fixed. `suggestion` is a prompt that it could follow instead.
    """

    def __init__(self, code: str, message: str, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.suggestion = suggestion
