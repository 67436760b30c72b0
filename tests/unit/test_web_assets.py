"""Templates and assets: all in the wheel, all with a licence, none that asks another host, none that a CSP refuses."""

import re
import zipfile
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from jinja2 import UndefinedError

from dashboards.web.assets import STATIC, asset_url, assets
from dashboards.web.render import environment, render
from dashboards.web.views.frame import Frame, Problem

ROOT = Path(__file__).parents[2]
TEMPLATES = STATIC.parent / "templates"
OURS = sorted(path for path in STATIC.iterdir() if path.suffix in (".js", ".css", ".svg"))


def test_the_wheel_carries_them(tmp_path: Path) -> None:
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as wheel:
        carried = {name: wheel.getinfo(name).file_size for name in wheel.namelist()}
    for path in [*STATIC.rglob("*"), *TEMPLATES.rglob("*")]:
        if path.is_file():
            assert carried[path.relative_to(ROOT).as_posix()] == path.stat().st_size


@pytest.mark.parametrize("name", sorted(environment().list_templates()))
def test_templates_compile_and_hold_nothing_inline(name: str) -> None:
    source = (TEMPLATES / name).read_text()
    environment().get_template(name)
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|\|\s*safe\b|autoescape", source)
    for script in re.findall(r"<script[^>]*>", source):
        assert 'type="application/json"' in script or "src=" in script
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", source)


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_our_scripts_ask_nobody_else_and_evaluate_nothing(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"https?://(?!www\.w3\.org)", text)
    assert not re.search(r"\beval\(|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write", text)
    assert len(text.splitlines()) < 330


def test_what_others_wrote_has_its_licence() -> None:
    vendor = STATIC / "vendor"
    told = (vendor / "README.md").read_text()
    for path in vendor.glob("*.js"):
        assert f"`{path.name}`" in told
        licences = [one for one in vendor.glob(f"{path.name.split('.')[0]}*") if "LICENSE" in one.name]
        assert licences, path.name
        for one in licences:
            assert f"`{one.name}`" in told
    assert "Apache License" in (vendor / "echarts.LICENSE.txt").read_text()


def test_assets_are_named_by_their_content() -> None:
    css = assets()["driftsum.css"]
    assert asset_url("driftsum.css") == f"/static/driftsum.css?v={css.digest}"
    assert css.body == (STATIC / "driftsum.css").read_bytes()
    assert len(css.packed) < len(css.body) / 2
    assert css.media_type == "text/css; charset=utf-8"
    assert "vendor/echarts.min.js" in assets()
    with pytest.raises(KeyError):
        asset_url("nothing.js")


def test_what_a_view_has_not_is_no_blank() -> None:
    page = environment().from_string("{% extends 'base.html' %}{% block main %}{{ view.nothing }}{% endblock %}")
    with pytest.raises(UndefinedError):
        page.render(frame=Frame("x"), view=Problem(404, "a", "b"), time=lambda *_, **__: "")


def test_a_page_stands_alone() -> None:
    html = render("error.html", Frame("<b>", who="x", theme="light"), Problem(404, "<i>none", "it's gone"))
    assert "<title>&lt;b&gt; · Driftsum</title>" in html
    assert "<h1>&lt;i&gt;none</h1>" in html
    assert '<a class="skip" href="#main">' in html
    assert html.count("<main") == 1
    assert '<html lang="en" data-theme="light">' in html
