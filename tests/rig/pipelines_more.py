"""More stubs of systems that retrain: Jenkins, GitHub Actions, Argo Workflows, Azure ML, a signed webhook."""

import json
from typing import Any

from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.rig.pipelines import Asked, RefusedError, Reply, Run, Stub, bearer, strict

WHSEC = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="


class Jenkins(Stub):
    """A parameterized job in a folder, and the queue. Undeclared parameters are left out; equal queued items merge."""

    declared = ("DRIFTSUM_KEY", "DRIFTSUM_MODEL", "DRIFTSUM_COLUMNS", "DRIFTSUM_WINDOW_START")

    def __init__(self) -> None:
        super().__init__()
        self.forgotten = False  # queue items, as five minutes after they left
        self.merged = 0

    def handle(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != "Basic Ym90OnRvaw==":  # bot:tok
            raise RefusedError(401, "Unauthorized")
        job = "/jenkins/job/ml/job/retrain"
        if (asked.method, asked.path) == ("POST", f"{job}/buildWithParameters"):
            return self._build(asked)
        if asked.method != "GET":
            raise RefusedError(405)
        if asked.path == "/jenkins/queue/api/json":
            return 200, {"items": [_listed(run, "id", run.id) for run in self.runs if not run.extra]}, {}
        if asked.path == f"{job}/api/json":
            return 200, {"builds": [_listed(run, "number", run.extra["number"]) for run in self.runs if run.extra]}, {}
        if asked.path.startswith("/jenkins/queue/item/"):
            return self._item(self.one(asked.path.split("/")[4]))
        number = asked.path.removeprefix(f"{job}/").removesuffix("/api/json")
        (run,) = [one for one in self.runs if str(one.extra.get("number")) == number]
        done = run.state != "running"
        result = run.state if done else run.extra.get("early")
        return 200, {"building": not done, "result": result, "url": self._url(run)}, {}

    def _build(self, asked: Asked) -> Reply:
        if asked.headers["content-type"] != "application/x-www-form-urlencoded":
            raise RefusedError(400, "This page expects a form submission")
        given = {name: asked.form.get(name, "") for name in self.declared}
        for run in self.runs:
            if run.given == given and not run.extra:
                self.merged += 1
                return 201, None, {"Location": f"{self.url}/jenkins/queue/item/{run.id}/"}
        run = Run(str(17 + len(self.runs)), given["DRIFTSUM_KEY"], given, "queued")
        self.runs.append(run)
        return 201, None, {"Location": f"http://jenkins.internal:8080/jenkins/queue/item/{run.id}/"}

    def _item(self, run: Run) -> Reply:
        if self.forgotten:
            raise RefusedError(404, "Not Found")
        if run.state == "cancelled":
            return 200, {"_class": "hudson.model.Queue$LeftItem", "cancelled": True, "why": None}, {}
        if run.extra:
            executable = {"number": run.extra["number"], "url": self._url(run)}
            return 200, {"cancelled": False, "executable": executable}, {}
        return 200, {"why": "Waiting for next available executor"}, {}

    def _url(self, run: Run) -> str:
        return f"http://jenkins.internal:8080/jenkins/job/ml/job/retrain/{run.extra['number']}/"


def _listed(run: Run, name: str, value: Any) -> dict[str, Any]:
    parameters = [{"name": one, "value": text} for one, text in run.given.items()]
    return {name: value, "actions": [{}, {"parameters": parameters}, {"_class": "hudson.model.CauseAction"}]}


class Github(Stub):
    """Dispatches of one workflow, whose `run-name` says the key; `old` servers answer 204."""

    declared = ("key", "model", "version", "window_start", "window_end", "columns", "evidence_url", "callback_url")

    def __init__(self, *, old: bool = False) -> None:
        super().__init__()
        self.old, self.hidden = old, 0  # so many lists do not show runs yet

    def handle(self, asked: Asked) -> Reply:
        bearer(asked, "ghp_token")
        if asked.headers.get("accept") != "application/vnd.github+json":
            raise RefusedError(415, "Must accept application/vnd.github+json")
        root = "/repos/acme/models/actions"
        if (asked.method, asked.path) == ("POST", f"{root}/workflows/retrain.yml/dispatches"):
            return self._dispatch(asked)
        if (asked.method, asked.path) == ("GET", f"{root}/workflows/retrain.yml/runs"):
            return self._list(asked)
        if asked.method == "GET" and asked.path.startswith(f"{root}/runs/"):
            return 200, self._shown(self.one(asked.path.removeprefix(f"{root}/runs/"))), {}
        raise RefusedError(404, "Not Found")

    def _dispatch(self, asked: Asked) -> Reply:
        known: dict[str, type] = {"inputs": dict, "return_run_details": bool}
        data = strict(asked, {"ref": str}, known)
        inputs = data["inputs"]
        if data["ref"] != "main":
            raise RefusedError(422, f"No ref found for: {data['ref']}")
        if inputs.keys() - set(self.declared) or len(inputs) > 25:
            raise RefusedError(422, f"Unexpected inputs provided: {sorted(inputs.keys() - set(self.declared))}")
        if not all(isinstance(value, str) for value in inputs.values()):
            raise RefusedError(422, "inputs are strings")
        run = Run(str(9_000_000_000 + len(self.runs)), inputs["key"], inputs, "queued")
        self.runs.append(run)
        if self.old or not data.get("return_run_details"):
            return 204, None, {}
        page = f"https://github.com/acme/models/actions/runs/{run.id}"
        details = {"workflow_run_id": int(run.id), "run_url": f"{self.url}/runs/{run.id}", "html_url": page}
        return 200, details, {}

    def _list(self, asked: Asked) -> Reply:
        if asked.query.get("event") != "workflow_dispatch" or int(asked.query["per_page"]) > 100:
            raise RefusedError(422)
        self.hidden -= 1
        shown = [] if self.hidden >= 0 else [self._shown(run) for run in self.runs]
        return 200, {"total_count": len(shown), "workflow_runs": shown}, {}

    def _shown(self, run: Run) -> dict[str, Any]:
        running = run.state in ("queued", "in_progress")
        return {
            "id": int(run.id),
            "display_title": f"retrain {run.key}",
            "status": run.state if running else "completed",
            "conclusion": None if running else run.state,
            "html_url": f"https://github.com/acme/models/actions/runs/{run.id}",
            "repository": {"filler": "x" * 12_000},  # as large as GitHub's
        }


class Argo(Stub):
    """The event endpoint: any JSON, `{}` back, 503 while its queue is full."""

    def handle(self, asked: Asked) -> Reply:
        bearer(asked, "argo-token")
        if (asked.method, asked.path) != ("POST", "/api/v1/events/ml/driftsum"):
            raise RefusedError(404, "Not Found")
        payload = asked.json
        self.runs.append(Run(str(len(self.runs)), payload.get("key", ""), payload))
        return 200, {}, {}


class Azure(Stub):
    """A batch endpoint, and the place where Entra makes its tokens. There is no key."""

    def handle(self, asked: Asked) -> Reply:
        if asked.path == "/tenant-1/oauth2/v2.0/token":
            return self._token(asked)
        bearer(asked, "entra-1")
        if (asked.method, asked.path) == ("POST", "/jobs"):
            return self._invoke(asked)
        run = self.one(asked.path.removeprefix("/jobs/"))
        return 200, {"id": f"{_JOBS}/{run.id}", "properties": {"status": run.state}, **run.extra}, {}

    def _token(self, asked: Asked) -> Reply:
        wanted = {
            "grant_type": "client_credentials", "client_id": "app-1", "client_secret": "entra-secret",
            "scope": "https://ml.azure.com/.default",
        }  # fmt: skip
        if asked.form != wanted:
            return 401, {"error": "invalid_client"}, {}
        return 200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "entra-1"}, {}

    def _invoke(self, asked: Asked) -> Reply:
        if asked.headers.get("azureml-model-deployment") not in (None, "blue"):
            raise RefusedError(404, "no such deployment")
        data = strict(asked, {"properties": dict}, {})
        inputs = data["properties"]["InputData"]
        for name, value in inputs.items():
            if value.keys() != {"JobInputType", "Value"} or value["JobInputType"] != "Literal":
                raise RefusedError(400, f"{name} is no literal")
            if not isinstance(value["Value"], str):
                raise RefusedError(400, f"{name} has no value")
        given = {name: value["Value"] for name, value in inputs.items()}
        run = Run(f"batchjob-{len(self.runs)}", json.loads(given["driftsum"])["key"], given, "NotStarted")
        self.runs.append(run)
        return 201, {"id": f"{_JOBS}/{run.id}", "name": run.id, "properties": {"status": run.state}}, {}


_JOBS = "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w/jobs"


class Webhook(Stub):
    """Verifies with the `standardwebhooks` package, and remembers ids, as the standard asks receivers to."""

    def handle(self, asked: Asked) -> Reply:
        try:
            event = Verifier(WHSEC).verify(asked.body, dict(asked.headers))
        except WebhookVerificationError as error:
            raise RefusedError(401, str(error)) from error
        if asked.headers["content-type"] != "application/cloudevents+json":
            raise RefusedError(415)
        if missing := {"specversion", "id", "source", "type"} - event.keys():
            raise RefusedError(400, f"no CloudEvent: {missing}")
        key = asked.headers["webhook-id"]
        if all(run.key != key for run in self.runs):
            self.runs.append(Run(str(len(self.runs)), key, event))
        return 202, None, {}
