"""Compose in a browser: what it comes to stands there while one types, and what came of it once it is sent."""

import json
from collections.abc import Callable
from typing import Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

Screenshot = Callable[[Page, str], None]


class Visitor(Protocol):
    """What of a visitor is used here."""

    account: str
    server: Server
    expected: set[str]

    def open(self, path: str = "/", *, locale: str = "en-US", dark: bool = False, width: int = 1280) -> Page: ...


def violations(page: Page) -> list[str]:
    """What axe finds that keeps people from using a page."""
    found = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html']}"
        for each in found
        for node in each["nodes"]
        if each["impact"] in {"serious", "critical"}
    ]


def test_what_is_typed_is_counted_understood_and_priced(visitor: Visitor, screenshot: Screenshot) -> None:
    page = visitor.open("/compose")
    page.get_by_label("Recipients").fill("+852 6700 0011\n6591234567\n0123")
    page.get_by_label("Text").fill("It’s 482910")
    draft, counter = page.locator("#draft"), page.locator("#counter")
    expect(counter).to_contain_text("1 segment")
    expect(counter).to_contain_text("DCS 8")
    expect(counter).to_contain_text("U+2019 RIGHT SINGLE QUOTATION MARK")
    expect(counter).to_contain_text("59 left")
    expect(counter).to_contain_text("22 bytes by the byte rule")
    expect(draft).to_contain_text("+65 91234567")
    expect(draft).to_contain_text('got "0123"')
    expect(page.locator("#packet")).to_have_count(0)
    page.get_by_label("Recipients").fill("+852 6700 0011\n6591234567")
    expect(draft).to_contain_text("1 × USD 0.05 = USD 0.05")
    expect(draft).to_contain_text("USD 0.10, balance then USD 999.90")
    packet = json.loads(page.locator("#packet").inner_text())
    assert (packet["AUTH_KEY"], packet["SMS_CONTENT"]) == ("$CLOUDSMS_AUTH_KEY", "It’s 482910")
    expect(page.locator("#curl")).to_contain_text("/dave/io")
    screenshot(page, "compose")


def test_a_message_is_sent_and_followed(visitor: Visitor, cloudsms: Cloudsms) -> None:
    page = visitor.open("/compose")
    page.get_by_label("Recipients").fill("+852 67000011\n6561234567")
    page.get_by_label("Text").fill("Your code is 482910")
    page.get_by_label("CUSTOMER_BODY").fill('{"order": 7}')
    expect(page.locator("#call code")).to_contain_text(f"/api/v1/send?account={visitor.account}")
    page.get_by_role("button", name="Send").click()
    sent = page.locator("#sent")
    expect(sent).to_contain_text("OK 0x01")
    expect(sent.get_by_role("link")).to_have_count(2)
    [rejected, message] = cloudsms.messages.page().items
    assert (message.text, message.customer_body, rejected.to) == ("Your code is 482910", {"order": 7}, "6561234567")
    assert message.uid in (sent.get_by_role("link").first.get_attribute("href") or "")
    cloudsms.clock.advance(seconds=1)
    expect(sent.locator(".state").first).to_have_text("DELIVERED")
    expect(sent.locator(".state").last).to_have_text("LOCAL_REJECTED")


def test_a_refusal_leads_to_where_it_is_explained(visitor: Visitor) -> None:
    page = visitor.open("/compose")
    page.get_by_label("Recipients").fill("85267000011")
    page.get_by_label("Text").fill("x" * 1531)
    expect(page.locator("#draft")).to_contain_text("Invalid_context")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent")).to_contain_text("Invalid_context")
    link = page.get_by_role("link", name="Why it was refused, and how to mend it")
    assert "/requests/" in (link.get_attribute("href") or "")


def test_what_was_typed_is_there_again_for_another_account_and_is_gone_when_cleared(visitor: Visitor) -> None:
    page = visitor.open("/compose")
    page.get_by_label("Text").fill("stays")
    page.locator("#sending-account").select_option("default")
    page.wait_for_url("**account=default")
    expect(page.get_by_label("Text")).to_have_value("stays")
    assert "/send?account=default" in (page.locator("#compose").get_attribute("data-url") or "")
    page.get_by_role("button", name="Clear").click()
    page.reload()
    expect(page.get_by_label("Text")).to_have_value("")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_it(visitor: Visitor, screenshot: Screenshot, dark: bool) -> None:
    page = visitor.open("/compose", dark=dark, locale="zh-CN", width=390 if dark else 1280)
    page.locator("#to").fill("85267000011\n0123\n67555103")
    page.locator("#to").fill("85267000011\n85267555103")
    page.locator("#text").fill("It’s ${name}")
    page.get_by_role("button", name="发送").click()
    expect(page.locator("#sent")).to_contain_text("Busy")
    page.locator("summary").first.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screenshot(page, f"compose-zh{'-phone' if dark else ''}")
