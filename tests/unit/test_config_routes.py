"""`routes:` and `egress:` of drift.yaml."""

import json
from pathlib import Path
from typing import Any

import pytest

from alerts.notices import Receiver
from alerts.routes.names import kinds
from alerts.silences import MATCHED
from drift.config import Config, parse
from drift.config import routes as settings
from drift.config.loading import json_schema
from drift.core.clock import HOUR
from drift.core.errors import ConfigError

CANARY = "canary-77aa"


def config(text: str, **environ: str) -> Config:
    return parse(text, environ=environ)


def wrong(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        config(text, **environ)
    return str(caught.value)


def test_every_kind_has_its_key_and_every_label_is_known() -> None:
    assert set(settings.KINDS) == set(kinds())
    for name, kind in kinds().items():
        annotation: Any = settings.RouteSettings.model_fields[name].annotation
        assert kind.options in annotation.__args__
    assert settings.MATCHED == MATCHED


def test_receivers() -> None:
    found = config("""
routes:
  - pagerduty: {routing_key: "env:PD"}
    name: oncall
    match: {severity: page, model: "credit*"}
  - slack: {url: "env:SLACK"}
    match: [{owner: risk}, {severity: info}]
    digest: true
    resolved: false
  - alertmanager: {url: "https://am.example", labels: {cluster: prod}, repost: 2m}
    repeat_interval: 4h
""")
    assert [one.receiver for one in found.routes] == [
        Receiver("oncall", ({"severity": "page", "model": "credit*"},), None, notes=False),
        Receiver("slack", ({"owner": "risk"}, {"severity": "info"}), 12 * HOUR, resolved=False, digest=True),
        Receiver("alertmanager", (), 4 * HOUR, notes=False),
    ]
    assert [one.kind for one in found.routes] == ["pagerduty", "slack", "alertmanager"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("routes: [{name: x}]", "a route has exactly one of alertmanager, pagerduty, slack, webhook, apprise; this"),
        ("routes: [{slak: {url: 'env:X'}}]", "did you mean `slack`?"),
        ("routes: [{slack: {url: 'env:X'}, apprise: {url: 'env:X'}}]", "this one has slack and apprise"),
        ("routes: [{slack: {}}]", "routes[0].slack.url: this setting is missing"),
        ("routes: [{slack: {url: 'https://hooks.slack.com/x'}}]", "write where it is, as in env:NAME"),
        ("routes: [{slack: {url: 'env:X', chanel: y}}]", "there is no such setting"),
        ("routes: [{slack: {url: 'env:X'}, match: {severity: pages}}]", "no incident has the severity 'pages'"),
        ("routes: [{slack: {url: 'env:X'}, match: {family: drifts}}]", "no incident has the family 'drifts'"),
        ("routes: [{slack: {url: 'env:X'}, match: {team: x}}]", "incidents have no label 'team'; there are model"),
        ("routes: [{slack: {url: 'env:X'}, name: 'a b'}]", "a name has letters, digits"),
        ("routes: [{slack: {url: 'env:X'}}, {slack: {url: 'env:X'}}]", "routes[1]: two routes are called 'slack'"),
        ("routes: [{pagerduty: {routing_key: 'env:X'}, digest: true}]", "cannot show a digest; send it"),
        ("routes: [{alertmanager: {url: 'https://u:p@am.example'}}]", "without user and password"),
        ("routes: [{alertmanager: {url: 'ftp://am.example'}}]", "a URL is written as in https://host/path"),
        ("routes: [{alertmanager: {url: 'https://a', repost: soon}}]", "a duration is a number and a unit"),
        ("routes: [{alertmanager: {url: 'https://a', labels: {a-b: c}}}]", "routes[0].alertmanager.labels.a-b"),
        ("egress: {allow: ['http://am:9093']}", "'http://am:9093' is no host's name; write it without"),
        ("egress: {allow: ['10.0.0.0/33']}", "is no network"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_the_fix(text: str, said: str) -> None:
    assert said in wrong(text)


class TestSecrets:
    text = 'routes: [{webhook: {url: "https://a.example/x?key=1", secret: "%s"}}]'

    @pytest.mark.parametrize("spelled", ["${S}", "${S:-x}"])
    def test_filled_in_by_the_environment(self, spelled: str) -> None:
        found = config(self.text % spelled, S=CANARY)
        options: Any = found.routes[0].options
        assert options.secret.get() == CANARY
        self.hidden(found)

    def test_of_a_file_that_changes(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text(f"{CANARY}\n")
        found = parse(self.text % "file:key", folder=tmp_path, environ={})
        options: Any = found.routes[0].options
        assert options.secret.get() == CANARY
        self.hidden(found)
        (tmp_path / "key").write_text("rotated\n")
        assert options.secret.get() == "rotated"

    def test_by_name(self) -> None:
        options: Any = config(self.text % "env:S").routes[0].options
        assert options.secret.get({"S": CANARY}) == CANARY
        with pytest.raises(ConfigError, match="the environment variable S is not set"):
            options.secret.get({})

    def test_in_plain_text(self) -> None:
        said = wrong(self.text % CANARY)
        assert "a secret does not stand in drift.yaml" in said
        assert CANARY not in said

    def hidden(self, found: Config) -> None:
        dumps = (
            repr(found),
            str(found),
            found.model_dump_json(),
            str(found.model_dump()),
            str(found.routes[0].options),
        )
        for dump in dumps:
            assert CANARY not in dump
        assert "key=1" not in found.model_dump_json()
        assert "https://a.example/…" in found.model_dump_json()


def test_the_schema_for_editors() -> None:
    text = json.dumps(json_schema())
    assert "PagerdutyOptions" in text
    assert "env:NAME" in text
