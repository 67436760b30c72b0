"""Text that drift.yaml does not hold itself: it came by `${ENV}` or `file:` and is never to be shown."""

from pathlib import Path


class Filled(str):
    """A value that was filled in; a `str` to everybody who does not ask."""

    path: Path | None = None
    """The file that it was read from, to be read again when it is used; None: the environment's."""

    @staticmethod
    def of(text: str, path: Path | None = None) -> "Filled":
        """The text with where it came from."""
        filled = Filled(text)
        filled.path = path
        return filled
