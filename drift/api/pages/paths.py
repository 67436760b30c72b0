"""Names in paths may hold anything, slashes and line breaks too; Starlette's own `path` ends at a line break."""

from typing import Final

from starlette.convertors import Convertor, register_url_convertor


class _Anything(Convertor[str]):
    """A part of a path as it is."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        """From the path."""
        return value

    def to_string(self, value: str) -> str:
        """Into a path."""
        return value


register_url_convertor("anything", _Anything())
MODEL: Final = "/models/{name:anything}"
"""The path of a model's page."""
