"""Each protection, broken on purpose: the tests of faults must then fail. Only test processes ever call this.

epoch      a worker commits although another one has acquired the partition
expected   a worker commits although the partition stands elsewhere than where its buffer was read from
one        sums and positions are committed one after the other instead of together
"""

from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, select

TEETH: Final = ("epoch", "expected", "one")


def pull(tooth: str) -> None:
    """Break one protection in this process; empty breaks none."""
    from drift.core.commit import Advance, IngestCommit
    from drift.store import ingest, partitions
    from drift.store.store import Store
    from drift.store.tables import partitions as rows

    advance = partitions.advance

    def without(c: Connection, step: Advance) -> int:
        row = c.execute(select(rows.c.epoch, rows.c.next).where(partitions._is(step.claim.partition))).one()
        if tooth == "epoch":
            return advance(c, replace(step, claim=replace(step.claim, epoch=row.epoch)))
        return advance(c, replace(step, expected=row.next))

    def apart(store: Store, batch: IngestCommit) -> None:
        """Sums first, then positions."""
        store._write(lambda c: ingest._append(c, batch.panes))
        store._write(lambda c: ingest.commit(c, replace(batch, panes=()), store._counter))

    match tooth:
        case "epoch" | "expected":
            partitions.advance = without
        case "one":
            setattr(Store, "commit", apart)  # noqa: B010  it has another signature in mypy's eyes
        case _:
            assert not tooth, tooth
