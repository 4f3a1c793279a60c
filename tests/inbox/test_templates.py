"""Templates: every page has its policy, its language and no script or style of its own."""

import asyncio
import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
from jinja2 import UndefinedError

from cloudsms_simulator.inbox import templates as templates_module
from cloudsms_simulator.inbox.templates import CONTENT_SECURITY_POLICY, TEMPLATES_FOLDER, Templates


def page(door: Any, query: str = "", detail: object = "gone") -> Any:
    return Templates("0badcafe").page("problem.html", door.page(query), 404, status=404, detail=detail)


def test_a_page_runs_and_loads_nothing_but_its_own(door: Any) -> None:
    answer = page(door)
    assert answer.status_code == 404
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert "'unsafe" not in CONTENT_SECURITY_POLICY
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    loaded = re.findall(rb'(?:src|href)="(/(?:static|vendored)[^"#]*)', answer.body)
    assert len(loaded) >= 5
    kept = re.compile(rb"/static/.*[?]v=0badcafe|/vendored/[a-z-]+-[0-9.]+/.*")
    assert [each for each in loaded if not kept.fullmatch(each)] == []


@pytest.mark.parametrize("path", sorted(Path(TEMPLATES_FOLDER).glob("*.html")), ids=lambda path: path.name)
def test_no_template_holds_a_script_a_style_or_an_address_elsewhere(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|hx-on|<script(?![^>]*\ssrc=)", html) == []
    assert re.findall(r'(?:src|href|action)="(?:https?:)?//', html) == []


def test_what_somebody_wrote_is_text(door: Any) -> None:
    assert b"&lt;script&gt;" in page(door, detail="<script>").body


def test_a_choice_is_remembered_and_shown(door: Any) -> None:
    answer = page(door, "lang=zh&theme=dark")
    assert b'<html lang="zh-Hans" data-theme="dark">' in answer.body
    cookies = answer.headers.getlist("set-cookie")
    assert [each.split(";")[0] for each in cookies] == ["lang=zh", "theme=dark"]
    assert all("samesite=strict" in each.lower() for each in cookies)


def test_a_template_that_asks_for_what_nobody_gave_fails(door: Any) -> None:
    with pytest.raises(UndefinedError):
        Templates("0").page("problem.html", door.page(), 404)


def test_two_runs_of_a_server_are_told_apart(door: Any) -> None:
    runs = {re.search(rb'data-run="(\w+)"', page(door).body)[1] for _ in range(2)}  # type: ignore[index]
    assert len(runs) == 2


def test_a_template_that_is_loaded_is_compiled_with_all_it_is_made_of(
    door: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates_module._BYTECODE_CACHE, "_code", {})
    templates = Templates("0")
    asyncio.run(templates.load("problem.html"))

    def refuse(*_args: object, **_named: object) -> None:
        raise AssertionError("a template is compiled while a page is made")

    monkeypatch.setattr(jinja2.Environment, "compile", refuse)
    for query in ("lang=en", "lang=zh"):
        assert templates.page("problem.html", door.page(query), 404, status=404, detail="gone").status_code == 404
    with pytest.raises(AssertionError, match="is compiled while"):
        templates.page("missing.html", door.page(), 404, what="message", detail="gone")
