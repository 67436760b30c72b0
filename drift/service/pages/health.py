"""Ingest health for the page, in a bounded number of statements: partitions, models, dead letters, deliveries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from alerts.message import Message
from dashboards.web.formats import count
from dashboards.web.links import page_url
from dashboards.web.views import health as views
from dashboards.web.views.figure import Pages
from drift.core.alert import NoticeState
from drift.core.catalogue import Catalogue, Model
from drift.core.clock import DAY
from drift.core.commit import PUSHED
from drift.core.errors import NotFound
from drift.evaluation import Patience
from drift.service.access import Caller
from drift.service.pages.listing import scan
from drift.store.rows import DeadLetterRow, PartitionStatus
from drift.store.store import Store

PER_PAGE: Final = 25
LETTERS: Final = 20
SHOWN: Final = 4_000
"""Characters of a payload that are shown."""
_GAPS: Final = 20
_FIELD_DAYS: Final = 7
_WORST: Final = ("dead", "behind", "reading", "idle", "gone", "finished")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address says; pages begin at 1."""

    partitions: int = 1
    models: int = 1
    reason: str = ""
    before: int | None = None
    """Dead letters older than this one."""
    model: str = ""
    """Whose unknown fields are shown."""

    def url(self, **changes: object) -> str:
        """The page with other choices."""
        here: dict[str, object] = {
            "partitions": self.partitions if self.partitions > 1 else "",
            "models": self.models if self.models > 1 else "", "reason": self.reason, "model": self.model,
        }  # fmt: skip
        return page_url("/health", **here | changes)


def health(
    store: Store, asker: Caller, patience: Patience, holding: Mapping[str, str], wanted: Wanted, now: int, *,
    payloads: bool,
) -> views.Health:  # fmt: skip
    """The page, for what the caller sees; `payloads`: whether they may look into dead letters.

    Raises:
        NotFound: there is no such model.
    """
    catalogue, statuses = store.catalogue(), store.partitions()
    mine = {model.id: model for name, model in sorted(catalogue.models.items()) if asker.sees(name)}
    lines = sorted((_partition(one, mine, patience, now) for one in statuses), key=_worst_first)
    partitions, partition_pages = _some(lines, wanted.partitions, "partitions", wanted)
    models, model_pages = _some(list(mine.values()), wanted.models, "models", wanted)
    reasons = sorted(store.dead_letters_by_reason().items(), key=lambda one: (-one[1], one[0]))
    state, says = _verdict(lines, {name: why for name, why in holding.items() if asker.sees(name)})
    return views.Health(
        says, state, partitions, partition_pages,
        tuple(_model(store, catalogue, one, statuses, holding.get(one.name, "")) for one in models), model_pages,
        tuple(reasons), _letters(store, wanted) if payloads else None, _receivers(store, asker),
        _dead(store, asker), _lost(store), wanted.model, _fields(store, catalogue, asker, wanted.model),
    )  # fmt: skip


def _some(all_: Sequence[R], page: int, name: str, wanted: Wanted) -> tuple[tuple[R, ...], Pages]:
    first = (page - 1) * PER_PAGE
    shown = tuple(all_[first : first + PER_PAGE])
    if len(all_) <= PER_PAGE and page == 1:
        return shown, Pages()
    pages = Pages(
        f"{first + 1:,}–{first + len(shown):,} of {count(len(all_), name[:-1])}",
        wanted.url(**{name: page - 1}) if page > 1 else "",
        wanted.url(**{name: page + 1}) if first + PER_PAGE < len(all_) else "",
    )
    return shown, pages


def _partition(of: PartitionStatus, models: Mapping[int, Model], patience: Patience, now: int) -> views.PartitionLine:
    """`now`: the service's clock; heartbeats are the database's."""
    seen = [time for model_id, time in of.watermarks.items() if model_id in models]
    return views.PartitionLine(
        str(of.partition), state_of(of, patience), of.lag, of.next, of.log_end, max(seen, default=None),
        of.owner or "", of.heartbeat_at and now - (of.now - of.heartbeat_at), of.records,
    )  # fmt: skip


def state_of(of: PartitionStatus, patience: Patience) -> str:
    """What a partition does, as `drift.evaluation.closing` takes it."""
    if of.finished:
        return "finished"
    if of.owner is None or of.heartbeat_at is None or of.now - of.heartbeat_at > patience.dead_after:
        return "gone" if of.partition.source == PUSHED else "dead"
    if of.caught_up_at is None:
        return "behind" if of.lag else "reading"
    silent_since = max(of.advanced_at.values(), default=of.caught_up_at)
    return "idle" if of.now - silent_since >= patience.idle_timeout else "reading"


def _worst_first(of: views.PartitionLine) -> tuple[int, int, str]:
    return _WORST.index(of.state), -of.lag, of.name


def _verdict(lines: Sequence[views.PartitionLine], waiting: Mapping[str, str]) -> tuple[str, str]:
    """(state, sentence)."""
    dead = [one for one in lines if one.state == "dead"]
    if dead:
        who = f"{dead[0].name} has" if len(dead) == 1 else f"{len(dead)} partitions, {dead[0].name} among them, have"
        return "page", (
            f"{who} no living reader: what lies there is not counted, and windows wait for it or close as incomplete."
        )
    behind = [one for one in lines if one.state == "behind"]
    if behind:
        lag = sum(one.lag for one in behind)
        return "warning", f"{count(lag, 'record')} in {count(len(behind), 'partition')} are not counted yet."
    if waiting:
        return "warning", f"The next window of {count(len(waiting), 'model')} waits for data."
    if not lines:
        return "warning", "Nothing was ever sent to this service."
    return "ok", "Every partition is read up to its end: what was sent is counted."


def _model(
    store: Store, catalogue: Catalogue, model: Model, statuses: Sequence[PartitionStatus], waits: str
) -> views.ModelLine:
    newest = max((one.watermarks[model.id] for one in statuses if model.id in one.watermarks), default=None)
    if newest is None:
        return views.ModelLine(model.name, None, waits, 0, 0, 0)
    found = catalogue.active(model.id, None, newest)
    if found is None:
        return views.ModelLine(model.name, newest, waits, 0, 0, 0)
    total = store.counted(found[0].id, newest - DAY, newest + model.pane)
    return views.ModelLine(model.name, newest, waits, total.rows, total.late, total.foreign)


def _letters(store: Store, wanted: Wanted) -> views.Letters:
    rows, following = scan(
        lambda n, till: store.dead_letters(n, till, wanted.reason or None), wanted.before, lambda row: row.id,
        lambda _: True, LETTERS,
    )  # fmt: skip
    pages = Pages(
        before=wanted.url() if wanted.before is not None else "",
        after=wanted.url(before=following) if following else "", words=("Newest", "Older"),
    )  # fmt: skip
    return views.Letters(tuple(map(_letter, rows)), wanted.reason, pages)


def _letter(row: DeadLetterRow) -> views.Letter:
    of = row.letter
    payload = of.payload.decode("utf-8", "backslashreplace")
    nth = f", event {of.index}" if of.index else ""
    return views.Letter(
        row.id, f"{of.partition} at {of.offset:,}{nth}", of.reason, of.detail, payload[:SHOWN],
        max(0, len(payload) - SHOWN), of.at, row.replayed_at,
    )  # fmt: skip


def _receivers(store: Store, asker: Caller) -> tuple[views.Receiver, ...]:
    if asker.restricted:
        return ()
    return tuple(
        views.Receiver(one.receiver, one.waiting, one.oldest_waiting_at, one.dead) for one in store.outbox()
    )  # fmt: skip


def _dead(store: Store, asker: Caller) -> tuple[views.DeadNotice, ...]:
    sees: Callable[[Message], bool] = lambda message: asker.sees(message.model)  # noqa: E731
    found = [(one, Message.load(one.body)) for one in store.notices(state=NoticeState.DEAD, limit=PER_PAGE)]
    return tuple(
        views.DeadNotice(one.id, one.receiver, said.title, one.error, said.incident, one.done_at or one.created_at)
        for one, said in found
        if sees(said)
    )


def _lost(store: Store) -> tuple[views.Lost, ...]:
    return tuple(views.Lost(str(one.partition), one.first, one.last, one.at) for one in store.gaps(limit=_GAPS))


def _fields(store: Store, catalogue: Catalogue, asker: Caller, name: str) -> tuple[views.FieldLine, ...]:
    """Unknown fields of a model in the last days of its event time, the most frequent first."""
    if not name:
        return ()
    model = catalogue.models.get(name)
    if model is None or not asker.sees(name):
        raise NotFound(f"there is no model {name!r}")
    newest = max((one.watermarks.get(model.id, 0) for one in store.partitions()), default=0)
    found = []
    for reference in (one for one in catalogue.references if one.model_id == model.id):
        seen = store.fields(reference.id, newest - _FIELD_DAYS * DAY, newest + DAY)
        for field in seen.sums.seen:
            share = seen.sums.events(field) / seen.sums.looked
            kind = str(seen.sums.storage(field) or "object")
            found.append(
                views.FieldLine(field, reference.version, kind, share, seen.first[field], seen.last[field])
            )  # fmt: skip
    return tuple(sorted(found, key=lambda one: (-one.share, one.name)))[:100]
