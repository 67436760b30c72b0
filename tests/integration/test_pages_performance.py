"""Performance on the pages: a model's section and its numbers, the overview's cell, alarms on the model itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drift.core.alarm import Severity
from drift.core.clock import HOUR
from drift.core.commit import AlarmChange, Detection
from drift.core.performance import Cause, Gap, Slice
from tests.integration.test_pages_nasty import assert_harmless
from tests.integration.test_pages_screens import data, page, words
from tests.rig.alarming import alarm
from tests.rig.nasty import TEXTS
from tests.rig.operated import Operated, operated
from tests.rig.performed import measured, registered, result, store_results
from tests.rig.storing import T0

GAP = Gap("sex", "recall", 0.12, 0.8, 0.08, 0.16, 0.05, "f", "m")
CONFUSION = ((500, 40, 0), (30, 400, 0), (0, 0, 0))


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Operated]:
    """Six hours of `loans`; labels of the first three are mature."""
    found = operated(tmp_path, "require_token: false")
    _, reference = registered(found.store, sensitive=["sex"])
    women = next(one.index for one in reference.grid.segments if one.label == "sex=f")
    for n in range(6):
        whole = measured(0.9, 0.85 - n / 100 if n < 3 else None, gaps=(GAP,), confusion=CONFUSION)
        store_results(found.store, result(reference, n, {0: whole, women: measured(0.7)}))
    found.clock.set(T0 + 7 * HOUR)
    yield found
    found.store.close()


def test_the_section_of_a_model(rig: Operated) -> None:
    html = page(rig, "/models/loans")
    said = words(html)
    assert "Performance, estimated accuracy 90 % worse reference 94 %" in said, "at the top, too"
    assert "Newest window: 2026-11-23 05:00–06:00 UTC worse Accuracy is estimated at 90%." in said
    assert "Newest window whose labels are mature: 2026-11-23 02:00–03:00 UTC worse" in said
    assert "Labels for 970 of 1,000 predictions (97 %); mature" in said
    drawn = data(html, "performance-over-time")
    assert drawn["realized"]["value"][:4] == [0.85, 0.84, 0.83, None]
    assert drawn["mature"] == [True, True, True, False, False, False]
    assert 'href="/models/loans/column?name=n0&amp;window=1h&amp;at=' in html
    assert "Gaps between groups" in said
    assert "Confusion matrix" in said
    assert "neither estimated nor measured" not in said


def test_a_metric_of_the_address(rig: Operated) -> None:
    html = page(rig, "/models/loans", metric="auroc")
    assert "AUROC over time" in html
    assert '<input type="hidden" name="metric" value="auroc">' in html
    assert 'href="/models/loans?metric=accuracy#performance"' in html
    assert "Accuracy over time" in page(rig, "/models/loans", metric="<b>")
    numbers = rig.client.get("/models/loans", params={"csv": "performance", "metric": "auroc"})
    assert numbers.headers["content-disposition"] == 'attachment; filename="performance.csv"'
    assert len(numbers.text.splitlines()) == 7
    assert numbers.text.splitlines()[-1].startswith("2026-11-23T00:00:00Z,2026-11-23T01:00:00Z,0.86,0.85")


def test_a_segment_has_its_own(rig: Operated) -> None:
    drawn = data(page(rig, "/models/loans", segment="sex=f"), "performance-over-time")
    assert drawn["estimated"]["value"] == [0.7] * 6
    assert "in the windows shown" in words(page(rig, "/models/loans", segment="sex=m"))


def test_where_nothing_is_counted_it_is_said_why(rig: Operated) -> None:
    said = words(page(rig, "/models/credit"))
    assert "Performance is neither estimated nor measured: reference" in said
    assert rig.client.get("/models/credit", params={"csv": "performance"}).status_code == 404


def test_the_cell_of_the_overview(rig: Operated) -> None:
    said = words(page(rig, "/"))
    assert "worse accuracy 90 % estimated; reference 94 %" in said


def test_alarms_on_the_model_itself_lead_to_no_column(rig: Operated) -> None:
    _, reference = registered(rig.store, "ranks")
    one = alarm(
        column="", detector="estimated_performance", severity=Severity.PAGE, onset=T0,
        sentence="accuracy is estimated to have fallen", tolerance=0.03, effect=0.06,
    )  # fmt: skip
    changes = Detection(b"s", snapshot=True, changes=(AlarmChange("raised", one),))
    store_results(rig.store, result(reference, 0, {0: measured(0.8)}, detection=changes))
    html = page(rig, "/models/ranks")
    assert '<th scope="row">the model itself</th>' in html
    assert "1 alarm (1 page) stands on the model itself. Worst: accuracy is estimated to have fallen." in words(html)
    assert "column?name=&" not in html
    assert data(html, "performance-over-time")["shaded"][0]["text"] == "estimated performance"


@pytest.mark.parametrize("text", TEXTS[:9])
def test_names_are_text(rig: Operated, text: str) -> None:
    _, reference = registered(rig.store, "odd")
    found = measured(
        0.8, 0.7, summary=text, assumption=text, causes=(Cause(text, 0.1, 0.1, 9.0),), confusion=CONFUSION,
        gaps=(Gap(text, "recall", 0.2, 0.5, null=0.1, worst=text, best=text),),
        slices=(Slice(((text, text),), 10, 0.3, 0.1, 0.01),),
    )  # fmt: skip
    store_results(rig.store, result(reference, 0, {0: found}))
    seen = assert_harmless(page(rig, "/models/odd"))
    assert " ".join(text.split())[:60] in " ".join(" ".join(seen.text).split())
