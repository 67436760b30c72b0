"""The right to do a job alone, in database time. The epoch fences a holder that was stopped and came back."""

from sqlalchemy import ColumnElement, Connection, and_, case, or_, select

from drift.core.clock import SECOND
from drift.core.commit import Lease
from drift.core.errors import Fenced
from drift.store.sql import now, upsert
from drift.store.tables import leases


def take(c: Connection, name: str, holder: str, ttl_seconds: float) -> Lease | None:
    """The lease, if it is free, run out, or held by the same holder; None while another holds it.

    `holder` names one process (host, pid and a random part): the epoch grows only when it changes.
    """
    insert = upsert(c, leases).values(name=name, holder=holder, epoch=1, expires_at=now() + round(ttl_seconds * SECOND))
    new = insert.excluded
    same = leases.c.holder == new.holder
    statement = insert.on_conflict_do_update(
        index_elements=["name"],
        set_={
            "holder": new.holder,
            "epoch": case((same, leases.c.epoch), else_=leases.c.epoch + 1),
            "expires_at": new.expires_at,
        },
        where=or_(same, leases.c.expires_at < now()),
    ).returning(leases.c.epoch, leases.c.expires_at)
    row = c.execute(statement).one_or_none()
    return None if row is None else Lease(name, holder, row.epoch, row.expires_at)


def renew(c: Connection, lease: Lease, ttl_seconds: float) -> Lease | None:
    """The same lease for longer; None if another has taken it."""
    until = now() + round(ttl_seconds * SECOND)
    statement = leases.update().where(_is(lease)).values(expires_at=until).returning(leases.c.expires_at)
    expires_at = c.execute(statement).scalar_one_or_none()
    return None if expires_at is None else Lease(lease.name, lease.holder, lease.epoch, expires_at)


def release(c: Connection, lease: Lease) -> None:
    """Give it up; nothing happens if another has it."""
    c.execute(leases.update().where(_is(lease)).values(holder="", expires_at=0))


def require(c: Connection, lease: Lease) -> None:
    """Fail unless the lease is still ours, and keep it so until the commit.

    Raises:
        Fenced: another has it, or it was given up.
    """
    # FOR SHARE: a taker waits for this transaction, and this one for a taker
    if c.execute(select(leases.c.epoch).where(_is(lease)).with_for_update(read=True)).one_or_none() is None:
        raise Fenced(
            f"the lease {lease.name!r} (epoch {lease.epoch}) of {lease.holder} is another's by now; take it again"
        )


def _is(lease: Lease) -> ColumnElement[bool]:
    return and_(leases.c.name == lease.name, leases.c.holder == lease.holder, leases.c.epoch == lease.epoch)
