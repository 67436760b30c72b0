"""The week's digest, queued once when its time has come, by the server that evaluates."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from alerts.notices import notice
from drift.config import Config
from drift.config.alerts import DIGEST
from drift.core.alert import AlertCommit
from drift.core.clock import DAY, Clock, from_datetime, to_datetime
from drift.core.commit import Lease
from drift.service.digest import digest, week_of
from drift.store import Store

WEEK: Final = 7 * DAY
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MISSED: Final = DAY
"""A digest whose time came while no server ran is sent up to a day late; then the next one tells."""


def latest(when: str, zone: str, now: int) -> int:
    """The last moment by the clock that `mon 08:00` meant, at or before `now`.

    Raises:
        ValueError: these words mean no moment.
    """
    match = DIGEST.fullmatch(when)
    if match is None:
        raise ValueError(f"{when!r} is no weekday and time")
    here = to_datetime(now).astimezone(ZoneInfo(zone))
    day = (here - timedelta(days=(here.weekday() - _DAYS.index(match[1])) % 7)).date()
    for back in (0, 7):
        then = datetime(day.year, day.month, day.day, int(match[2]), int(match[3]), tzinfo=ZoneInfo(zone))
        at = from_datetime(then - timedelta(days=back))
        if at <= now:
            return at
    raise AssertionError("a week ago is in the past")


class Digesting:
    """Queues a digest for each route that wants one. Keys make it once, whoever does it and however often."""

    def __init__(self, store: Store, clock: Clock, config: Config, lease: Callable[[], Lease | None]) -> None:
        """`lease` tells the evaluation lease, None while another server has it."""
        self._store, self._clock, self._lease, self._alerting = store, clock, lease, config.alerting
        self._receivers = [one.name for one in config.routes if one.digest]
        self._done = 0

    def tick(self) -> int:
        """Queue what is due; how many notices."""
        if not (self._receivers and self._alerting.digest):
            return 0
        now = self._clock.now()
        at, lease = latest(self._alerting.digest, self._alerting.timezone, now), self._lease()
        if at == self._done or lease is None or now - at > _MISSED or not self._was_there(at):
            return 0
        message = digest(week_of(self._store, at - WEEK, at), link=self._alerting.url)
        notices = []
        for receiver in self._receivers:
            mine = replace(message, key=f"{self._store.uuid[:13]}-{message.key}-{receiver}")
            notices.append(notice(mine, receiver, "digest", now))
        self._store.commit_alerting(lease, AlertCommit(notices=tuple(notices)))
        self._done = at
        return len(notices)

    def _was_there(self, at: int) -> bool:
        """Whether anything was watched by then: a new service has no last week."""
        return any(reference.created_at <= at for reference in self._store.catalogue().references)
