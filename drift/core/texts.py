"""Columns of text, as CSV has them: the one way to read numbers, booleans and what is missing."""

from typing import Any, Final

from drift.core.schema import Storage

NULLS: Final = ["", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None"]
TRUE: Final = ("true", "True", "TRUE")
FALSE: Final = ("false", "False", "FALSE")
_BOOLEANS: Final[dict[str | None, bool]] = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
DELIMITERS: Final = ",;\t|"


def delimiter_of(header: str) -> str:
    """The delimiter that stands most often in the first line."""
    return max(DELIMITERS, key=header.count)


def typed(column: Any, kind: Storage) -> Any:
    """An Arrow column of texts as what it stores.

    Returns:
        A `pyarrow.Array`; or a list of values where some are what `kind` says and others are texts.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if kind is Storage.NUMBER:
        found = numbers(column)
        return found if found is not None else [_number(value) for value in column.to_pylist()]
    if kind is Storage.BOOLEAN:
        true, false = (pc.is_in(column, pa.array(words)) for words in (TRUE, FALSE))
        if pc.all(pc.or_(pc.or_(true, false), column.is_null())).as_py():
            return pc.if_else(column.is_null(), pa.scalar(None, pa.bool_()), true)
        return [_BOOLEANS.get(text, text) for text in column.to_pylist()]
    return column


def numbers(column: Any) -> Any:
    """An Arrow column of texts as doubles, or None where one of them is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return column.cast(pa.float64())
    except pa.ArrowInvalid:
        try:
            return pc.utf8_trim_whitespace(column).cast(pa.float64())
        except pa.ArrowInvalid:
            return None


def _number(text: str | None) -> float | str | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
