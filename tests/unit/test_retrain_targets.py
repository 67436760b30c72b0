"""Every preset against a server that enforces its system's published contract, request by request."""

import json
from dataclasses import replace

import pytest

from alerts.retrain.target import UNKNOWN, Found, Progress
from alerts.routes.contract import Fate, Outcome
from drift.core.alert import Run, RunState
from tests.rig.pipelines import Airflow, Asked, Reply
from tests.rig.pipelines import Run as Theirs
from tests.rig.pipelines_more import Github
from tests.rig.retrain import KEY, Wired, run, wired

FOLLOWED = ("airflow", "kubeflow", "jenkins", "github", "azureml")
KEYED = ("airflow", "kubeflow", "jenkins", "github")
ALL = (*FOLLOWED, "argo", "webhook")
HOSTILE = (
    '"},{"x":"',
    "../../",
    "..",
    "a\nb\r\nX-Evil: 1",
    "{key}",
    "{{model}}",
    "%2e%2e/",
    "ü ✓ \u2028",
    "\x00\x1b",
    "",
)


def started(one: Wired, given: Run | None = None) -> Run:
    """A run that was started."""
    given = given or run()
    found = one.target.start(given)
    assert isinstance(found, Found), found
    return replace(given, state=RunState.RUNNING, external_id=found.external_id, url=found.url, started_at=1)


def followed(one: Wired, given: Run) -> Progress:
    """What its target says of it."""
    progress = one.target.follow(given)
    assert isinstance(progress, Progress), progress
    return progress


class TestAirflow:
    @pytest.mark.parametrize("version", [3, 2])
    def test_field_by_field(self, version: int) -> None:
        with wired("airflow", Airflow(version), more={"version": version}) as one:
            begun = started(one)
            sent = one.stub.started
        assert sent.path == ("/api/v2" if version == 3 else "/api/v1") + "/dags/retrain/dagRuns"
        body = sent.json
        assert body.pop("conf")["columns"][0]["sentence"] == "income is higher"
        assert body.pop("note") == "Driftsum: credit: income is higher"
        assert body == {"dag_run_id": KEY} | ({"logical_date": None} if version == 3 else {})
        assert begun.external_id == KEY
        page = f"/dags/retrain/runs/{KEY}" if version == 3 else f"/dags/retrain/grid?dag_run_id={KEY}"
        assert begun.url == one.stub.url + page
        assert [(ask.method, ask.path.split("/dags")[-1]) for ask in one.stub.asked if "token" not in ask.path] == [
            ("GET", f"/retrain/dagRuns/{KEY}"), ("GET", "/retrain"), ("POST", "/retrain/dagRuns"),
        ]  # fmt: skip

    def test_to_its_end(self) -> None:
        with wired("airflow") as one:
            begun = started(one)
            assert followed(one, begun).state is RunState.RUNNING
            one.turn("running")
            assert followed(one, begun).word == "running"
            one.turn("success")
            assert followed(one, begun).state is RunState.SUCCEEDED
            one.turn("failed")
            assert followed(one, begun).state is RunState.FAILED

    def test_the_same_key_again_starts_nothing(self) -> None:
        with wired("airflow") as one:
            first, second = started(one), started(one)
            assert len(one.stub.runs) == 1
            assert second.external_id == first.external_id

    def test_409_means_that_it_is_there(self) -> None:
        """Somebody was faster than our question."""
        with wired("airflow") as one:
            one.stub.runs.append(Theirs(KEY, KEY, {}, "running"))
            handle, missed = one.stub.handle, list[Asked]()

            def late(asked: Asked) -> Reply:
                if asked.path.endswith(f"/dagRuns/{KEY}") and not missed:
                    missed.append(asked)
                    return 404, {}, {}
                return handle(asked)

            one.stub.handle = late  # type: ignore[method-assign]
            found = one.target.start(run())
        assert missed
        assert found == Found(KEY, f"{one.stub.url}/dags/retrain/runs/{KEY}", earlier=True)
        assert len(one.stub.runs) == 1
        assert [ask.method for ask in one.stub.asked if ask.path.endswith("/dagRuns")] == ["POST"]

    def test_a_paused_dag_is_said_so_and_nothing_is_started(self) -> None:
        with wired("airflow") as one:
            assert isinstance(one.stub, Airflow)
            one.stub.paused = True
            outcome = one.target.start(run())
            assert outcome == Outcome(
                Fate.AGAIN, "the DAG retrain is paused: it would take the run and not start it; unpause it"
            )
            assert not one.stub.runs
            one.stub.paused = False
            started(one)

    def test_a_token_that_ran_out_is_made_anew(self) -> None:
        with wired("airflow") as one:
            begun = started(one)
            assert isinstance(one.stub, Airflow)
            one.stub.tokens += 1  # ours is none any more
            assert followed(one, begun).state is RunState.RUNNING
            assert one.stub.tokens == 3

    def test_wrong_credentials(self) -> None:
        with wired("airflow", more={"username": "eve"}) as one:
            outcome = one.target.start(run())
        assert isinstance(outcome, Outcome)
        assert outcome.detail == "no access token for these credentials (401); check user and secret"
        assert not one.stub.runs

    def test_a_dag_that_there_is_not(self) -> None:
        with wired("airflow", more={"dag": "other"}) as one:
            outcome = one.target.start(run())
        assert outcome == Outcome(Fate.REFUSED, "looking whether it can be started: 404 Not Found")


class TestKubeflow:
    def test_field_by_field(self) -> None:
        more = {"pipeline_version": "v-2", "service_account": "trainer"}
        with wired("kubeflow", more=more) as one:
            begun = started(one)
            sent = one.stub.started.json
        assert sent.pop("runtime_config")["parameters"]["driftsum"]["key"] == KEY
        assert sent == {
            "display_name": KEY, "description": "credit: income is higher", "experiment_id": "e-1",
            "pipeline_version_reference": {"pipeline_id": "p-1", "pipeline_version_id": "v-2"},
            "service_account": "trainer",
        }  # fmt: skip
        assert begun.external_id == "run-0"
        assert begun.url == f"{one.stub.url}/pipeline/#/runs/details/run-0"

    @pytest.mark.parametrize(
        ("word", "state"), [("SUCCEEDED", "succeeded"), ("FAILED", "failed"), ("PAUSED", "running")]
    )
    def test_to_its_end(self, word: str, state: str) -> None:
        with wired("kubeflow") as one:
            begun = started(one)
            one.turn(word)
            one.stub.runs[0].extra = {"error": {"code": 2, "message": "out of\nmemory"}} if word == "FAILED" else {}
            progress = followed(one, begun)
        assert progress.state.value == state
        assert progress.error == ("out of memory" if word == "FAILED" else "")


class TestJenkins:
    def test_field_by_field(self) -> None:
        with wired("jenkins") as one:
            begun = started(one)
            sent = one.stub.started
        assert sent.path == "/jenkins/job/ml/job/retrain/buildWithParameters"
        assert sent.form == {
            "DRIFTSUM_KEY": KEY, "DRIFTSUM_MODEL": "credit", "DRIFTSUM_VERSION": "3", "DRIFTSUM_SEVERITY": "page",
            "DRIFTSUM_INCIDENT": "7", "DRIFTSUM_WINDOW_START": "2026-11-20T10:00:00Z",
            "DRIFTSUM_WINDOW_END": "2026-11-23T11:00:00Z", "DRIFTSUM_COLUMNS": "income,age",
            "DRIFTSUM_EVIDENCE_URL": "https://drift.example/v1/incidents/7",
            "DRIFTSUM_DATA_URL": "https://drift.example/v1/windows?model=credit",
            "DRIFTSUM_CALLBACK_URL": "https://drift.example/v1/runs/5/ended",
        }  # fmt: skip
        assert begun.external_id == "queue/17"

    def test_from_the_queue_to_the_build_to_its_end(self) -> None:
        with wired("jenkins") as one:
            begun = started(one)
            assert followed(one, begun).found.external_id == "queue/17"
            one.stub.runs[0].extra = {"number": 41, "early": "FAILURE"}
            one.turn("running")
            building = followed(one, begun)
            assert building.found.external_id == "build/41"
            assert building.found.url.endswith("/job/retrain/41/")
            begun = replace(begun, external_id="build/41")
            assert followed(one, begun).state is RunState.RUNNING, "a result while it builds is none"
            one.turn("SUCCESS")
            assert followed(one, begun).state is RunState.SUCCEEDED
            one.turn("ABORTED")
            assert followed(one, begun).state is RunState.FAILED

    def test_cancelled_in_the_queue(self) -> None:
        with wired("jenkins") as one:
            begun = started(one)
            one.turn("cancelled")
            assert followed(one, begun).state is RunState.FAILED

    def test_a_queue_item_that_was_forgotten_is_found_as_a_build(self) -> None:
        with wired("jenkins") as one:
            begun = started(one)
            one.stub.runs[0].extra = {"number": 41}
            one.stub.forgotten = True  # type: ignore[attr-defined]
            assert followed(one, begun).found.external_id == "build/41"

    def test_two_incidents_of_one_model_are_not_merged(self) -> None:
        with wired("jenkins") as one:
            started(one)
            started(one, run(key=KEY + "8"))
            assert (len(one.stub.runs), one.stub.merged) == (2, 0)  # type: ignore[attr-defined]


class TestGithub:
    def test_field_by_field(self) -> None:
        with wired("github") as one:
            begun = started(one)
            sent = one.stub.started
        assert sent.headers["x-github-api-version"] == "2022-11-28"
        assert sent.json == {
            "ref": "main", "return_run_details": True,
            "inputs": {
                "key": KEY, "model": "credit", "version": "3", "window_start": "2026-11-20T10:00:00Z",
                "window_end": "2026-11-23T11:00:00Z", "columns": "income,age",
                "evidence_url": "https://drift.example/v1/incidents/7",
                "callback_url": "https://drift.example/v1/runs/5/ended",
            },
        }  # fmt: skip
        assert begun.external_id == "9000000000"
        assert begun.url == "https://github.com/acme/models/actions/runs/9000000000"

    def test_a_server_that_answers_204(self) -> None:
        stub = Github(old=True)
        with wired("github", stub) as one:
            begun = started(one)
            assert begun.external_id == ""
            stub.hidden = 1
            assert one.target.follow(begun) == Outcome(Fate.AGAIN, UNKNOWN)
            assert followed(one, begun).found.external_id == "9000000000"

    @pytest.mark.parametrize(
        ("word", "state"), [("success", "succeeded"), ("timed_out", "failed"), ("in_progress", "running")]
    )
    def test_to_its_end(self, word: str, state: str) -> None:
        with wired("github") as one:
            begun = started(one)
            one.turn(word)
            assert followed(one, begun).state.value == state

    def test_its_rate_limit_is_waited_for(self) -> None:
        with wired("github") as one:
            one.stub.busy, one.stub.busy_status, one.stub.busy_headers = 1, 403, {"Retry-After": "60"}
            assert one.target.start(run()) == Outcome(Fate.AGAIN, "starting the run: 403 Forbidden", 60.0)

    def test_found_among_thirty_large_ones(self) -> None:
        with wired("github") as one:
            for n in range(29):
                started(one, run(key=f"{KEY}-{n}"))
            begun = started(one)
            again = started(one)
        assert again.external_id == begun.external_id
        assert len(one.stub.runs) == 30


class TestArgo:
    def test_field_by_field(self) -> None:
        with wired("argo") as one:
            begun = started(one)
            sent = one.stub.started
        assert sent.raw == "/api/v1/events/ml/driftsum"
        assert sent.json["model"] == "credit"
        assert sent.json["callback_url"] == "https://drift.example/v1/runs/5/ended"
        assert begun.external_id == KEY
        assert not one.target.trigger.stages

    def test_a_full_queue(self) -> None:
        with wired("argo") as one:
            one.stub.busy = 1
            assert one.target.start(run()) == Outcome(Fate.AGAIN, "starting the run: 503 Service Unavailable")


class TestAzure:
    def test_field_by_field(self) -> None:
        with wired("azureml") as one:
            begun = started(one)
            sent = one.stub.started
        assert sent.headers["azureml-model-deployment"] == "blue"
        (value,) = sent.json["properties"]["InputData"].values()
        assert json.loads(value["Value"])["columns"][1]["column"] == "age"
        assert begun.external_id == "batchjob-0"

    @pytest.mark.parametrize(
        ("word", "state"), [("Completed", "succeeded"), ("Failed", "failed"), ("Running", "running")]
    )
    def test_to_its_end(self, word: str, state: str) -> None:
        with wired("azureml") as one:
            begun = started(one)
            one.turn(word)
            assert followed(one, begun).state.value == state

    def test_one_token_for_many_requests(self) -> None:
        with wired("azureml") as one:
            begun = started(one)
            for _ in range(3):
                followed(one, begun)
            assert sum("token" in ask.path for ask in one.stub.asked) == 1


class TestWebhook:
    def test_a_signed_cloud_event(self) -> None:
        with wired("webhook") as one:
            started(one)
        event = one.stub.runs[0].given
        assert event.pop("data")["onset"] == "2026-11-20T10:00:00Z"
        assert event == {
            "specversion": "1.0", "id": KEY, "source": "/driftsum", "type": "io.driftsum.retrain.v1",
            "subject": "model/credit", "time": "2026-11-18T11:06:40Z", "datacontenttype": "application/json",
        }  # fmt: skip

    def test_an_altered_byte_does_not_verify(self) -> None:
        with wired("webhook") as one:
            handle = one.stub.handle
            one.stub.handle = lambda asked: handle(replace(asked, body=asked.body.replace(b"credit", b"kredit", 1)))  # type: ignore[method-assign]
            outcome = one.target.start(run())
        assert outcome == Outcome(Fate.REFUSED, "starting the run: 401 Unauthorized")
        assert not one.stub.runs


@pytest.mark.parametrize("preset", ALL)
class TestEach:
    def test_a_lost_answer_is_asked_for_again(self, preset: str) -> None:
        with wired(preset) as one:
            one.stub.lose = 1
            lost = one.target.start(run())
            assert isinstance(lost, Outcome)
            assert lost.fate is Fate.AGAIN
            started(one)
            keys = {made.key for made in one.stub.runs}
        assert keys == {KEY}, "duplicates carry the same key"
        if preset in (*KEYED, "webhook"):
            assert len(one.stub.runs) == 1

    def test_away(self, preset: str) -> None:
        with wired(preset) as one:
            pass
        outcome = one.target.start(run())
        assert isinstance(outcome, Outcome)
        assert outcome.fate is Fate.AGAIN

    @pytest.mark.parametrize("status", [500, 502, 503, 429])
    def test_later(self, preset: str, status: int) -> None:
        with wired(preset) as one:
            one.stub.busy, one.stub.busy_status, one.stub.busy_headers = 1, status, {"Retry-After": "9"}
            outcome = one.target.start(run())
            assert isinstance(outcome, Outcome)
            assert (outcome.fate, outcome.retry_after) == (Fate.AGAIN, 9.0)
            assert not one.stub.runs
            started(one)

    @pytest.mark.parametrize("status", [301, 400, 404, 422])
    def test_never(self, preset: str, status: int) -> None:
        with wired(preset) as one:
            one.stub.busy, one.stub.busy_status = 1, status
            one.stub.busy_headers = {"Location": "http://localhost:1/"}
            outcome = one.target.start(run())
        assert isinstance(outcome, Outcome)
        assert outcome.fate is Fate.REFUSED

    @pytest.mark.parametrize("hostile", HOSTILE)
    def test_names_stay_values(self, preset: str, hostile: str) -> None:
        """What a model or column is called cannot become another field, path, header or parameter."""
        column = {"column": hostile, "sentence": hostile}
        with wired(preset) as one:
            begun = started(
                one, run(conf={"model": hostile, "title": hostile, "version": hostile, "columns": [column]})
            )
            sent = one.stub.started
            if preset in FOLLOWED:
                followed(one, begun)
        assert "x-evil" not in sent.headers
        given = one.stub.runs[0].given
        given = given["data"] if "specversion" in given else given
        given = given.get("driftsum", given)
        given = json.loads(given) if isinstance(given, str) else given
        found = given["model"] if "model" in given else given["DRIFTSUM_MODEL"]
        assert found == hostile
        assert {ask.raw.split("?")[0].replace(KEY, "KEY") for ask in one.stub.asked} == PATHS[preset]

    def test_no_secret_in_what_is_said(self, preset: str) -> None:
        with wired(preset) as one:
            assert not any(secret in repr(one.target.trigger) for secret in _secrets())
            one.stub.busy, one.stub.busy_status = 1, 400
            outcome = one.target.start(run())
        assert not any(secret in repr(outcome) for secret in _secrets())


PATHS = {
    "airflow": {
        "/auth/token", "/api/v2/dags/retrain", "/api/v2/dags/retrain/dagRuns", "/api/v2/dags/retrain/dagRuns/KEY",
    },
    "kubeflow": {"/pipeline/apis/v2beta1/runs", "/pipeline/apis/v2beta1/runs/run-0"},
    "jenkins": {
        "/jenkins/queue/api/json", "/jenkins/job/ml/job/retrain/api/json", "/jenkins/queue/item/17/api/json",
        "/jenkins/job/ml/job/retrain/buildWithParameters",
    },
    "github": {
        "/repos/acme/models/actions/workflows/retrain.yml/runs", "/repos/acme/models/actions/runs/9000000000",
        "/repos/acme/models/actions/workflows/retrain.yml/dispatches",
    },
    "argo": {"/api/v1/events/ml/driftsum"},
    "azureml": {"/tenant-1/oauth2/v2.0/token", "/jobs", "/jobs/batchjob-0"},
    "webhook": {"/retrain"},
}  # fmt: skip


def _secrets() -> list[str]:
    from tests.rig.retrain import SECRETS

    return [one for one in SECRETS.values() if one != "tok"]
