"""Paths of the service's own pages. Names may hold anything, so everything is percent-encoded."""

from urllib.parse import quote, urlencode


def model_url(model: str, **query: object) -> str:
    """The page of a model."""
    return f"/models/{quote(model, safe='')}{_query(query)}"


def column_url(model: str, column: str, **query: object) -> str:
    """The page of a model's column."""
    return f"/models/{quote(model, safe='')}/column{_query({'name': column, **query})}"


def incident_url(incident_id: int) -> str:
    """The page of an incident."""
    return f"/incidents/{incident_id}"


def page_url(path: str, **query: object) -> str:
    """Any other page."""
    return path + _query(query)


def _query(parts: dict[str, object]) -> str:
    """`?a=1&b=2` of what is neither None nor empty."""
    said = {key: str(value) for key, value in parts.items() if value not in (None, "")}
    return "?" + urlencode(said, errors="replace") if said else ""
