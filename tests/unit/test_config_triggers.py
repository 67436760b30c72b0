"""`triggers:` in drift.yaml: what is taken, what is refused, and that no secret is ever shown."""

from typing import Any

import pytest
import yaml

from alerts.retrain.names import presets
from alerts.retrain.trigger import Basic, Bearer, Exchange, Signed
from drift.config import Config, TriggerSettings, parse
from drift.config.triggers import PRESETS
from drift.core.alert import Urgency
from drift.core.clock import DAY, HOUR, SECOND
from drift.core.errors import ConfigError
from tests.rig.retrain import SECRETS, STUBS, options

AIRFLOW = options("airflow", "https://airflow.example")


def given(*triggers: dict[str, Any]) -> Config:
    """A file with these triggers."""
    return parse(yaml.safe_dump({"triggers": list(triggers)}), environ=SECRETS)


def one(**changes: Any) -> TriggerSettings:
    """One Airflow trigger."""
    (found,) = given({"airflow": AIRFLOW, **changes}).triggers
    return found


class TestTaken:
    def test_defaults(self) -> None:
        found = one()
        assert (found.name, found.on, found.approval, found.dry_run) == ("airflow", Urgency.PAGE, "ask", False)
        assert (found.cooldown, found.timeout, found.poll) == (DAY, 6 * HOUR, 30 * SECOND)
        assert found.kind == "airflow"

    @pytest.mark.parametrize("preset", list(STUBS))
    def test_every_preset(self, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in SECRETS.items():
            monkeypatch.setenv(name, value)
        (found,) = given({preset: options(preset, "https://h.example")}).triggers
        assert found.preset is presets()[preset]
        assert found.preset.make(found.options).start.url.startswith("https://h.example")
        assert not any(
            secret in f"{found!r} {found.model_dump_json()}" for secret in SECRETS.values() if len(secret) > 3
        )

    def test_the_registry_and_the_settings_know_the_same(self) -> None:
        assert set(PRESETS) == set(presets()) == {*STUBS, "http"}
        for name in PRESETS:
            assert TriggerSettings.model_fields[name].annotation == presets()[name].options | None

    def test_what_deciding_needs(self) -> None:
        rule = one(name="retrain-credit", match={"model": "cred*"}, on="warning", approval="auto", cooldown="2h").rule(
            "u"
        )
        assert (rule.name, rule.match, rule.on) == ("retrain-credit", ({"model": "cred*"},), Urgency.WARNING)
        assert (rule.approval, rule.cooldown, rule.dry_run, rule.url) == ("auto", 2 * HOUR, False, "u")

    def test_a_request_of_ones_own(self) -> None:
        http = {
            "url": "https://h.example/{model}", "auth": {"bearer": "env:T_KFP"}, "body": {"m": "{model}"},
            "accepted": [202], "there": [409], "id": {"path": "run.id"}, "page": "run.page",
            "lookup": {"url": "https://h.example/runs?key={key}", "items": "runs[*]", "match": "key", "id": {}},
            "check": {"url": "https://h.example/up", "path": "maintenance", "refuse": ["true"], "why": "closed {}"},
            "follow": {"url": "https://h.example/runs/{id}", "state": "state", "succeeded": ["ok"], "failed": ["bad"]},
        }  # fmt: skip
        (found,) = given({"http": http, "name": "own"}).triggers
        trigger = found.preset.make(found.options)
        assert (trigger.accepted, trigger.there) == (frozenset({202}), frozenset({409}))
        assert trigger.checks[0].why == "closed {{}}"
        assert trigger.stages[""].succeeded == frozenset({"ok"})

    @pytest.mark.parametrize(
        ("auth", "kind"),
        [({"bearer": "env:T_KFP"}, Bearer), ({"basic": {"username": "u", "password": "env:T_KFP"}}, Basic),
         ({"signed": {"secret": "env:T_WHSEC"}}, Signed),
         ({"exchange": {"url": "https://h/token", "secrets": {"password": "env:T_KFP"}}}, Exchange)],
    )  # fmt: skip
    def test_who_is_asking(self, auth: dict[str, Any], kind: type) -> None:
        (found,) = given({"http": {"url": "https://h.example", "auth": auth}}).triggers
        assert isinstance(found.preset.make(found.options).auth, kind)


class TestRefused:
    @pytest.mark.parametrize(
        ("trigger", "said"),
        [
            ({"airflow": AIRFLOW, "argo": {}}, "this one has airflow and argo"),
            ({"name": "x"}, "this one has none"),
            ({"airflow": AIRFLOW, "name": "Retrain_1"}, "small letters"),
            ({"airflow": AIRFLOW, "match": {"modle": "x"}}, "no label 'modle'"),
            ({"airflow": AIRFLOW, "match": {"severity": "critical"}}, "no incident has the severity 'critical'"),
            ({"airflow": AIRFLOW, "on": "info"}, "warning"),
            ({"airflow": AIRFLOW, "pol": "1s"}, "pol"),
            ({"airflow": {**AIRFLOW, "password": "hunter2"}}, "env:NAME"),
            ({"airflow": {**AIRFLOW, "token": "env:X"}}, "either `username` and `password`, or a `token`"),
            ({"airflow": {**AIRFLOW, "username": ""}}, "either `username` and `password`, or a `token`"),
            ({"airflow": {**AIRFLOW, "conf": {"m": "{modell}"}}}, "no placeholder"),
            ({"airflow": {**AIRFLOW, "url": "ftp://h"}}, "https://host/path"),
            ({"github": {**options("github", "https://h"), "repository": "a/../b"}}, "repository"),
            ({"github": {**options("github", "https://h"), "inputs": {str(n): "" for n in range(25)}}}, "24"),
            ({"http": {"url": "https://h", "there": [409]}}, "needs a `lookup`"),
            ({"http": {"url": "https://h", "body": {}, "form": {}}}, "not both"),
            ({"http": {"url": "https://h", "auth": {}}}, "exactly one of bearer"),
            ({"http": {"url": "https://h", "id": {"path": "a[b]"}}}, "no path"),
        ],
    )
    def test_with_a_reason(self, trigger: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError) as refused:
            given(trigger)
        assert said in str(refused.value)
        assert "hunter2" not in str(refused.value)

    def test_two_of_one_name(self) -> None:
        with pytest.raises(ConfigError, match="two triggers are called 'airflow'"):
            given({"airflow": AIRFLOW}, {"airflow": AIRFLOW})
