"""The overview in a browser: it counts what came, stays up to date, and leads to what it counted."""

from collections.abc import Callable
from typing import Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Route, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms

Packet = dict[str, object]


class Visitor(Protocol):
    """What of a visitor is used here."""

    def open(
        self, path: str = "/", *, width: int = 1280, dark: bool = False, locale: str = "en-US", **query: str
    ) -> Page: ...


def test_it_counts_what_comes_while_it_is_open(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    page = visitor.open("/overview")
    expect(page.locator("#overview")).to_contain_text("Nothing has come yet.")
    send("Your code is 123456", "67000011", "67000012")
    send("您的验证码是 482910", "67000013")
    send("")
    expect(page.locator("#chart-messages .legend")).to_contain_text("DCS 0 2")
    expect(page.locator("#chart-messages .legend")).to_contain_text("DCS 8 1")
    expect(page.locator("#chart-codes .legend")).to_contain_text("Invalid_context 0x10000003 1")
    expect(page.get_by_role("img", name="Requests by their answer: 2 OK 0x01, 1 Invalid_context")).to_be_visible()
    cloudsms.clock.advance(hours=2)
    expect(page.locator("#chart-states .legend")).to_contain_text("DELIVERED 3")
    expect(page.locator("#chart-pushes .legend")).to_contain_text("answered rightly 3")
    expect(page.locator(".tiles")).to_contain_text("USD 0.15")
    expect(page.locator(".tiles")).to_contain_text("100%")


def test_what_comes_while_it_is_read_again_is_read_after_that(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send()
    page = visitor.open("/overview")
    expect(page.locator("#chart-messages .legend")).to_contain_text("DCS 0 1")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
            return
        stale = route.fetch()
        held.append(route)
        with page.expect_event("console", lambda said: said.text == "a pulse"):
            send("second")
        route.fulfill(response=stale)

    page.evaluate("document.body.addEventListener('htmx:sseMessage', () => console.log('a pulse'))")
    page.route("**/overview*", hold)
    page.evaluate("htmx.trigger(document.body, 'called')")
    expect(page.locator("#chart-messages .legend")).to_contain_text("DCS 0 2")
    assert len(held) == 1


def test_every_number_of_a_chart_is_in_a_table_that_stays_open(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send()
    page = visitor.open("/overview")
    page.locator("#chart-codes summary").click()
    row = page.locator("#table-codes tbody tr")
    expect(row).to_have_count(1)
    expect(row.locator("td")).to_have_text(["1"])
    send("second")
    expect(row.locator("td")).to_have_text(["2"])
    expect(page.locator("#table-codes")).to_have_attribute("open", "")
    expect(page.locator("#chart-codes summary")).to_be_focused()
    cloudsms.clock.advance(seconds=5)
    expect(page.locator("#table-states tbody tr")).to_have_count(1)


def test_a_page_waits_with_what_is_new_while_somebody_clicks(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send()
    page = visitor.open("/overview")
    row = page.locator("#table-codes tbody tr")
    page.locator("#chart-codes summary").hover()
    page.mouse.down()
    with page.expect_response(lambda response: "/overview" in response.url) as read_again:
        send("second")
    read_again.value.finished()
    page.evaluate("new Promise(requestAnimationFrame)")
    page.mouse.up()
    expect(page.locator("#table-codes")).to_have_attribute("open", "")
    expect(row.locator("td")).to_have_text(["2"])


def test_what_was_exercised_leads_to_the_search_that_shows_it(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    cloudsms.when(to="8526700001*").reply("Busy", times=1).then("OK")
    send("first", "67000011")
    send("<b>", "67000011", TIME="1700000000", BOGUS=1)
    send("", "67000012")
    page = visitor.open("/overview")
    codes = page.locator("#coverage-codes")
    expect(codes.locator("summary")).to_contain_text("3 of 15")
    codes.locator("summary").click()
    expect(codes).to_contain_text("Send to +85267555207 or play every-result-code")
    findings = page.locator("#coverage-findings")
    findings.locator("summary").click()
    expect(findings.get_by_role("link", name="unknown-field")).to_be_visible()
    rules = page.locator("#coverage-rules")
    expect(rules.locator("summary")).to_contain_text("1 of 1")
    codes.get_by_role("link", name="Busy 0x03").click()
    expect(page.locator(".arrival")).to_have_count(1)
    expect(page.locator(".arrival")).to_contain_text("Busy")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_in_the_way_of_anybody(
    visitor: Visitor,
    send: Callable[..., Packet],
    cloudsms: Cloudsms,
    screenshot: Callable[[Page, str], None],
    dark: bool,
) -> None:
    for minute in range(25):
        send("Your code is 123456", *[f"6700{minute:02}{n:02}" for n in range(minute % 7 + 1)])
        send("您的验证码是 482910", "67555005", "67555003")
        send("busy", "67555103" if minute % 3 else "67555106")
        cloudsms.clock.advance(minutes=1)
    send("", "67000011")
    page = visitor.open("/overview", dark=dark)
    screenshot(page, "overview-dark" if dark else "overview")
    for details in page.locator("details").all():
        details.locator("summary").click()
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_it_fits_a_telephone_and_speaks_chinese(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send()
    page = visitor.open("/overview", width=390, locale="zh-CN")
    expect(page.get_by_role("heading", name="协议覆盖情况")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
