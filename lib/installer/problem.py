"""The installer's error for the user."""


class SetupProblem(Exception):
    """The command cannot be completed; two sentences say what is wrong, and what to do."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(f"{what} {hint}")
        self.what = what
        self.hint = hint
