"""drift.yaml: the smallest file, references to secrets, and errors that name line, path and fix."""

import json
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.plan import Plan
from drift.config import Config, ModelSettings, json_schema, load, parse
from drift.config.documentation import configuration, metrics
from drift.config.template import template
from drift.core.clock import DAY, HOUR, MINUTE
from drift.core.errors import ConfigError
from drift.core.schema import Kind, Role

SMALLEST = """
models:
  credit:
    reference: train.parquet
sources:
  - kafka: {bootstrap: "localhost:9092", topics: [predictions], start: latest}
"""


def wrong(text: str, **environ: str) -> list[str]:
    """The lines of the error that this text gives."""
    with pytest.raises(ConfigError) as caught:
        parse(dedent(text), environ=environ)
    return str(caught.value).splitlines()


def test_the_smallest_useful_file_is_short_and_has_defaults() -> None:
    assert len(SMALLEST.strip().splitlines()) <= 10
    config = parse(SMALLEST, folder=Path("/srv/drift"))
    model = config.models["credit"]
    assert model.reference == Path("/srv/drift/train.parquet")
    assert config.store_url == "sqlite:////srv/drift/drift.db"
    assert (model.pane, model.lateness) == (5 * MINUTE, 10 * MINUTE)
    assert [(w.name, w.length, w.calendar) for w in model.window_specs] == [("1h", HOUR, False), ("1d", DAY, True)]
    assert config.http.queue == 64 << 20
    assert config.event_time.max_hold == 15 * MINUTE


def test_all_that_a_model_may_say() -> None:
    config = parse("""
models:
  credit:
    version: 3
    prediction: decision
    score: p
    label: defaulted
    time: at
    id: request
    columns: {region: {kind: categorical}, note: {role: ignore}}
    ignore: [row_number]
    segments: [channel, {region: [north, 1]}, {name: tier, values: [gold]}]
    pane: 1m
    windows: [24h, {length: 6h, hop: 1h}]
    lateness: 90
    timezone: Europe/Berlin
    rules: [quality, psi > 0.2, {when: chi2_q < 0.01, columns: [age_*], segments: false}]
    min_rows: 200
    statistics: [psi, js]
    owner: team-x
""")
    model = config.models["credit"]
    assert model.version == "3"
    assert [(s.name, s.values) for s in model.segments] == [
        ("channel", None), ("region", ("north", "1")), ("tier", ("gold",)),
    ]  # fmt: skip
    assert model.lateness == 90_000_000
    assert [spec.name for spec in model.window_specs] == ["24h", "6h/1h"]
    assert model.window_specs[0].zone == "Europe/Berlin"
    plan = Plan.from_settings(model.detection)
    assert (plan.min_rows, plan.statistics, plan.rules[-1].columns) == (200, ("psi", "js"), ("age_*",))
    assert model.kinds == {"region": Kind.CATEGORICAL}
    assert model.roles["decision"] is Role.PREDICTION
    assert model.roles["row_number"] is model.roles["note"] is Role.IGNORE


def test_every_error_is_told_with_its_line_and_its_fix() -> None:
    lines = wrong("""\
        storee: sqlite:///x.db
        models:
          credit:
            version: 1.10
            windws: [1h]
            windows: [1h, {length: 6h, hop: 1x}]
            lateness: ten
            timezone: Europe/Berlinn
            columns: {a: {kind: numerc}}
          other:
            windows: [7m]
            id: a
            time: a
        sources:
          - kafka: {bootstrap: "localhost:9092", topics: [predictions]}
          - https:
        """)
    assert [line.split(": ")[:2] for line in lines] == [
        ["drift.yaml:1", "storee"],
        ["drift.yaml:4", "models.credit.version"],
        ["drift.yaml:5", "models.credit.windws"],
        ["drift.yaml:6", "models.credit.windows[1].hop"],
        ["drift.yaml:7", "models.credit.lateness"],
        ["drift.yaml:8", "models.credit.timezone"],
        ["drift.yaml:9", "models.credit.columns.a.kind"],
        ["drift.yaml:11", "models.other.windows[0]"],
        ["drift.yaml:12", "models.other.id"],
        ["drift.yaml:15", "sources[0].kafka.start"],
        ["drift.yaml:16", "sources[1]"],
    ]
    told = dict(zip([line.split(": ")[1] for line in lines], lines, strict=True))
    assert "did you mean `store`?" in told["storee"]
    assert "did you mean `windows`?" in told["models.credit.windws"]
    assert "in quotes" in told["models.credit.version"]
    assert "90s, 5m, 1h" in told["models.credit.lateness"]
    assert "'numeric'" in told["models.credit.columns.a.kind"]
    assert "multiple of the pane" in told["models.other.windows[0]"]
    assert "`latest`, `earliest`" in told["sources[0].kafka.start"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "drift.yaml:1: the file is empty"),
        ("models: [", "drift.yaml:1: this is no YAML"),
        ("a: &a [*a]", "an anchor cannot hold itself"),
        ("- 1", "this is a block of settings, not a list"),
        ("server: {port: 8642}\nserver: {port: 1}", "drift.yaml:2: server: 'server' stands here twice"),
        ("server:\n  port: ninety", "drift.yaml:2: server.port: this should be a valid integer"),
        ("store: mysql://x/y", "store: a store is sqlite:///drift.db or postgresql://"),
        ("store: sqlite://", "SQLite needs a file"),
        ("store: !!python/name:os.system x", "drift.yaml:1: store: "),
        ("metrics: {max_series: true}", "metrics.max_series: this is a number, not true or false"),
        ("metrics: {max_series: 5}", "metrics.max_series: this should be greater than or equal to 100, not 5"),
        ("server: {port: ${PORT}}", "put quotes around ${…}"),
        ("compaction: {hours_after: 7d, days_after: 1d}", "compaction.days_after: hours become days after"),
        ("models: {a: {lateness: 30d}}", "models.a.lateness: late rows find their pane"),
        ("models: {a: {pane: 7m}}", "models.a.pane: pane 7m does not divide 15 minutes"),
        ("models: {a: {windows: [1h, 1h]}}", "models.a.windows[1]: window 1h stands there twice"),
        ("models: {a: {id: x, ignore: [x]}}", "models.a.id: column 'x' is one to ignore already"),
        (
            "models: {a: {rules: [psy > 0.2]}}",
            "models.a.rules[0]: rule 'psy > 0.2': 'psy' is no statistic; did you mean",
        ),
        ("models: {a: {rules: [{wen: psi > 1}]}}", "models.a.rules[0]: rule {'wen': 'psi > 1'} has no condition"),
        ("models: {a: {statistics: [psii]}}", "models.a.statistics[0]: statistics: 'psii' is no statistic"),
        ("models: {a: {thresholds: [half]}}", "models.a.thresholds[0]: this should be a valid number, not 'half'"),
        ("sources: [{file: {path: a.jsonl}}, {file: {path: b.jsonl}}]", "sources[1]: two sources are called 'file'"),
        ("sources: [{http: , kafka: {}}]", "exactly one of kafka, http and file; this one has kafka and http"),
    ],
)
def test_one_sentence_each(text: str, said: str) -> None:
    lines = wrong(text)
    assert any(said in line for line in lines), lines


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.7", "example.org", "", "::ffff:127.0.0.1", "localhost.evil.org"]
)
def test_an_address_that_others_can_reach_needs_tokens(host: str) -> None:
    server = parse(f"server: {{host: '{host}'}}").server
    assert not server.loopback
    assert server.tokens_needed
    assert host in server.names


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_loopback_tokens_are_needed_only_where_they_are_asked_for(host: str) -> None:
    assert not parse(f"server: {{host: '{host}'}}").server.tokens_needed
    assert parse(f"server: {{host: '{host}', require_token: true}}").server.tokens_needed


def test_the_admin_token_is_a_reference() -> None:
    (line,) = wrong("server: {admin_token: canary-canary-canary-canary-canary-canary}")
    assert "env:NAME" in line
    assert "canary" not in line
    server = parse("server: {admin_token: 'env:ADMIN'}").server
    assert server.admin_token is not None
    assert server.admin_token.get({"ADMIN": "canary"}) == "canary"
    assert "canary" not in repr(server) + server.model_dump_json()


@pytest.mark.parametrize("client", ["kafka-python", "confluent"])
def test_kafka_options_are_allow_listed(client: str) -> None:
    (line,) = wrong(f"""\
        sources:
          - kafka:
              bootstrap: "a:1"
              topics: [t]
              start: latest
              client: {client}
              options: {{security_protocol: SSL, enable_auto_commit: true}}
        """)
    assert line.startswith(
        "drift.yaml:7: sources[0].kafka.options.enable_auto_commit: kafka option 'enable_auto_commit'"
    )


def test_references_to_the_environment_and_to_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("canary-1\n")
    config = parse(
        dedent("""
        store: postgresql://drift:${PW}@db/${NAME:-drift}
        server:
          port: ${PORT}
        sources:
          - kafka:
              bootstrap: "a:1"
              topics: [t$$1]
              start: earliest
              options: {sasl_plain_password: "file:password", fetch_min_bytes: 7}
        """),
        folder=tmp_path,
        environ={"PW": "canary-2", "PORT": "9000"},
    )
    assert config.store_url == "postgresql://drift:canary-2@db/drift"
    assert config.server.port == 9000
    kafka = config.sources[0].kafka
    assert kafka is not None
    assert kafka.topics == ("t$1",)
    assert kafka.plain_options() == {"sasl_plain_password": "canary-1", "fetch_min_bytes": 7}
    for shown in (repr(config), str(config), config.model_dump_json(), json.dumps(config.model_dump(mode="json"))):
        assert "canary" not in shown


def test_a_secret_in_the_wrong_place_is_not_shown() -> None:
    lines = wrong(
        """
        store: ${SECRET}
        server:
          port: ${SECRET}
        models:
          a:
            lateness: ${SECRET}
            timezone: ${SECRET}
            windows:
              - ${SECRET}
            columns:
              x: ${SECRET}
        """,
        SECRET="canary",
    )
    assert len(lines) == 6
    assert "canary" not in "".join(lines)


def test_a_reference_that_leads_nowhere_names_what_is_missing() -> None:
    lines = wrong("server:\n  port: ${NO_SUCH}\nstore: file:no/such/file\n")
    assert lines[0] == (
        "drift.yaml:2: server.port: the environment variable NO_SUCH is not set; set it, or write ${NO_SUCH:-default}"
    )
    assert lines[1].startswith("drift.yaml:3: store: cannot read no/such/file (No such file or directory)")
    assert len(lines) == 2


def test_yaml_surprises_are_gone() -> None:
    config = parse("models:\n  no:\n    version: 010\n    owner: on\n    columns: {2026-11-23: {kind: text}}\n")
    assert list(config.models) == ["no"]
    assert config.models["no"].owner == "on"
    assert list(config.models["no"].columns) == ["2026-11-23"]


def test_models_share_settings_by_anchors() -> None:
    config = parse("models:\n  a: &a\n    lateness: 1h\n    owner: x\n  b:\n    <<: *a\n    owner: y\n")
    assert config.models["b"].lateness == HOUR
    assert config.models["b"].owner == "y"


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="drift init REFERENCE"):
        load(tmp_path / "drift.yaml")
    (tmp_path / "drift.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load(tmp_path / "drift.yaml")


def test_errors_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "drift.yaml"
    path.write_text("a: 1\n")
    with pytest.raises(ConfigError, match="there is no such setting") as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}:1: a: ")


def test_the_schema_describes_every_setting() -> None:
    schema = json_schema()
    blocks = [schema, *schema["$defs"].values()]
    for block in blocks:
        if "properties" in block:
            assert block["additionalProperties"] is False
            assert all("description" in s or "$ref" in s for s in block["properties"].values()), block
    assert json.loads(json.dumps(schema)) == schema


def told(text: str) -> str:
    """What is said about this text; empty where it is a configuration."""
    try:
        parse(text, environ={})
    except ConfigError as error:
        return str(error)
    return ""


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert all(line.startswith("drift.yaml:") for line in told(text).split("\n") if line)


_YAML = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(["windows", "pane", "kafka", "http", "file", "segments", "columns", "host", "max_body"])


@given(
    st.dictionaries(
        st.sampled_from([*Config.model_fields, "else"]),
        _YAML | st.dictionaries(_NAMES, _YAML) | st.dictionaries(st.text(max_size=3), st.dictionaries(_NAMES, _YAML)),
    )
)
def test_no_value_breaks_the_validation(data: dict[str, object]) -> None:
    assert "Traceback" not in told(json.dumps(data))


@pytest.mark.parametrize(("name", "text"), [("configuration.md", configuration()), ("metrics.md", metrics())])
def test_the_documentation_is_fresh(name: str, text: str) -> None:
    written = Path(__file__).parents[2] / "docs" / name
    assert written.read_text("utf-8") == text, "run `python -m drift.config.documentation`"


def test_every_setting_is_documented() -> None:
    text = configuration()
    for block in (json_schema(), *json_schema()["$defs"].values()):
        for name in block.get("properties", ()):
            assert f"| `{name}` |" in text


SUMMARY = {
    "version": "1",
    "columns": [
        {"column": "when", "kind": "datetime", "role": "time"},
        {"column": "y", "kind": "boolean", "role": "prediction"},
        {"column": "on: [$x] # 'a\"", "kind": "numeric", "role": "feature"},
        {"column": "1e3", "kind": "categorical", "role": "feature"},
        {"column": "constant", "kind": "categorical", "role": "ignore"},
    ],
}


@pytest.mark.parametrize("name", ["credit", "no", "a: b", "$HOME", "ümlaut 🦆", "1"])
def test_what_init_writes_can_be_read_back(name: str) -> None:
    text = template(name, "data/train $1.parquet", SUMMARY)
    model = parse(text, folder=Path("/srv")).models[name]
    assert model.reference == Path("/srv/data/train $1.parquet")
    assert (model.time, model.prediction, model.score, model.label) == ("when", "y", None, None)
    assert model.ignore == ("constant",)


def test_what_init_writes_as_comments_is_right_as_well() -> None:
    text = template("credit", "train.parquet", SUMMARY)
    lines = [line.replace("# ", "", 1) if line.startswith("    # ") else line for line in text.splitlines()]
    lines = [line.replace("COLUMN", "z").replace("label: z", "label: truth") for line in lines if "id:" not in line]
    uncommented = "\n".join(
        line.removeprefix("#") if line.startswith("#  ") else line for line in lines if "[]" not in line
    )
    config = parse(uncommented.replace("  - kafka", "sources:\n  - kafka", 1).replace("${DB_PASSWORD}", "x"))
    assert config.sources[0].map is not None
    model = config.models["credit"]
    assert model.segments[0].name == "1e3"
    assert list(model.columns) == ["on: [$x] # 'a\""]


def test_alerts_that_are_stored_in_full_are_read_again() -> None:
    model = parse("models: {m: {alerts: [drift, {when: psi > 0.3, for: 2h, clear: 0.2}]}}").models["m"]
    again = ModelSettings.model_validate(model.model_dump(mode="json"))
    assert [one.rule for one in again.alerts] == [one.rule for one in model.alerts]
    assert again.alerts[1].rule.holds_for == 2 * HOUR
