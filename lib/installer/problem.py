"""The one error of the installer."""


class SetupProblem(Exception):
    """Something that setting up needs is not there; two sentences: what is wrong, and what to do."""

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what} {mend}")
        self.what = what
        self.mend = mend
