"""Stub servers of systems that retrain. Each enforces what the real one's published contract says: credentials, fields
that must or must not be there, status codes; and keeps runs, so that two of one key can be counted."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.rig.receiver import Receiver, cut, reply

Reply = tuple[int, Any, dict[str, str]]


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str  # decoded
    raw: str  # as it was sent, with the query
    query: dict[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """The body, which is a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


@dataclass
class Run:
    """A run that the stub was made to start."""

    id: str
    key: str
    given: Any
    state: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


class RefusedError(Exception):
    """What the real one would refuse."""

    def __init__(self, status: int, said: Any = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, said)
        self.reply: Reply = (status, {"detail": said}, dict(headers or {}))


class Stub(Receiver):
    """Base of all: `lose` answers are dropped after the request was carried out; `busy` answers are `503`s."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Asked] = []
        self.runs: list[Run] = []
        self.lose = self.busy = 0
        self.busy_status, self.busy_headers = 503, dict[str, str]()

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        asked = Asked(handler.command, unquote(parts.path), handler.path, query, headers, body)
        self.asked.append(asked)
        before = len(self.runs)
        status, data, extra = self._replied(asked)
        if len(self.runs) > before and self.lose > 0:
            self.lose -= 1
            return cut(handler)
        text = b"" if data is None else json.dumps(data).encode()
        return reply(handler, status, text, {"Content-Type": "application/json", **extra})

    def _replied(self, asked: Asked) -> Reply:
        if asked.method == "POST" and self.busy > 0 and self.starts(asked):
            self.busy -= 1
            return self.busy_status, None, self.busy_headers
        try:
            return self.handle(asked)
        except RefusedError as refused:
            return refused.reply

    def starts(self, asked: Asked) -> bool:
        """Whether a request is one that starts runs."""
        return "token" not in asked.path

    def handle(self, asked: Asked) -> Reply:
        """Do as the real one does."""
        raise NotImplementedError

    def one(self, run_id: str) -> Run:
        """The run of an id."""
        found = [run for run in self.runs if run.id == run_id]
        if not found:
            raise RefusedError(404, f"{run_id} was not found")
        return found[0]

    @property
    def started(self) -> Asked:
        """The only request that started a run."""
        (found,) = [one for one in self.asked if one.method == "POST" and self.starts(one)]
        return found


def bearer(asked: Asked, token: str) -> None:
    """Refuse everybody else."""
    if asked.headers.get("authorization") != f"Bearer {token}":
        raise RefusedError(401, "Not authenticated")


def strict(asked: Asked, required: Mapping[str, type], optional: Mapping[str, type]) -> dict[str, Any]:
    """A JSON body with these fields and no others."""
    if not asked.headers.get("content-type", "").startswith("application/json"):
        raise RefusedError(415, "application/json is expected")
    data: dict[str, Any] = asked.json
    for name in required.keys() - data.keys():
        raise RefusedError(422, f"{name}: Field required")
    kinds = {**required, **optional}
    for name, value in data.items():
        if name not in kinds:
            raise RefusedError(422, f"{name}: Extra inputs are not permitted")
        if value is not None and not isinstance(value, kinds[name]):
            raise RefusedError(422, f"{name}: {value!r} is no {kinds[name].__name__}")
    return data


class Airflow(Stub):
    """Airflow 3's `/api/v2` and `/auth/token`, or with `version=2` `/api/v1` and basic auth, as its sources say."""

    def __init__(self, version: int = 3) -> None:
        super().__init__()
        self.version, self.paused, self.tokens = version, False, 0
        self.dag = "retrain"

    def handle(self, asked: Asked) -> Reply:
        if self.version == 3 and (asked.method, asked.path) == ("POST", "/auth/token"):
            return self._token(asked)
        self._known(asked)
        root = f"/api/{'v2' if self.version == 3 else 'v1'}/dags/{self.dag}"
        if not asked.path.startswith(root):
            raise RefusedError(404, "The Dag was not found")
        rest = asked.path.removeprefix(root)
        if asked.method == "GET" and not rest:
            return 200, {"dag_id": self.dag, "is_paused": self.paused}, {}
        if asked.method == "POST" and rest == "/dagRuns":
            return self._trigger(asked)
        if asked.method == "GET" and rest.startswith("/dagRuns/"):
            run = self.one(rest.removeprefix("/dagRuns/"))
            return 200, {"dag_run_id": run.id, "dag_id": self.dag, "state": run.state}, {}
        raise RefusedError(405)

    def _token(self, asked: Asked) -> Reply:
        data = strict(asked, {"username": str, "password": str}, {})
        if (data["username"], data["password"]) != ("drift", "s3cret"):
            raise RefusedError(401, "Invalid credentials")
        self.tokens += 1
        return 201, {"access_token": f"token-{self.tokens}"}, {}

    def _known(self, asked: Asked) -> None:
        if self.version == 3:
            return bearer(asked, f"token-{self.tokens}")
        if asked.headers.get("authorization") != "Basic ZHJpZnQ6czNjcmV0":
            raise RefusedError(401, "Unauthorized")
        return None

    def _trigger(self, asked: Asked) -> Reply:
        three = self.version == 3
        data = strict(
            asked,
            {"logical_date": str} if three else {},
            {"dag_run_id": str, "conf": dict, "note": str, **({} if three else {"logical_date": str})},
        )
        key = data["dag_run_id"]
        if ".." in key or not all(char.isalnum() or char in "_.~:+-" for char in key):
            raise RefusedError(400, f"The run_id {key!r} must not contain '..' to prevent path traversal")
        if any(run.id == key for run in self.runs):
            raise RefusedError(409, {"reason": "Unique constraint violation"})
        self.runs.append(Run(key, key, data["conf"], "queued"))
        return 200, {"dag_run_id": key, "dag_id": self.dag, "state": "queued", "conf": data["conf"]}, {}


class Kubeflow(Stub):
    """Kubeflow Pipelines' run service, v2beta1, behind `/pipeline`; it has no field for a key."""

    def handle(self, asked: Asked) -> Reply:
        bearer(asked, "kfp-token")
        root = "/pipeline/apis/v2beta1/runs"
        if (asked.method, asked.path) == ("POST", root):
            return self._create(asked)
        if (asked.method, asked.path) == ("GET", root):
            return self._list(asked)
        run = self.one(asked.path.removeprefix(f"{root}/"))
        return 200, {"run_id": run.id, "display_name": run.key, "state": run.state, **run.extra}, {}

    def _create(self, asked: Asked) -> Reply:
        data = strict(
            asked,
            {"display_name": str, "pipeline_version_reference": dict},
            {"description": str, "experiment_id": str, "runtime_config": dict, "service_account": str},
        )
        if data["pipeline_version_reference"].keys() - {"pipeline_id", "pipeline_version_id"}:
            raise RefusedError(400, "unknown field in pipeline_version_reference")
        if data["pipeline_version_reference"].get("pipeline_id") != "p-1":
            raise RefusedError(404, "pipeline not found")
        if data.get("runtime_config", {}).keys() - {"parameters", "pipeline_root"}:
            raise RefusedError(400, "unknown field in runtime_config")
        run = Run(f"run-{len(self.runs)}", data["display_name"], data["runtime_config"]["parameters"], "PENDING")
        self.runs.append(run)
        return 200, {"run_id": run.id, "display_name": run.key, "state": run.state}, {}

    def _list(self, asked: Asked) -> Reply:
        (wanted,) = json.loads(asked.query["filter"])["predicates"]
        if wanted.keys() != {"operation", "key", "string_value"} or wanted["operation"] != "EQUALS":
            raise RefusedError(400, "the filter cannot be parsed")
        if wanted["key"] not in ("name", "display_name"):
            raise RefusedError(400, f"cannot filter by {wanted['key']}")
        found = [run for run in self.runs if run.key == wanted["string_value"]]
        return 200, {"runs": [{"run_id": run.id, "display_name": run.key} for run in found]} if found else {}, {}


Turn = Callable[[Run], None]
"""Changes a run as its system would in the course of time."""
