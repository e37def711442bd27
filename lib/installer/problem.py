"""The one error of the installer."""


class SetupProblem(Exception):
    """Something that setting up needs is not there; two sentences: what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what} {hint}")
        self.what = what
        self.hint = hint
