"""The REST API. Asynchronous only here; what it asks of the store runs in threads."""

from drift.api.app import create_app
from drift.api.services import Events, Receipt, Refused, Register, Replayed, Services

__all__ = ["Events", "Receipt", "Refused", "Register", "Replayed", "Services", "create_app"]
