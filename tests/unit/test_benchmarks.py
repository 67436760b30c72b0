"""The benchmarks' own parts: what they measure is what they say they measure."""

import msgspec
import numpy as np
import pytest

from benchmarks import report, topics
from benchmarks.data import frame, wide
from benchmarks.measuring import Spread
from drift.core.records import Decoded
from drift.reference import build_reference
from ingest import formats
from ingest.decoding.fields import union

ROWS = 2_000


def decode(form: str, messages: list[bytes]) -> Decoded:
    schema = build_reference(topics.reference(5_000)).schema
    return formats.decoder(form, {}, {topics.MODEL: union([schema])}).decode(messages, [-1] * len(messages))


def test_json_events_have_20_features_in_about_370_bytes() -> None:
    events = topics.json_events(ROWS)
    assert 350 < np.mean([len(event) for event in events]) < 390
    assert len(msgspec.json.decode(events[0])["features"]) == 20


def test_json_and_arrow_hold_the_same_rows() -> None:
    as_json, as_arrow = decode("json", topics.json_events(ROWS)), decode("arrow", topics.arrow_batches(ROWS))
    assert not as_json.rejected
    assert not as_arrow.rejected
    left, right = as_json.rows[topics.MODEL], as_arrow.rows[topics.MODEL]
    assert len(left) == len(right) == ROWS
    np.testing.assert_array_equal(left.time, right.time)
    np.testing.assert_array_equal(left.numbers, right.numbers)


def test_hours_follow_each_other() -> None:
    events = topics.json_events(10)
    first, later = decode("json", events), decode("json", list(topics.at_hour(events, 3)))
    np.testing.assert_array_equal(first.rows[topics.MODEL].time + 3 * 3_600_000_000, later.rows[topics.MODEL].time)
    arrow = decode("arrow", topics.arrow_batches(10, hour=3))
    np.testing.assert_array_equal(arrow.rows[topics.MODEL].time, later.rows[topics.MODEL].time)


def test_frames_are_the_same_in_every_process_and_shifted_where_they_say() -> None:
    assert frame(100, 1).equals(frame(100, 1))
    assert frame(100, 1).shape == (100, 20)
    reference, window = wide(4_000, 20, seed=0), wide(4_000, 20, seed=1)
    numbers = [name for name in reference if reference[name].dtype == np.float64]
    moved = [name for name in numbers if abs(window[name].mean() - reference[name].mean()) > 0.25]
    assert moved == ["x0000", "x0010"]


def test_spread_shows_median_least_and_most() -> None:
    assert Spread([2.0, 1.0, 4.0]).show("{:.1f}") == "2.0 (1.0–4.0)"
    assert Spread([2.0]).per(10).show() == "5"
    assert Spread([2.0, 4.0]).per(8).values == [4.0, 2.0]


@pytest.mark.parametrize(("cpu", "said"), [(0.8, "≥ 8: met"), (0.79, "≥ 8: **missed**")])
def test_report_judges_by_processor_time(cpu: float, said: str) -> None:
    ours = {"wall": 0.1, "cpu": 0.1, "peak_mb": 100, "pulse": 0.1, "versions": {"driftsum": "1", "pandas": "3"}}
    peer = {**ours, "wall": 9.0, "cpu": cpu, "versions": {"nannyml": "0.13", "pandas": "3"}}
    text = report.render({"a": {"driftsum": [ours], "nannyml": [peer]}}, 1_000)
    assert said in text
    assert "90.0" in text
