"""A worker that stood still while another took over changes no sum when it goes on; the tests of it have teeth."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fault import scenarios
from tests.fault.harness import Run
from tests.fault.scenarios import Scenario

NewRun = Callable[..., Run]
CLIENTS = pytest.mark.parametrize("client", ["kafka-python", "confluent"])


@CLIENTS
@pytest.mark.parametrize("scenario", [scenarios.superseded, scenarios.superseded_within])
def test_a_worker_that_was_superseded_is_refused(new_run: NewRun, pg_url: str, client: str, scenario: Scenario) -> None:
    scenario(new_run(pg_url, client, seed=21), "")


def test_a_topic_made_anew_under_a_stopped_worker(new_run: NewRun, pg_url: str) -> None:
    scenarios.made_anew(new_run(pg_url, "confluent", seed=22), "")


@pytest.mark.parametrize("scenario", [scenarios.answer_lost, scenarios.killed_between])
def test_a_commit_that_was_cut_off(new_run: NewRun, tmp_path: Path, scenario: Scenario) -> None:
    scenario(new_run(f"sqlite:///{tmp_path / 'drift.db'}", "confluent", seed=23), "")


@pytest.mark.parametrize(
    ("tooth", "scenario"),
    [
        ("epoch", scenarios.made_anew),
        ("expected", scenarios.answer_lost),
        ("one", scenarios.killed_between),
    ],
)
def test_without_its_protection_a_scenario_fails(new_run: NewRun, pg_url: str, tooth: str, scenario: Scenario) -> None:
    with pytest.raises(AssertionError, match=r"pane .*: (rows|ints|missing|never was)"):
        scenario(new_run(pg_url, "confluent", seed=24), tooth)
