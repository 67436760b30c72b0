"""Each route's request, field by field, and what it makes of the receiver's answer."""

import base64
import json
import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from alerts.egress import Gate
from alerts.message import Change, Message
from alerts.routes import slack, texts
from alerts.routes.contract import Fate, Outcome, Route
from alerts.routes.names import kinds
from alerts.secrets import Secret
from drift.core.alert import Urgency
from drift.core.clock import HOUR, ManualClock, SystemClock, isoformat
from drift.core.errors import ConfigError
from tests.rig.delivering import HOSTILE, T0, message
from tests.rig.mail import MailServer
from tests.rig.receiver import Receiver

NEW, OLD = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))
CANARY = "canary-9f8e7d"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEW", NEW)
    monkeypatch.setenv("OLD", OLD)
    monkeypatch.setenv("KEY", CANARY)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def make(kind: str, allow: tuple[str, ...] = ("localhost",), now: int = T0, **options: Any) -> Route:
    found = kinds()[kind]
    return found.make(found.options.model_validate(options), Gate(allow), ManualClock(now))


def sent(route: Route, receiver: Receiver, *messages: Message) -> list[Any]:
    """What the receiver was posted."""
    for one in messages or (message(),):
        assert route.send(one).fate is Fate.SENT
    assert all(request.headers["content-type"].startswith("application/") for request in receiver.requests)
    return [request.json for request in receiver.requests]


def test_kinds_are_found_and_say_what_they_can() -> None:
    notes = {name: (kind.notes, kind.repeats) for name, kind in kinds().items()}
    assert notes == {
        "alertmanager": (False, False), "apprise": (True, True), "pagerduty": (False, False), "slack": (True, True),
        "webhook": (True, True),
    }  # fmt: skip


class TestAlertmanager:
    def route(self, receiver: Receiver, **options: Any) -> Route:
        return make("alertmanager", url=receiver.url + "/", repost="30s", **options)

    def test_firing(self, receiver: Receiver) -> None:
        [[alert]] = sent(self.route(receiver, labels={"cluster": "prod"}, token="env:KEY"), receiver)
        assert alert["labels"] == {
            "alertname": "ModelDrift", "model": "credit", "owner": "risk", "severity": "page", "family": "drift",
            "incident": "7", "cluster": "prod",
        }  # fmt: skip
        assert alert["annotations"]["summary"] == "credit: 2 columns drift"
        assert "psi 0.4" in alert["annotations"]["description"]
        assert "0.4" not in json.dumps(alert["labels"])
        starts, ends = (datetime.fromisoformat(alert[name]) for name in ("startsAt", "endsAt"))
        now = datetime.fromtimestamp(T0 / 1e6, UTC)
        assert (now - starts, ends - now) == (timedelta(hours=1), timedelta(seconds=120))
        assert alert["generatorURL"] == "https://drift.example/incidents/7"
        [request] = receiver.requests
        assert (request.method, request.path) == ("POST", "/api/v2/alerts")
        assert request.headers["authorization"] == f"Bearer {CANARY}"

    def test_resolved_is_the_same_alert_with_an_end_that_has_passed(self, receiver: Receiver) -> None:
        [[firing], [over]] = sent(self.route(receiver), receiver, message(), message(Change.RESOLVED, 2))
        assert over["labels"] == firing["labels"]
        assert over["startsAt"] == firing["startsAt"]
        assert datetime.fromisoformat(over["endsAt"]) <= datetime.fromtimestamp(T0 / 1e6, UTC)

    def test_an_escalation_ends_what_it_replaces(self, receiver: Receiver) -> None:
        warning = message(urgency=Urgency.WARNING)
        [[firing], posted] = sent(self.route(receiver), receiver, warning, message(Change.ESCALATED, 2))
        now = datetime.fromtimestamp(T0 / 1e6, UTC)
        state = {one["labels"]["severity"]: datetime.fromisoformat(one["endsAt"]) > now for one in posted}
        assert state == {"info": False, "warning": False, "page": True}
        assert firing["labels"] in [one["labels"] for one in posted]

    def test_what_stands_is_said_again(self, receiver: Receiver) -> None:
        route: Any = self.route(receiver)
        assert route.every == 30.0
        assert route.keep([message(incident=n) for n in range(1, 251)]).fate is Fate.SENT
        posted = {alert["labels"].get("incident") for request in receiver.requests for alert in request.json}
        assert len(posted) == 250
        assert [len(request.json) for request in receiver.requests] == [200, 50]

    def test_reserved_labels_stay_whatever_names_say(self, receiver: Receiver) -> None:
        [[alert]] = sent(self.route(receiver), receiver, message(model=HOSTILE))
        assert "\n" not in alert["labels"]["model"]


class TestPagerduty:
    def route(self, receiver: Receiver, **options: Any) -> Route:
        return make("pagerduty", routing_key="env:KEY", url=receiver.url + "/v2/enqueue", **options)

    def test_trigger(self, receiver: Receiver) -> None:
        receiver.mode = "202"
        [event] = sent(self.route(receiver), receiver)
        payload = event.pop("payload")
        assert event == {
            "routing_key": CANARY, "event_action": "trigger", "dedup_key": "driftsum:driftsum-7", "client": "Driftsum",
            "client_url": "https://drift.example/incidents/7",
            "links": [{"href": "https://drift.example/incidents/7", "text": "The incident in Driftsum"}],
        }  # fmt: skip
        details = payload.pop("custom_details")
        assert payload == {
            "summary": "[PAGE] credit: 2 columns drift", "source": "driftsum", "severity": "critical",
            "timestamp": isoformat(T0 - HOUR), "component": "credit", "group": "risk", "class": "drift",
        }  # fmt: skip
        assert details["findings"] == ["income: income is higher (psi 0.4)", "age [channel=web]: age is lower"]
        assert details["change"] == "firing"

    def test_acknowledge_and_resolve_name_the_same_incident_and_nothing_else(self, receiver: Receiver) -> None:
        events = sent(
            self.route(receiver), receiver, message(Change.ACKNOWLEDGED, 2, who="ada"), message(Change.RESOLVED, 3)
        )
        assert [one.pop("event_action") for one in events] == ["acknowledge", "resolve"]
        assert events == [{"routing_key": CANARY, "dedup_key": "driftsum:driftsum-7"}] * 2

    def test_limits(self, receiver: Receiver) -> None:
        [event] = sent(self.route(receiver, source="s" * 300), receiver, message(title="x" * 5_000, model="m" * 3_000))
        assert len(event["dedup_key"]) <= 255
        assert len(event["payload"]["summary"]) == 1_024

    def test_severities(self, receiver: Receiver) -> None:
        events = sent(self.route(receiver), receiver, *(message(urgency=one) for one in Urgency))
        assert [one["payload"]["severity"] for one in events] == ["info", "warning", "critical"]


class TestSlack:
    def test_blocks(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SLACK", f"{receiver.url}/services/T/B/{CANARY}")
        [body] = sent(make("slack", url="env:SLACK"), receiver)
        assert body["text"] == "[PAGE] credit: 2 columns drift"
        assert (body["unfurl_links"], body["unfurl_media"]) == (False, False)
        kinds_of = [block["type"] for block in body["blocks"]]
        assert kinds_of == ["header", "section", "section", "section", "actions"]
        [button] = body["blocks"][4]["elements"]
        assert button["url"] == "https://drift.example/incidents/7"
        assert "• income: income is higher (psi 0.4)" in body["blocks"][2]["text"]["text"]
        assert receiver.requests[0].path == f"/services/T/B/{CANARY}"

    def test_nothing_in_a_name_marks_up_or_mentions(self) -> None:
        from dataclasses import replace

        base = message()
        hostile = replace(
            base, title=HOSTILE, text=HOSTILE, model=HOSTILE, owner=HOSTILE, resolution=HOSTILE, who=HOSTILE,
            findings=(replace(base.findings[0], column=HOSTILE, sentence=HOSTILE, segment=HOSTILE),),
        )  # fmt: skip
        body = slack.render(hostile)
        for text in strings(body["blocks"][1:]):
            assert "<" not in text
            assert "`" not in text
            assert "&" not in text.replace("&lt;", "").replace("&gt;", "").replace("&amp;", "")
            assert "\u202e" not in text
        assert body["blocks"][0]["text"]["type"] == "plain_text"
        assert "<" not in body["text"]
        mrkdwn = [block for block in walk(body) if block.get("type") == "mrkdwn"]
        assert mrkdwn
        assert all(block["verbatim"] for block in mrkdwn)

    def test_limits_of_slack(self) -> None:
        from dataclasses import replace

        base, long = message(), "<&>" * 5_000
        findings = tuple(replace(base.findings[0], column=f"{n}{long}", sentence=long) for n in range(10))
        huge = replace(
            base,
            title=long,
            text=long,
            model=long,
            owner=long,
            findings=findings,
            columns=900,
            link="https://" + "x" * 4_000,
        )
        body = slack.render(huge)
        assert len(body["blocks"]) <= 50
        assert len(body["blocks"][0]["text"]["text"]) <= 150
        for block in body["blocks"][1:]:
            assert len(block.get("text", {}).get("text", "")) <= 3_000
            assert len(block.get("fields", [])) <= 10
            assert all(len(field["text"]) <= 2_000 for field in block.get("fields", []))
        assert not any(block["type"] == "actions" for block in body["blocks"])
        assert not any(text.rstrip("…").endswith(("&", "&l", "&lt", "&a", "&am", "&amp")) for text in strings(body))
        assert "895 more columns" in json.dumps(body)

    def test_a_resolution(self) -> None:
        body = slack.render(message(Change.RESOLVED, resolution="recovered", text="Over: recovered."))
        assert body["text"] == "[RESOLVED] credit: 2 columns drift"
        assert "psi" not in json.dumps(body)


def walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from walk(one)


def strings(value: Any) -> Iterator[str]:
    for one in walk(value):
        yield from (text for text in one.values() if isinstance(text, str))


class TestWebhook:
    def route(self, receiver: Receiver, clock: Any = None, **options: Any) -> Route:
        kind = kinds()["webhook"]
        given = kind.options.model_validate({"url": receiver.url + "/hook", "secret": "env:NEW", **options})
        return kind.make(given, Gate(["localhost"]), clock or SystemClock())

    def test_a_cloud_event(self, receiver: Receiver) -> None:
        from cloudevents.core.bindings.http import HTTPMessage, from_http_event

        [body] = sent(self.route(receiver), receiver)
        data = body.pop("data")
        assert body == {
            "specversion": "1.0", "id": "0123-i7-r-1", "source": "/driftsum", "type": "io.driftsum.incident.firing.v1",
            "subject": "incident/7", "time": isoformat(T0), "datacontenttype": "application/json",
        }  # fmt: skip
        assert data["findings"][1]["value"] is None  # NaN is no JSON
        assert (data["since"], data["model"], data["urgency"]) == (isoformat(T0 - 3 * HOUR), "credit", "page")
        [request] = receiver.requests
        assert request.headers["content-type"].startswith("application/cloudevents+json")
        read = from_http_event(HTTPMessage(dict(request.headers), request.body))
        assert read.get_type() == "io.driftsum.incident.firing.v1"

    @pytest.mark.parametrize(
        ("change", "kind"),
        [(Change.RESOLVED, "incident.resolved"), (Change.RUN, "run"), (Change.DIGEST, "digest"), (Change.TEST, "test")],
    )
    def test_types(self, receiver: Receiver, change: Change, kind: str) -> None:
        [body] = sent(self.route(receiver), receiver, message(change))
        assert body["type"] == f"io.driftsum.{kind}.v1"

    def test_the_signature_verifies(self, receiver: Receiver) -> None:
        sent(self.route(receiver), receiver)
        [request] = receiver.requests
        assert request.headers["webhook-id"] == "0123-i7-r-1"
        assert Verifier(NEW).verify(request.body, dict(request.headers))["id"] == "0123-i7-r-1"
        with pytest.raises(WebhookVerificationError):
            Verifier(OLD).verify(request.body, dict(request.headers))

    def test_while_the_secret_is_changed_both_verify(self, receiver: Receiver) -> None:
        sent(self.route(receiver, old_secret="env:OLD"), receiver)
        [request] = receiver.requests
        assert len(request.headers["webhook-signature"].split()) == 2
        for secret in (NEW, OLD):
            assert Verifier(secret).verify(request.body, dict(request.headers))

    def test_an_altered_byte_does_not(self, receiver: Receiver) -> None:
        sent(self.route(receiver), receiver)
        [request] = receiver.requests
        altered = request.body.replace(b"credit", b"kredit", 1)
        assert altered != request.body
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Verifier(NEW).verify(altered, dict(request.headers))
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Verifier(NEW).verify(request.body, {**request.headers, "webhook-id": "another"})

    def test_nor_does_an_old_timestamp(self, receiver: Receiver) -> None:
        now = SystemClock().now()
        sent(self.route(receiver, ManualClock(now - HOUR)), receiver)
        [request] = receiver.requests
        with pytest.raises(WebhookVerificationError, match="too old"):
            Verifier(NEW).verify(request.body, dict(request.headers))
        fresh = {**request.headers, "webhook-timestamp": str(now // 1_000_000)}
        with pytest.raises(WebhookVerificationError, match="No matching signature"):
            Verifier(NEW).verify(request.body, fresh)

    def test_each_attempt_has_its_own_time_and_the_same_id(self, receiver: Receiver) -> None:
        clock = ManualClock(T0)
        route = self.route(receiver, clock)
        sent(route, receiver)
        clock.advance(3_600)
        sent(route, receiver)
        first, second = (request.headers for request in receiver.requests)
        assert first["webhook-id"] == second["webhook-id"]
        assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 3_600

    @pytest.mark.parametrize("value", ["whsec_", "whsec_!!", "short", "whsec_c2hvcnQ="])
    def test_secrets_that_are_none(self, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
        monkeypatch.setenv("NEW", value)
        with pytest.raises(ConfigError, match=r"env:NEW (holds no signing secret|is empty)"):
            self.route(receiver).send(message())
        assert receiver.hits == 0


class TestApprise:
    def route(self, monkeypatch: pytest.MonkeyPatch, url: str, *allow: str) -> Route:
        monkeypatch.setenv("APPRISE", url)
        return make("apprise", allow or ("localhost",), url="env:APPRISE")

    def mail(self, server: MailServer, rest: str = "") -> str:
        return f"mailto://localhost:{server.port}?from=drift@example.com&to=team@example.com&mode=insecure{rest}"

    def test_mail(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with MailServer() as server:
            assert self.route(monkeypatch, self.mail(server)).send(message()) == Outcome(Fate.SENT)
            [mail] = server.mails
        read = message_from_bytes(mail.data, policy=policy.default)
        assert mail.recipients == ["team@example.com"]
        assert read["Subject"] == "[PAGE] credit: 2 columns drift"
        text = read.get_body()
        assert text is not None
        assert "- income: income is higher (psi 0.4)" in text.get_content()
        assert "https://drift.example/incidents/7" in text.get_content()

    def test_no_header_gets_in_by_a_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with MailServer() as server:
            self.route(monkeypatch, self.mail(server)).send(message(title=HOSTILE, model=HOSTILE))
            [mail] = server.mails
        read = message_from_bytes(mail.data, policy=policy.default)
        assert "Bcc" not in read
        assert mail.recipients == ["team@example.com"]
        assert "Bcc: evil@example.com" in str(read["Subject"])

    def test_strangers_get_no_mail_without_tls(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("alerts.addresses._public", lambda address: True)  # and localhost is one of them
        with MailServer() as server:
            outcome = self.route(monkeypatch, self.mail(server), "mail.example").send(message())
        assert (outcome.fate, outcome.detail[:20]) == (Fate.REFUSED, "mail without TLS is ")
        assert {one.split()[0] for one in server.commands} <= {"ehlo", "quit"}

    def test_strangers_get_no_http_without_tls(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
        monkeypatch.setattr("alerts.addresses._public", lambda address: True)
        outcome = self.route(monkeypatch, f"json://localhost:{receiver.port}/", "hooks.example").send(message())
        assert (outcome.fate, outcome.detail[:20]) == (Fate.REFUSED, "http without TLS is ")
        assert not receiver.requests

    def test_mail_goes_inside_only_where_it_is_allowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with MailServer() as server:
            outcome = self.route(monkeypatch, self.mail(server), "10.0.0.0/8").send(message())
        assert outcome.fate is Fate.REFUSED
        assert "localhost is at" in outcome.detail
        assert not server.commands

    def test_http_by_its_plugins(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
        route = self.route(monkeypatch, f"json://localhost:{receiver.port}/{CANARY}")
        assert route.send(message()).fate is Fate.SENT
        assert receiver.requests[0].json["title"] == "[PAGE] credit: 2 columns drift"
        assert receiver.requests[0].json["type"] == "failure"

    @pytest.mark.parametrize(
        ("mode", "fate", "said"),
        [
            ("500", Fate.AGAIN, "500 Internal Server Error"), ("404", Fate.REFUSED, "404 Not Found"),
            ("redirect", Fate.REFUSED, "redirects are not followed"), ("429", Fate.AGAIN, "429 Too Many Requests"),
            ("close", Fate.AGAIN, "could not deliver"), ("drip", Fate.AGAIN, "not done within"),
        ],
    )  # fmt: skip
    def test_answers(
        self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, mode: str, fate: Fate, said: str
    ) -> None:
        monkeypatch.setattr("alerts.routes.apprise.TOTAL_SECONDS", 1.0)
        with Receiver() as inside:
            receiver.mode, receiver.location = mode, inside.url
            url = f"json://localhost:{receiver.port}/?redirect=yes"
            outcome = self.route(monkeypatch, url).send(message())
            assert outcome.fate is fate
            assert said in outcome.detail
            assert inside.hits == 0
        assert outcome.retry_after == (7.0 if mode == "429" else None)

    def test_no_proxy_of_the_environment(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
        with Receiver() as proxy:
            for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            assert self.route(monkeypatch, f"json://localhost:{receiver.port}/").send(message()).fate is Fate.SENT
            assert proxy.hits == 0

    @pytest.mark.parametrize("mode", ["huge", "packed"])
    def test_little_of_an_answer_is_read(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver, mode: str) -> None:
        receiver.mode = mode
        assert self.route(monkeypatch, f"json://localhost:{receiver.port}/").send(message()).fate is Fate.SENT
        assert receiver.sent < 20_000_000

    def test_plugins_that_leave_all_to_requests(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
        import requests

        self.route(monkeypatch, f"json://localhost:{receiver.port}/").send(message())
        with Gate(["localhost"]).guarded(5):
            receiver.mode, receiver.location = "redirect", receiver.url
            assert requests.get(receiver.url, timeout=5).status_code == 307
            receiver.mode = "packed"
            assert requests.get(receiver.url, timeout=5).content == b""

    def test_others_use_requests_as_ever(self, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> None:
        import requests

        self.route(monkeypatch, f"json://localhost:{receiver.port}/").send(message())
        with Receiver() as elsewhere:
            receiver.mode, receiver.location = "redirect", elsewhere.url
            assert requests.get(receiver.url, timeout=5).status_code == 200
            assert elsewhere.hits == 1

    def test_no_url_of_apprise(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(ConfigError, match="env:APPRISE holds no URL that apprise can read"):
            self.route(monkeypatch, f"what://{CANARY}").send(message())


def build(kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Route:
    """A route of each kind, every secret of which holds the canary."""
    monkeypatch.setenv("URL", f"{receiver.url}/{CANARY}")
    monkeypatch.setenv("APPRISE", f"json://user:{CANARY}@localhost:{receiver.port}/{CANARY}")
    options: Mapping[str, dict[str, Any]] = {
        "alertmanager": {"url": "env:URL", "token": "env:KEY"},
        "pagerduty": {"url": "env:URL", "routing_key": "env:KEY"},
        "slack": {"url": "env:URL"},
        "webhook": {"url": "env:URL", "secret": "env:NEW"},
        "apprise": {"url": "env:APPRISE"},
    }
    return make(kind, **options[kind])


@pytest.mark.parametrize("kind", kinds())
class TestEveryKind:
    @pytest.mark.parametrize(
        ("mode", "fate"),
        [
            ("ok", Fate.SENT), ("202", Fate.SENT), ("204", Fate.SENT), ("redirect", Fate.REFUSED),
            ("400", Fate.REFUSED),
            ("401", Fate.REFUSED), ("404", Fate.REFUSED), ("410", Fate.REFUSED),
            ("408", Fate.AGAIN), ("425", Fate.AGAIN),
            ("429", Fate.AGAIN), ("500", Fate.AGAIN), ("503", Fate.AGAIN), ("drop", Fate.AGAIN), ("close", Fate.AGAIN),
            ("huge", Fate.SENT), ("packed", Fate.SENT),
        ],
    )  # fmt: skip
    def test_fates_and_no_secret_in_words(
        self, kind: str, mode: str, fate: Fate, receiver: Receiver, monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:  # fmt: skip
        caplog.set_level(logging.DEBUG)
        receiver.mode, receiver.location = mode, "http://localhost:1/"
        outcome = build(kind, receiver, monkeypatch).send(message())
        assert outcome.fate is fate, outcome
        assert ("redirects are not followed" in outcome.detail) == (mode == "redirect")
        words = f"{outcome} {caplog.text}"
        assert CANARY not in words
        assert NEW not in words
        assert "canary" not in words  # nor the answer's body

    def test_nobody_there(self, kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        route = build(kind, receiver, monkeypatch)
        receiver._server.server_close()
        outcome = route.send(message())
        assert outcome.fate is Fate.AGAIN
        assert "connect" in outcome.detail

    def test_not_allowed(self, kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        route = build(kind, receiver, monkeypatch)
        route._egress = Gate()  # type: ignore[attr-defined]
        outcome = route.send(message())
        assert outcome.fate is Fate.REFUSED
        assert "egress.allow" in outcome.detail
        assert receiver.hits == 0

    def test_a_deadline_for_all_of_it(self, kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("alerts.routes.apprise.TOTAL_SECONDS", 0.5)
        monkeypatch.setattr("alerts.http.post.__defaults__", (0.5,))
        receiver.mode = "drip"
        outcome = build(kind, receiver, monkeypatch).send(message())
        assert outcome.fate is Fate.AGAIN
        assert "within 0.5 s" in outcome.detail

    def test_a_secret_that_is_not_there(self, kind: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        route = build(kind, receiver, monkeypatch)
        for name in ("URL", "APPRISE"):
            monkeypatch.delenv(name)
        with pytest.raises(ConfigError, match=r"the environment variable (URL|APPRISE) is not set"):
            route.send(message())

    @pytest.mark.parametrize("change", list(Change))
    def test_every_change_of_hostile_names(
        self, kind: str, change: Change, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nasty = message(change, title=HOSTILE, model=HOSTILE, owner=HOSTILE, text="", link="", findings=(), columns=0)
        assert build(kind, receiver, monkeypatch).send(nasty).fate is Fate.SENT


class TestTexts:
    def test_one_line(self) -> None:
        assert texts.one_line("a\r\n\tb\u2028c\u202ed\x00\ud800e  f", 100) == "a b c d e f"
        assert texts.one_line("abcdef", 4) == "abc…"

    def test_body(self) -> None:
        assert texts.body(message()).splitlines()[:4] == [
            "income is higher.", "", "- income: income is higher (psi 0.4)", "- age [channel=web]: age is lower",
        ]  # fmt: skip

    def test_a_digest_is_its_text(self) -> None:
        assert (
            texts.body(
                message(
                    Change.DIGEST, incident=0, findings=(), link="", model="", owner="", since=0, columns=0, text="a\nb"
                )
            )
            == "a\nb"
        )


class TestSecret:
    def test_a_file_is_read_again(self, tmp_path: Any) -> None:
        path = tmp_path / "key"
        path.write_text("one\n")
        secret = Secret(f"file:{path}")
        assert secret.get() == "one"
        path.write_text("two\n")
        assert secret.get() == "two"
        assert str(secret) == f"file:{path}"

    @pytest.mark.parametrize("text", [CANARY, "https://hooks.slack.com/x", "env:", "env:A B", ""])
    def test_plain_text_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="env:NAME"):
            Secret(text)

    @pytest.mark.parametrize("content", ["", " \n", "a\nb", "a\x00b"])
    def test_what_cannot_be_sent(self, tmp_path: Any, content: str) -> None:
        (tmp_path / "key").write_text(content)
        with pytest.raises(ConfigError):
            Secret(f"file:{tmp_path / 'key'}").get()

    def test_a_file_that_is_not_there(self, tmp_path: Any) -> None:
        with pytest.raises(ConfigError, match="No such file"):
            Secret(f"file:{tmp_path / 'key'}").get()
