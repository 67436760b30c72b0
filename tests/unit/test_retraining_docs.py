"""What docs/retraining.md tells people to write is what drift.yaml takes, and all that it takes is told."""

import re
from pathlib import Path

import pytest
import yaml

from alerts.retrain.names import presets
from alerts.retrain.template import PLACEHOLDERS
from drift.config import parse
from tests.rig.retrain import CONF, run

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "retraining.md").read_text("utf-8")
EXAMPLES = [text for text in re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL) if text.startswith("triggers:")]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_are_taken(text: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret")
    (found,) = parse(re.sub(r"file:/[^\"]+", f"file:{tmp_path / 'secret'}", text)).triggers
    assert found.preset.make(found.options).start.url.startswith("https://")


def test_every_preset_has_an_example() -> None:
    shown = {name for text in EXAMPLES for one in yaml.safe_load(text)["triggers"] for name in one}
    assert set(presets()) <= shown


def test_every_placeholder_and_field_is_told() -> None:
    assert not [name for name in PLACEHOLDERS if f"{{{name}}}" not in DOCS]
    assert not [name for name in CONF if f"`{name}`" not in DOCS]
    assert run().conf.keys() == CONF.keys()
