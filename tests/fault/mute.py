"""Each protection of telling, broken on purpose: the tests of it must then fail. Only test processes ever call this.

order    what waits is sent newest first, whatever it is about
key      every attempt has a key of its own
early    a notice is marked as sent, then it is sent
apart    results and what they mean to people are stored one after the other instead of together
run      every attempt to start a run has a key of its own
there    a run that is there already is taken for one that could not be started
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from alerts.delivery import Delivery
from alerts.message import Message
from alerts.retrain.target import Found, Target
from alerts.routes.contract import Outcome
from alerts.routes.webhook import Webhook
from drift.core.alert import Notice, NoticeState, Run
from drift.core.commit import EvaluationCommit
from drift.store import Store


def pull(tooth: str) -> None:
    """Break one protection in this process."""
    _TEETH[tooth]()


def _order() -> None:
    def waiting(store: Store, receiver: str, now: int, limit: int = 100) -> list[Notice]:
        found = store.notices(receiver=receiver, state=NoticeState.WAITING, limit=10_000)
        return [one for one in found if one.not_before <= now][:limit]

    setattr(Store, "waiting", waiting)  # noqa: B010  here and below: a method of another signature in mypy's eyes


def _key() -> None:
    send = Webhook.send

    def sent(route: Webhook, message: Message) -> Outcome:
        return send(route, replace(message, key=uuid.uuid4().hex))

    setattr(Webhook, "send", sent)  # noqa: B010


def _early() -> None:
    attempt = Delivery._attempt

    def marked(delivery: Delivery, notice: Notice, end: float) -> None:
        delivery._store.sent(notice.id, delivery._clock.now())
        attempt(delivery, notice, end)

    setattr(Delivery, "_attempt", marked)  # noqa: B010


def _apart() -> None:
    commit = Store.commit_evaluation

    def first_one(store: Store, batch: EvaluationCommit) -> None:
        commit(store, replace(batch, alerting=None))
        if batch.alerting is not None:
            store.commit_alerting(batch.lease, batch.alerting)

    setattr(Store, "commit_evaluation", first_one)  # noqa: B010


def _run() -> None:
    start = Target.start

    def started(target: Target, run: Run) -> Found | Outcome:
        return start(target, replace(run, key=f"{run.key}-{run.tries}"))

    setattr(Target, "start", started)  # noqa: B010


def _there() -> None:
    made = Target.__init__

    def blind(target: Target, trigger: Any, *rest: Any) -> None:
        made(target, replace(trigger, lookups=(), there=frozenset()), *rest)

    setattr(Target, "__init__", blind)  # noqa: B010


_TEETH: Final[Mapping[str, Callable[[], None]]] = {
    "order": _order, "key": _key, "early": _early, "apart": _apart, "run": _run, "there": _there,
}  # fmt: skip
TEETH: Final = tuple(_TEETH)
