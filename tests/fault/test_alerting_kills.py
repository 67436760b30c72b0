"""SIGKILL at any moment loses no alert, no message and no run: `drift serve`, real databases, receivers that misbehave.

flapping events ──> file ──> drift serve ──> SQLite | PostgreSQL        killed again and again
                                  └──> two receivers, one of them nasty
The same events once more without any kill say what has to come out.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.fault import telltale
from tests.fault.flapping import Flaps
from tests.fault.harness import Zygote
from tests.fault.mailbox import GOOD
from tests.fault.oncall import OnCall, Told
from tests.fault.runner import RUNNING, TELLING
from tests.rig.proc import wait_until

NewOnCall = Callable[..., OnCall]
Undisturbed = Callable[[Flaps], Told]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
LONG = Flaps.draw(seed=5, n=450)
MIDDLE = Flaps.draw(seed=6, n=180)
SHORT = Flaps.draw(seed=7, n=40)


@pytest.fixture(scope="module")
def undisturbed(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What has to come out: the same events, nobody killed, all windows known from the start."""
    known: dict[int, Told] = {}

    def told(flaps: Flaps) -> Told:
        if flaps.seed not in known:
            folder = tmp_path_factory.mktemp("plain")
            with OnCall.open(zygote, folder, f"sqlite:///{folder / 'plain.db'}", flaps, GOOD, trigger=False) as plain:
                plain.finish(slices=64)
                assert plain.deaths.other == []
                known[flaps.seed] = plain.told()
                assert telltale.wrong(plain, known[flaps.seed]) == []
        return known[flaps.seed]

    return told


@pytest.fixture
def on_call(zygote: Zygote, tmp_path: Path) -> Iterator[NewOnCall]:
    """`on_call(url, flaps)`: a store, a file and receivers of their own."""
    with ExitStack() as stack:
        yield lambda url, flaps: stack.enter_context(OnCall.open(zygote, tmp_path, url, flaps))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an empty database of this test's own."""
    return f"sqlite:///{tmp_path / 'drift.db'}"


def report(run: OnCall, told: Told) -> str:
    """What a test went through, for people."""
    return (
        f"{run.deaths.kills} kills at random, {run.under_way} of them in the middle of a send; "
        f"{sum(run.deaths.points.values())} at failpoints; {len(told.incidents)} incidents, {len(told.notices)} "
        f"notices, {run.arrivals} requests, {telltale.duplicates(run)} of them duplicates; {len(told.runs)} runs"
    )


@pytest.mark.parametrize(("database", "flaps", "kills"), [("sqlite_url", LONG, 200), ("pg_url", MIDDLE, 40)])
def test_kills_at_random_lose_nothing(
    request: pytest.FixtureRequest, on_call: NewOnCall, undisturbed: Undisturbed, database: str, flaps: Flaps,
    kills: int,
) -> None:  # fmt: skip
    expected = undisturbed(flaps)
    assert len(expected.incidents) > len(flaps.windows) // 5
    run = on_call(request.getfixturevalue(database), flaps)
    for number in range(kills):
        run.show(len(flaps.windows) * (number + 2) // (kills + 2))
        run.kill(run.start())
    alive = run.arrivals
    run.finish()
    said = report(run, run.told())
    print(said)  # noqa: T201
    assert (run.deaths.kills, run.deaths.other) == (kills, [])
    assert telltale.wrong(run, expected) == []
    assert run.under_way >= kills // 20, said
    assert telltale.duplicates(run) > kills // 10, said
    assert alive > len(expected.notices) // 2, "most was told by processes that were killed"


@pytest.mark.parametrize("database", ["sqlite_url", "pg_url"])
def test_death_at_every_step_loses_nothing(
    request: pytest.FixtureRequest, on_call: NewOnCall, undisturbed: Undisturbed, database: str
) -> None:
    expected, points = undisturbed(MIDDLE), [*(f"{one}:{n}" for one in TELLING for n in (1, 1, 2)), *RUNNING * 2]
    Random(7).shuffle(points)
    run = on_call(request.getfixturevalue(database), MIDDLE)
    for point in points:
        run.fall(point, windows=3)
    run.finish()
    said = report(run, run.told())
    print(said)  # noqa: T201
    assert run.deaths.other == []
    assert run.deaths.points == dict.fromkeys(TELLING, 3) | dict.fromkeys(RUNNING, 2)
    assert telltale.wrong(run, expected) == []


@pytest.mark.parametrize(
    ("tooth", "says"),
    [
        ("order", "overtook another of incident:"),
        ("key", "nobody queued "),
        ("early", "was lost: it came "),
        ("apart", "message "),
        ("run", "nobody asked for the run "),
        ("there", "could not be started"),
    ],
)
def test_without_its_protection_it_fails(
    on_call: NewOnCall, undisturbed: Undisturbed, sqlite_url: str, tooth: str, says: str
) -> None:
    found = wronged(on_call(sqlite_url, SHORT), undisturbed, tooth)
    assert any(says in one for one in found), found[:3]


def test_with_its_protections_the_same_fails_nowhere(
    on_call: NewOnCall, undisturbed: Undisturbed, sqlite_url: str
) -> None:
    assert wronged(on_call(sqlite_url, SHORT), undisturbed) == []


def wronged(run: OnCall, undisturbed: Undisturbed, tooth: str = "") -> list[str]:
    """What is wrong after two deaths within a transaction, and with a target whose first answers are lost."""
    expected = undisturbed(SHORT)
    assert run.airflow is not None
    run.airflow.lose = 5
    for _ in range(2):
        run.fall("evaluate: COMMIT notices", windows=8, tooth=tooth)
    run.finish(tooth=tooth)
    assert run.deaths.points.total() == 2
    return telltale.wrong(run, expected)


@pytest.mark.parametrize(
    "fault",
    ["evaluate: INSERT notices:3:lose", "evaluate: COMMIT notices:2:lose", "after evaluate notices:2:lose",
     "after sent:5:lose", "after advance:3:lose"],
)  # fmt: skip
def test_a_store_that_was_away_for_a_moment_costs_nothing(
    on_call: NewOnCall, undisturbed: Undisturbed, sqlite_url: str, fault: str
) -> None:
    """Rolled back, or committed without an answer: the same process goes on and is not ahead of its store."""
    expected, run = undisturbed(SHORT), on_call(sqlite_url, SHORT)
    run.show(len(SHORT.windows))
    child = run.start(fault=fault)
    run.settle([child])
    assert f"FAULT {fault.partition(':')[0]}" in child.output
    assert run.deaths.other == []
    assert telltale.wrong(run, expected) == []


@pytest.mark.parametrize("fault", ["before send:3:stop", "before send:7:stop", "after send:6:stop"])
def test_a_server_that_stood_still_in_a_send_overtakes_nobody(
    on_call: NewOnCall, undisturbed: Undisturbed, pg_url: str, fault: str
) -> None:
    """Two servers: one stands still with the lease on delivery, the other goes on, then the first one wakes."""
    expected, run = undisturbed(SHORT), on_call(pg_url, SHORT)
    run.show(len(SHORT.windows))
    first = run.start(fault=fault)
    wait_until(first.stopped, 30, what="the first one stands still")
    before, second = run.arrivals, run.start(second=True)
    wait_until(lambda: run.arrivals > before + 14, 30, what="the second one delivers")
    first.send(signal.SIGCONT)
    run.settle([first, second])
    print(report(run, run.told()))  # noqa: T201
    assert run.deaths.other == []
    assert telltale.wrong(run, expected) == []
