"""Incidents for the page: a bounded list, and one with all that belongs to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from alerts.message import Message
from dashboards.web.links import page_url
from dashboards.web.views import incidents as views
from dashboards.web.views.figure import Pages
from drift.config import Config
from drift.core.alarm import Alarm
from drift.core.alert import Event, Incident, Notice, Run, RunState, Urgency
from drift.core.catalogue import Catalogue, Model
from drift.core.errors import InputError, NotFound
from drift.service.access import Caller
from drift.service.digest import quiet
from drift.service.pages.life import steps
from drift.service.pages.listing import PAGE, scan
from drift.store.rows import AlarmRow, AlertRow
from drift.store.store import Store

SHOWN: Final = 40
"""Alerts, messages, runs and lines of history of one incident that are shown."""
_ALARMS: Final = 1_000
_MODELS: Final = 200
STATES: Final = ("open", "resolved")
RUNBOOKS: Final[Mapping[str, str]] = {"data": "DriftDataIncident", "service": "DriftDeliveryFailed"}


class Names:
    """The catalogue by ids; id 0 is the service itself."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._models: Mapping[int, Model] = {model.id: model for model in catalogue.models.values()}
        self._references = {one.id: one for one in catalogue.references}

    def model(self, model_id: int) -> str:
        """Empty: the service itself, or a model that is gone."""
        found = self._models.get(model_id)
        return found.name if found is not None else ""

    def owner(self, model_id: int) -> str:
        """Who is asked about a model; empty: nobody is named."""
        found = self._models.get(model_id)
        return str(found.settings.get("owner") or "") if found is not None else ""

    def version(self, reference_id: int) -> str:
        """Empty: of no reference."""
        found = self._references.get(reference_id)
        return found.version if found is not None else ""

    def segment(self, reference_id: int, index: int) -> str:
        """Empty: the whole traffic."""
        found = self._references.get(reference_id)
        return found.grid.segments[index].label if found is not None and index else ""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page of the list begins: among the open ones, or among the others."""

    open: bool
    before: int | None

    @staticmethod
    def read(text: str, state: str) -> "_Place":
        """Raises InputError where it is none."""
        if not text:
            return _Place(state != "resolved", None)
        kind, number = text[:1], text[1:]
        if kind not in ("o", "r") or not number.isascii() or not number.isdigit() or len(number) > 18:
            raise InputError("query cursor: this is no cursor of this list; begin with its first page")
        return _Place(kind == "o", int(number))


def incident_list(store: Store, asker: Caller, chosen: views.Chosen, cursor: str = "") -> views.IncidentList:
    """The open ones, then the others, each newest first.

    Raises:
        NotFound: there is no such model.
        InputError: the cursor or a filter is none.
    """
    catalogue = store.catalogue()
    _check(chosen, catalogue, asker)
    names = Names(catalogue)
    rows, following = _page(store, asker, chosen, names, _Place.read(cursor, chosen.state))
    here = {"model": chosen.model, "severity": chosen.severity, "state": chosen.state}
    pages = Pages(
        before=page_url("/incidents", **here) if cursor else "",
        after=page_url("/incidents", **here, cursor=following) if following else "",
        words=("First page", "Older"),
    )
    models = tuple(sorted(filter(asker.sees, catalogue.models))[:_MODELS])
    return views.IncidentList(tuple(line(one, names) for one in rows), chosen, models, pages)


def _check(chosen: views.Chosen, catalogue: Catalogue, asker: Caller) -> None:
    if chosen.model and (chosen.model not in catalogue.models or not asker.sees(chosen.model)):
        raise NotFound(f"there is no model {chosen.model!r}")
    if chosen.severity and chosen.severity not in list(Urgency):
        raise InputError(f"query severity: there are {', '.join(Urgency)}")
    if chosen.state and chosen.state not in STATES:
        raise InputError(f"query state: there are {', '.join(STATES)}")


def _page(store: Store, asker: Caller, chosen: views.Chosen, names: Names, at: _Place) -> tuple[list[Incident], str]:
    """Rows of a page, and where the following one begins; empty: there is none."""
    model = store.catalogue().models.get(chosen.model)
    model_id = model.id if model is not None else None

    def wanted(one: Incident) -> bool:
        return asker.sees(names.model(one.model_id)) and chosen.severity in ("", one.urgency.value)

    def some(is_open: bool, before: int | None, limit: int) -> tuple[list[Incident], int | None]:
        return scan(
            lambda n, till: store.incidents(model_id, open=is_open, limit=n, before=till), before,
            lambda one: one.id, wanted, limit,
        )  # fmt: skip

    rows, rest = some(at.open, at.before, PAGE)
    if rest is not None:
        return rows, f"{'o' if at.open else 'r'}{rest}"
    if not at.open or chosen.state == "open":
        return rows, ""
    older, rest = some(False, None, max(1, PAGE - len(rows)))
    return [*rows, *older], f"r{rest}" if rest is not None else ""


def line(of: Incident, names: Names) -> views.IncidentLine:
    """An incident in a list."""
    return views.IncidentLine(
        of.id, of.title or "An incident of the service", names.model(of.model_id), of.family, of.urgency.value,
        of.open, of.since, of.opened_on, of.resolved_on, of.resolution, of.acknowledged_by,
        len([one for one in of.columns if one]), of.alerts, quiet(of),
    )  # fmt: skip


def incident_page(store: Store, config: Config, found: Incident) -> views.IncidentPage:
    """One incident; whoever asks may see it."""
    names = Names(store.catalogue())
    notices, runs = store.notices(incident_id=found.id, limit=SHOWN), store.runs(incident_id=found.id, limit=SHOWN)
    alerts, model = store.incident_alerts(found.id), names.model(found.model_id)
    alarms = store.alarms(found.model_id, limit=_ALARMS) if found.model_id else []
    return views.IncidentPage(
        line(found, names), names.owner(found.model_id), names.version(found.reference_id),
        steps(found, notices, runs, store.events(found.id, limit=_ALARMS)),
        tuple(_evidence(row, names, alarms) for row in alerts[:SHOWN]), max(0, len(alerts) - SHOWN),
        tuple(one for one in found.columns if one)[:SHOWN], max(0, len(found.columns) - SHOWN),
        tuple(map(_sent, notices)), tuple(run_line(one, names) for one in runs),
        tuple(_line(one) for one in store.events(found.id, limit=SHOWN)), _hushes(found, model),
        triggers_of(config, model), found.acknowledged_why, found.reopened,
        RUNBOOKS.get(found.family) or ("DriftPage" if found.urgency is Urgency.PAGE else "DriftWarning"),
    )  # fmt: skip


def _evidence(row: AlertRow, names: Names, alarms: Sequence[AlarmRow]) -> views.Evidence:
    of, key = row.alert, row.alert.key
    behind = _behind(row, alarms)
    measured = behind.alarm if behind is not None else None
    return views.Evidence(
        of.sentence, key.column, key.rule, key.spec, names.segment(key.reference_id, key.segment), of.state.value,
        of.urgency.value, of.since, of.seen_at, of.reason, of.value, of.threshold, of.snoozed,
        *_measured(measured), behind.id if behind is not None and behind.standing else None,
    )  # fmt: skip


def _measured(alarm: Alarm | None) -> tuple[int, Mapping[str, float], tuple[views.Shift, ...]]:
    if alarm is None:
        return 0, {}, ()
    moved = tuple(views.Shift(one.label, one.before, one.after) for one in alarm.moved[:5])
    return alarm.rows, alarm.statistics, moved


def _behind(row: AlertRow, alarms: Sequence[AlarmRow]) -> AlarmRow | None:
    """The newest alarm of the detector that an alert is about."""
    key = row.alert.key
    place = (key.reference_id, key.spec, key.segment, key.column, key.detail)
    mine = (
        one for one in alarms
        if (one.reference_id, one.spec, one.alarm.segment, one.alarm.column, one.alarm.detector) == place
    )  # fmt: skip
    return next(mine, None)


def _sent(of: Notice) -> views.Sent:
    change = Message.load(of.body).change.value
    return views.Sent(of.id, of.receiver, change, of.state.value, of.tries, of.error, of.created_at, of.done_at)


def run_line(of: Run, names: Names) -> views.RunLine:
    """A run, with what can be said to it."""
    decidable: tuple[str, ...] = ()
    if of.state is RunState.ASKED:
        decidable = ("approve", "deny")
    elif of.state is RunState.REQUESTED:
        decidable = ("deny",)
    return views.RunLine(
        of.id, names.model(of.model_id), of.trigger, of.state.value, of.incident_id, of.created_at, of.changed_at,
        of.who, of.why, of.error, of.url if of.url.startswith(("https://", "http://")) else "", of.tries, decidable,
    )  # fmt: skip


def _line(of: Event) -> views.Line:
    return views.Line(of.on, of.happening.value, of.why, of.who, of.key.column if of.key is not None else "")


def _hushes(of: Incident, model: str) -> tuple[views.Hush, ...]:
    """What a silence from this page may be about."""
    if not of.open:
        return ()
    if not model:
        return (views.Hush("family", "incidents of the service itself"),)
    kind = {"drift": "drift", "data": "missing data"}.get(of.family, of.family)
    found = [views.Hush("family", f"{kind} of this model"), views.Hush("model", "everything about this model")]
    columns = [one for one in of.columns if one][:SHOWN]
    return (*found, *(views.Hush(f"column:{one}", f"column {one}") for one in columns))


def matchers(of: Incident, model: str, key: str) -> dict[str, str]:
    """What a silence matches that was asked for on an incident's page.

    Raises:
        InputError: it was not offered.
    """
    if key not in {one.key for one in _hushes(of, model)}:
        raise InputError("about: choose one of what the form offers")
    own = {"model": model} if model else {}
    if key == "family":
        return own | {"family": of.family}
    return own if key == "model" else own | {"column": key.removeprefix("column:")}


def triggers_of(config: Config, model: str) -> tuple[str, ...]:
    """Triggers that a retraining of a model can be asked of."""
    return tuple(one.name for one in config.triggers if model and _is_for(one.match, model))


def _is_for(blocks: Iterable[Mapping[str, str]], model: str) -> bool:
    patterns = [block.get("model", "*") for block in blocks] or ["*"]
    return any(model == one or fnmatchcase(model, one) for one in patterns)
