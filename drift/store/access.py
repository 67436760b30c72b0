"""Who may, and who did: tokens and the audit."""

from dataclasses import asdict
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from drift.core.alert import AuditEntry, Scope, Token
from drift.core.errors import Conflict, NotFound
from drift.store.alert_tables import audit, tokens
from drift.store.sql import upsert
from drift.store.values import clean


def put(c: Connection, token: Token) -> Token:
    """Keep a token, and who made it; the same with its id.

    Raises:
        Conflict: one of this name or digest is there and not revoked.
    """
    insert = upsert(c, tokens).values(_values(token)).on_conflict_do_nothing().returning(tokens.c.id)
    new = c.execute(insert).scalar_one_or_none()
    if new is None:
        raise Conflict(f"there is a token {token.name!r} already; revoke it first, or take another name")
    scopes = ", ".join(token.scopes)
    note(c, AuditEntry(token.created_at, token.created_by, "token.create", f"token {token.name}", scopes))
    return one(c, new)


def revoke(c: Connection, token_id: int, on: int, who: str) -> Token:
    """Let a token allow nothing from now on; one that was revoked before stays as it was.

    Raises:
        NotFound: there is none of this id.
    """
    t = tokens
    statement = t.update().where(t.c.id == token_id, t.c.revoked_at.is_(None)).values(revoked_at=on)
    changed = c.execute(statement).rowcount == 1
    found = one(c, token_id)
    if changed:
        note(c, AuditEntry(on, who, "token.revoke", f"token {found.name}"))
    return found


def one(c: Connection, token_id: int) -> Token:
    """One token.

    Raises:
        NotFound: there is none of this id.
    """
    row = c.execute(select(tokens).where(tokens.c.id == token_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no token {token_id}; `drift token list` shows those there are")
    return _token(row)


def listed(c: Connection) -> list[Token]:
    """All tokens, also those that are over, oldest first."""
    return [_token(row) for row in c.execute(select(tokens).order_by(tokens.c.id))]


def by_digest(c: Connection, digest: bytes) -> Token | None:
    """The token of a secret, also one that is over; None: there is none."""
    row = c.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
    return _token(row) if row is not None else None


def _values(token: Token) -> dict[str, Any]:
    lists = {name: msgspec.json.encode(getattr(token, name)).decode() for name in ("scopes", "models")}
    values = clean(asdict(token) | lists)
    del values["id"]
    return values


def _token(row: Any) -> Token:
    scopes = msgspec.json.decode(row.scopes, type=tuple[Scope, ...])
    models = msgspec.json.decode(row.models, type=tuple[str, ...])
    return Token(**{**row._mapping, "scopes": scopes, "models": models})  # noqa: SLF001  public API


def note(c: Connection, entry: AuditEntry) -> None:
    """Append a line to the audit."""
    values = clean(asdict(entry))
    del values["id"]
    c.execute(audit.insert().values(values))


def entries(c: Connection, limit: int, before: int | None) -> list[AuditEntry]:
    """The audit, newest first."""
    statement = select(audit).order_by(audit.c.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(audit.c.id < before)
    return [AuditEntry(**row._mapping) for row in c.execute(statement)]  # noqa: SLF001  public API
