"""Templates and paths: values stay values."""

import json
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.retrain import paths, template
from drift.core.errors import ConfigError

ANY_TEXT = st.text(max_size=30)


class TestJson:
    def test_a_placeholder_alone_keeps_its_type(self) -> None:
        values = {"columns": [{"column": "a"}], "incident": 7, "owner": None}
        assert template.fill({"c": "{columns}", "n": "{incident}", "o": "{owner}"}, values) == {
            "c": [{"column": "a"}], "n": 7, "o": None,
        }  # fmt: skip

    def test_within_a_text_it_is_text(self) -> None:
        assert template.fill("of {model}: {incident} {owner}{{x}}", {"model": "m", "incident": 7}) == "of m: 7 {x}"

    def test_all_depths_and_plain_values(self) -> None:
        filled = template.fill({"a": ["{model}", {"b": "{model}"}], "n": 1.5, "t": True, "z": None}, {"model": "m"})
        assert filled == {"a": ["m", {"b": "m"}], "n": 1.5, "t": True, "z": None}

    @given(model=ANY_TEXT, version=ANY_TEXT)
    def test_no_value_becomes_structure(self, model: str, version: str) -> None:
        body = {"a": "{model}", "b": "x {model} y {version}"}
        sent = json.loads(msgspec.json.encode(template.fill(body, {"model": model, "version": version})))
        assert sent == {"a": model, "b": f"x {model} y {version}"}

    def test_a_placeholder_in_a_value_is_not_filled(self) -> None:
        assert template.fill("{model}/{version}", {"model": "{version}", "version": "1"}) == "{version}/1"


class TestUrls:
    @given(model=ANY_TEXT)
    def test_a_value_is_one_part_of_the_path(self, model: str) -> None:
        if model in (".", ".."):
            with pytest.raises(ConfigError, match="another path"):
                template.url("https://h/a/{model}/b", {"model": model})
            return
        parts = urlsplit(template.url("https://h/a/{model}/b?c=1", {"model": model}))
        assert (parts.netloc, parts.query, parts.fragment) == ("h", "c=1", "")
        first, second, third, fourth = parts.path.split("/")
        assert (first, second, unquote(third), fourth) == ("", "a", model.encode(errors="replace").decode(), "b")

    def test_a_host_cannot_be_made(self) -> None:
        assert template.url("https://h/{model}", {"model": "@evil/"}) == "https://h/%40evil%2F"

    def test_not_even_out_of_two(self) -> None:
        with pytest.raises(ConfigError, match="another path"):
            template.url("https://h/a/{model}{version}/b", {"model": ".", "version": "."})


class TestHeaders:
    @given(model=ANY_TEXT)
    def test_nothing_that_ends_a_header(self, model: str) -> None:
        found = template.header("driftsum {model}", {"model": model})
        assert found.isascii()
        assert found.isprintable()


class TestCheck:
    @pytest.mark.parametrize("wrong", ["{modell}", "{", "}", "{0}", "{model", {"a": ["{MODEL}"]}, "{model.name}"])
    def test_what_there_is_not(self, wrong: Any) -> None:
        with pytest.raises(ConfigError, match="no placeholder"):
            template.check(wrong)

    def test_every_placeholder_has_a_value(self) -> None:
        from alerts.retrain.values import values
        from tests.rig.retrain import run

        assert values(run()).keys() == template.PLACEHOLDERS.keys()
        assert not [name for name, value in values(run(), "id-1").items() if value in (None, "", [])]

    def test_a_run_without_an_incident_has_them_too(self) -> None:
        from alerts.retrain.values import values
        from drift.core.alert import Run, RunState

        bare = values(Run("t", 1, 0, "k", RunState.REQUESTED, 0, 0))
        assert bare.keys() == template.PLACEHOLDERS.keys()
        assert bare["columns"] == []


class TestPaths:
    DATA: ClassVar[dict[str, Any]] = {
        "a": {"b": [1, {"c": None}, {"c": "x"}]},
        "runs": [{"p": [{"v": "k1"}]}, {"p": []}, {"p": [{"v": "k2"}]}],
    }

    @pytest.mark.parametrize(
        ("path", "found"),
        [("", [DATA]), ("a.b[0]", [1]), ("a.b[*].c", [None, "x"]), ("runs[*].p[*].v", ["k1", "k2"]), ("a.x", []),
         ("a[0]", []), ("runs.p", []), ("a.b[7]", [])],
    )  # fmt: skip
    def test_every(self, path: str, found: list[Any]) -> None:
        assert paths.every(self.DATA, path) == found

    def test_first_that_is_not_null(self) -> None:
        assert paths.first(self.DATA, "a.b[*].c") == "x"
        assert paths.first(None, "a") is None

    @pytest.mark.parametrize("wrong", ["a[", "a[x]", "[]", "a..b", "a]"])
    def test_no_path(self, wrong: str) -> None:
        with pytest.raises(ConfigError, match="no path"):
            paths.parse(wrong)

    def test_texts(self) -> None:
        mixed: list[Any] = [True, 12, "x", None, [], 1.5]
        assert [paths.text(one) for one in mixed] == ["true", "12", "x", "", "", ""]
