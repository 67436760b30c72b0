"""The digest of a week: what it says of whom."""

from dataclasses import replace
from itertools import takewhile
from typing import Any

from alerts.message import Change, Message, Status
from drift.core.alert import Incident, Run, RunState, Told, Urgency
from drift.core.clock import DAY
from drift.service.digest import LISTED, Raised, Week, digest
from tests.rig.alerted import incident, run
from tests.rig.storing import T0

START, END = T0, T0 + 7 * DAY


def one(number: int, on: int = T0 + DAY, *, told: bool = True, **changes: Any) -> Incident:
    mine = (Told("oncall", "firing", Urgency.PAGE, on, 1, 2),) if told else ()
    return replace(incident(number), title=f"credit: c{number} moved", opened_on=on, told=mine, **changes)


def week(*incidents: Incident, **changes: Any) -> Week:
    return Week(START, END, incidents, models={7: "credit"}, **changes)


def lines(*incidents: Incident, **changes: Any) -> list[str]:
    return digest(week(*incidents, **changes)).text.splitlines()


def under(found: list[str], heading: str) -> list[str]:
    """The list below a heading."""
    at = next(i for i, line in enumerate(found) if line.startswith(heading))
    rest = found[at + 1 :]
    return list(takewhile(lambda line: line.startswith("- "), rest))


def test_a_quiet_week() -> None:
    message = digest(week(), link="https://drift.example")
    assert message.text == "Nobody was paged.\nNothing is open."
    assert message.title == "Drift from Mon 23 Nov 00:00 to Mon 30 Nov 00:00: 0 pages, 0 open"
    assert (message.change, message.status, message.urgency) == (Change.DIGEST, Status.NOTE, Urgency.INFO)
    assert (message.incident, message.model, message.link) == (0, "", "https://drift.example")
    assert Message.load(message.dump()) == message


def test_the_key_is_the_weeks() -> None:
    assert digest(week()).key == digest(week(one(1))).key
    assert digest(week()).key != digest(replace(week(), start=START + 1)).key


def test_what_paged_and_what_was_only_told() -> None:
    found = lines(
        one(1), one(2, urgency=Urgency.WARNING), one(3, resolved_at=T0 + DAY, resolution="recovered"),
        one(4, acknowledged_by="ada"),
    )  # fmt: skip
    assert under(found, "Paged") == [
        "- #1 credit: c1 moved (page, since Mon 23 Nov 02:00, open)",
        "- #3 credit: c3 moved (page, since Mon 23 Nov 02:00, over: recovered)",
        "- #4 credit: c4 moved (page, since Mon 23 Nov 02:00, ada has it)",
    ]
    assert [line[:4] for line in under(found, "Told without paging")] == ["- #2"]
    assert [line[:4] for line in under(found, "Open now")] == ["- #1", "- #2", "- #4"]


def test_what_would_have_paged() -> None:
    hushed = replace(one(1, told=False), told=(Told("*", "silence 4 by ada", Urgency.PAGE, T0, 0),))
    found = lines(hushed, one(2, told=False, silent=True), one(3, told=False, urgency=Urgency.INFO))
    assert under(found, "Would have been told") == [
        "- #1 credit: c1 moved (page, since Mon 23 Nov 02:00, open; silence 4 by ada)",
        "- #2 credit: c2 moved (page, since Mon 23 Nov 02:00, open; a backfill)",
    ]
    assert found[0] == "Nobody was paged."


def test_what_was_opened_before_is_open_but_did_not_page_this_week() -> None:
    message = digest(week(one(1, START - 1), one(2, END)))
    assert message.title.endswith("0 pages, 2 open")
    assert message.text.startswith("Nobody was paged.\nOpen now:")


def test_runs_and_budgets() -> None:
    runs: list[Run] = [
        replace(run(), id=3, state=RunState.FAILED, error="no rows"),
        replace(run(), id=2, state=RunState.DENIED, why="not now"),
    ]
    raised = {"credit": Raised(3, 1, "1 per 30d"), "churn": Raised(0, 0, "2 per 7d"), "odd": Raised(1, 0, "?")}
    found = lines(runs=runs, raised=raised)
    assert under(found, "Retraining") == [
        "- run 3 of credit by airflow failed: no rows", "- run 2 of credit by airflow denied: not now",
    ]  # fmt: skip
    assert under(found, "Alarms against the budget") == [
        "- churn: 0 pages and 0 warnings raised; 2 per 7d allows 2 false ones in these days",
        "- credit: 3 pages and 1 warning raised; 1 per 30d allows 0.23 false ones in these days",
        "- odd: 1 page and 0 warnings raised",
    ]


def test_long_lists_are_cut() -> None:
    found = under(lines(*(one(n) for n in range(1, LISTED + 4))), "Paged")
    assert len(found) == LISTED + 1
    assert found[-1] == "- and 3 more"


def test_a_nameless_incident_of_the_service() -> None:
    found = lines(replace(one(1), title="", model_id=0))
    assert "- #1 the service (page" in found[1]
