"""Models and references. Each function is one step of a transaction that the caller has begun."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

import msgspec
import zstandard
from sqlalchemy import Connection, Row, and_, select

from drift.core.catalogue import Catalogue, Model, Reference
from drift.core.errors import CatalogueChanged, NotFound, StoreError
from drift.core.grid import Grid
from drift.core.outcome.sums import Outcomes
from drift.core.profile import Profile, Sums, split
from drift.core.sample import RowSample
from drift.core.schema import Schema
from drift.core.window import WindowSpec
from drift.store import tables
from drift.store.tables import LEARNT, OUTCOMES, SAMPLE, model_references, models, reference_sums, store

Known = dict[int, Reference]
"""References already read, by id: they are immutable, and their grids take long to read."""
WHOLE: Final = -1
"""The chunk number of a reference's whole profile."""
_SPEC_FIELDS: Final = tuple(field.name for field in fields(WindowSpec))


def version(c: Connection) -> int:
    """The catalogue's version."""
    return int(c.execute(select(store.c.catalogue_version)).scalar_one())


def check_version(c: Connection, expected: int) -> None:
    """Fail unless the catalogue is the one that the rows were counted with, and keep it so until the commit.

    Raises:
        CatalogueChanged: it has changed.
        StoreError: a newer release has migrated the store while this one was running.
    """
    row = c.execute(select(store.c.catalogue_version, store.c.schema).with_for_update(read=True)).one()
    if row.schema != tables.SCHEMA:
        raise StoreError(
            f"the store was migrated from schema {tables.SCHEMA} to {row.schema} meanwhile; restart with that release"
        )
    if row.catalogue_version != expected:
        raise CatalogueChanged(
            f"the catalogue has version {row.catalogue_version}, the rows were counted with {expected}; count again"
        )


def load(c: Connection, known: Known) -> Catalogue:
    """The whole catalogue. Fills `known` with references it had not seen."""
    found = {row.name: _model(row) for row in c.execute(select(models).order_by(models.c.id))}
    ids = list(c.execute(select(model_references.c.id).order_by(model_references.c.id)).scalars())
    for one in ids:
        reference(c, one, known)
    return Catalogue(version(c), found, tuple(known[one] for one in ids))


def reference(c: Connection, reference_id: int, known: Known) -> Reference:
    """One reference.

    Raises:
        NotFound: there is none of this id.
    """
    if reference_id not in known:
        row = c.execute(select(model_references).where(model_references.c.id == reference_id)).one_or_none()
        if row is None:
            raise NotFound(f"there is no reference {reference_id}; `drift reference list` shows those there are")
        known[reference_id] = _reference(row)
    return known[reference_id]


def reference_ids(c: Connection, model_id: int) -> list[int]:
    """The references of a model, oldest first."""
    mine = model_references.c.model_id == model_id
    return list(c.execute(select(model_references.c.id).where(mine).order_by(model_references.c.id)).scalars())


def put_model(
    c: Connection,
    name: str,
    *,
    pane: int,
    lateness: int,
    windows: Sequence[WindowSpec],
    zone: str,
    settings: Mapping[str, object],
) -> Model:
    """Insert or change a model; the catalogue's version grows only if something changed."""
    values: dict[str, Any] = {
        "pane": pane,
        "lateness": lateness,
        "zone": zone,
        "windows": _json([{field: getattr(spec, field) for field in _SPEC_FIELDS} for spec in windows]),
        "settings": _json(settings),
    }
    stored = select(models).where(models.c.name == name)
    # looked at before the lock as well: a process that only starts shall not wait for commits, nor they for it
    for look in (True, False):
        row = c.execute(stored).one_or_none()
        if row is not None and all(row._mapping[key] == value for key, value in values.items()):  # noqa: SLF001
            return _model(row)
        if look:
            _hold(c)
    if row is None:
        c.execute(models.insert().values(name=name, **values))
    else:
        c.execute(models.update().where(models.c.name == name).values(**values))
    _grow(c)
    return _model(c.execute(stored).one())


def dump_sums(
    grid: Grid,
    chunks: Iterable[tuple[int, int, Sums]],
    profile: Profile,
    sample: RowSample | None = None,
    outcomes: Sums | None = None,
    outcome_chunks: Iterable[tuple[int, int, Sums]] = (),
    learnt: bytes | None = None,
) -> list[dict[str, Any]]:
    """The rows of `reference_sums` without their id. Long work, done before the transaction begins."""
    rows = [(WHOLE, 0, 0, block, blob) for block, blob in enumerate(profile.dump())]
    if sample is not None:
        rows.append((WHOLE, 0, 0, SAMPLE, sample.dump()))
    if outcomes is not None:
        rows.append((WHOLE, 0, 0, OUTCOMES, outcomes.dump()))
    if learnt is not None:
        rows.append((WHOLE, 0, 0, LEARNT, learnt))
    rows += [(n, start, end, OUTCOMES, sums.dump()) for n, (start, end, sums) in enumerate(outcome_chunks)]
    for chunk, (start, end, sums) in enumerate(chunks):
        rows += [(chunk, start, end, block, part.dump()) for block, part in enumerate(split(grid, sums))]
    return [dict(zip(("chunk", "start", "end", "block", "blob"), row, strict=True)) for row in rows]


def add_reference(
    c: Connection, values: Mapping[str, Any], sums: Sequence[Mapping[str, Any]], known: Known
) -> Reference:
    """Insert a reference, or find the same one of before."""
    _hold(c)
    t = model_references
    same = select(t.c.id).where(
        t.c.model_id == values["model_id"],
        t.c.version == values["version"],
        t.c.content_hash == values["content_hash"],
    )
    found = c.execute(same).scalar_one_or_none()
    if found is not None:
        return reference(c, found, known)
    if c.execute(select(models.c.id).where(models.c.id == values["model_id"])).one_or_none() is None:
        raise NotFound(f"there is no model {values['model_id']}; put the model before its reference")
    new = c.execute(t.insert().values(**values).returning(t.c.id)).scalar_one()
    c.execute(reference_sums.insert(), [{"reference_id": new, **row} for row in sums])
    _grow(c)
    # not into `known`: the transaction may yet fail
    return _reference(c.execute(select(t).where(t.c.id == new)).one())


def reference_values(
    model_id: int,
    *,
    version: str,
    schema: Schema,
    grid: Grid,
    content_hash: str,
    rows: int,
    active_from: int,
    created_at: int,
    summary: Mapping[str, object],
) -> dict[str, Any]:
    """A row of `model_references` without its id."""
    return {
        "model_id": model_id,
        "version": version,
        "content_hash": content_hash,
        "rows": rows,
        "active_from": active_from,
        "created_at": created_at,
        "schema": msgspec.json.encode(schema).decode(),
        "summary": _pack(msgspec.json.encode(summary)),
        "grid": _pack(grid.dump()),
    }


def reference_profile(c: Connection, of: Reference) -> Profile:
    """The whole reference's sums."""
    return Profile.load(of.grid, _blobs(c, of.id, WHOLE))


def reference_sample(c: Connection, reference_id: int) -> RowSample | None:
    """The reference's own row sample; None where none is kept."""
    t = reference_sums
    mine = select(t.c.blob).where(t.c.reference_id == reference_id, t.c.chunk == WHOLE, t.c.block == SAMPLE)
    blob = c.execute(mine).scalar_one_or_none()
    return None if blob is None else RowSample.load(blob)


def reference_outcomes(c: Connection, of: Reference) -> Outcomes | None:
    """The whole reference's predictions and labels; None: it counts none."""
    t = reference_sums
    mine = select(t.c.blob).where(t.c.reference_id == of.id, t.c.chunk == WHOLE, t.c.block == OUTCOMES)
    blob = c.execute(mine).scalar_one_or_none()
    return None if blob is None else Outcomes.load(of.grid, blob)


def reference_learnt(c: Connection, reference_id: int) -> bytes | None:
    """What was fitted to a regression's errors; None: nothing."""
    t = reference_sums
    mine = select(t.c.blob).where(t.c.reference_id == reference_id, t.c.chunk == WHOLE, t.c.block == LEARNT)
    return c.execute(mine).scalar_one_or_none()


def outcome_chunks(c: Connection, of: Reference) -> list[tuple[int, int, bytes]]:
    """Start, end and packed sums of the predictions and labels of each of the reference's chunks."""
    t = reference_sums
    mine = and_(t.c.reference_id == of.id, t.c.chunk >= 0, t.c.block == OUTCOMES)
    rows = c.execute(select(t.c.start, t.c.end, t.c.blob).where(mine).order_by(t.c.chunk))
    return [(row.start, row.end, row.blob) for row in rows]


def reference_summary(c: Connection, reference_id: int) -> dict[str, Any]:
    """What was inferred when it was built."""
    row = c.execute(select(model_references.c.summary).where(model_references.c.id == reference_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no reference {reference_id}; `drift reference list` shows those there are")
    return msgspec.json.decode(_unpack(row.summary), type=dict[str, Any])


def chunk_spans(c: Connection, reference_id: int) -> list[tuple[int, int]]:
    """Start and end of each of the reference's chunks."""
    t = reference_sums
    mine = select(t.c.start, t.c.end).where(t.c.reference_id == reference_id, t.c.chunk >= 0, t.c.block == 0)
    return [(row.start, row.end) for row in c.execute(mine.order_by(t.c.chunk))]


def chunk(c: Connection, of: Reference, number: int) -> Sums:
    """The sums of one chunk."""
    return Profile.load(of.grid, _blobs(c, of.id, number)).sums


def chunks(c: Connection, of: Reference, first: int, last: int) -> list[Sums]:
    """The sums of the chunks from number `first` to before `last`."""
    t = reference_sums
    mine = and_(t.c.reference_id == of.id, t.c.chunk >= first, t.c.chunk < last, t.c.block >= 0)
    blobs: dict[int, list[bytes]] = {}
    for row in c.execute(select(t.c.chunk, t.c.blob).where(mine).order_by(t.c.chunk, t.c.block)):
        blobs.setdefault(row.chunk, []).append(row.blob)
    return [Profile.load(of.grid, one).sums for one in blobs.values()]


def _blobs(c: Connection, reference_id: int, number: int) -> list[bytes]:
    t = reference_sums
    of = and_(t.c.reference_id == reference_id, t.c.chunk == number, t.c.block >= 0)
    mine = select(t.c.blob).where(of).order_by(t.c.block)
    return list(c.execute(mine).scalars())


def _hold(c: Connection) -> None:
    """One change at a time, and none while a commit that checked the version is under way."""
    c.execute(select(store.c.id).with_for_update())


def _grow(c: Connection) -> None:
    c.execute(store.update().values(catalogue_version=store.c.catalogue_version + 1))


def _model(row: Row[Any]) -> Model:
    return Model(
        id=row.id,
        name=row.name,
        pane=row.pane,
        lateness=row.lateness,
        windows=msgspec.json.decode(row.windows, type=tuple[WindowSpec, ...]),
        zone=row.zone,
        settings=msgspec.json.decode(row.settings),
    )


def _reference(row: Row[Any]) -> Reference:
    return Reference(
        id=row.id,
        model_id=row.model_id,
        version=row.version,
        content_hash=row.content_hash,
        schema=msgspec.json.decode(row.schema, type=Schema),
        grid=Grid.load(_unpack(row.grid)),
        rows=row.rows,
        active_from=row.active_from,
        created_at=row.created_at,
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value, order="deterministic").decode()


def _pack(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(data)


def _unpack(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(data)
