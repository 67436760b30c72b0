"""Apache Airflow 3 (`/api/v2`) and 2 (`/api/v1`): `dag_run_id` is the key, and 409 means that it is there already.

A paused DAG takes a run and never starts it, so that is asked before. Verified against Airflow 3.3: tests/pipelines.
"""

from typing import Literal, Self

from pydantic import model_validator

from alerts.options import Options
from alerts.retrain.settings import Name, Template, base, plain
from alerts.retrain.trigger import Auth, Basic, Bearer, Check, Exchange, Lookup, Preset, Request, Stage, Trigger
from alerts.secrets import Location, Secret


class AirflowOptions(Options):
    """A DAG of Apache Airflow."""

    url: Location
    """Of the API server: `https://airflow.example`."""
    dag: Name
    """Its `dag_id`."""
    username: str = ""
    """Exchanged, with the password, for a token at `/auth/token`; Airflow 2: sent as they are."""
    password: Secret | None = None
    """As `env:NAME` or `file:/path`."""
    token: Secret | None = None
    """Used as it is, instead of user and password."""
    version: Literal[2, 3] = 3
    """Major version of Airflow."""
    conf: Template | None = None
    """The run's `conf`, with placeholders; default: all that is known."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.token is None) == (self.password is None) or bool(self.username) != bool(self.password):
            raise ValueError("airflow needs either `username` and `password`, or a `token`")
        return self


def _auth(options: AirflowOptions) -> Auth:
    if options.password is None:
        return None if options.token is None else Bearer(options.token)
    if options.version == 2:
        return Basic(options.username, options.password)
    fields: dict[str, str | Secret] = {"username": options.username, "password": options.password}
    return Exchange(f"{options.url.get().rstrip('/')}/auth/token", fields)


def _make(options: AirflowOptions) -> Trigger:
    root, three = base(options.url), options.version == 3
    dag = f"{root}/api/{'v2' if three else 'v1'}/dags/{_quoted(options.dag)}"
    page = "/dags/{dag}/runs/{id}" if three else "/dags/{dag}/grid?dag_run_id={id}"
    run = Request(f"{dag}/dagRuns/{{id}}")
    earlier = Request(f"{dag}/dagRuns/{{key}}")
    return Trigger(
        Request(f"{dag}/dagRuns", "POST", body=_body(options)),
        _auth(options),
        frozenset({200, 201}),
        there=frozenset({409}),
        page_url=root + page.replace("{dag}", _quoted(options.dag)),
        lookups=(Lookup(earlier, match="dag_run_id"),),
        checks=(
            Check(
                Request(dag), "is_paused", frozenset({"true"}),
                f"the DAG {plain(options.dag)} is paused: it would take the run and not start it; unpause it",
            ),
        ),
        stages={
            "": Stage(run, ("state",), frozenset({"success"}), frozenset({"failed"})),
        },
    )  # fmt: skip


def _body(options: AirflowOptions) -> dict[str, object]:
    body = {"dag_run_id": "{key}", "conf": options.conf or "{conf}", "note": "Driftsum: {title}"}
    return body | ({"logical_date": None} if options.version == 3 else {})


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="")


PRESET = Preset("airflow", AirflowOptions, _make)
