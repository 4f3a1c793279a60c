"""Control in a browser: the clock is pulled ahead, rules are switched, the account is changed; all of it is live."""

import re
from collections.abc import Callable
from typing import Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

Packet = dict[str, object]


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


def test_the_clock_is_moved_and_what_fires_is_told(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send()
    page = visitor.open("/control")
    began = cloudsms.clock.now
    expect(page.locator("#live-line circle.planned")).to_have_count(1)
    page.get_by_role("button", name="+1 s", exact=True).hover()
    expect(page.locator("#call code")).to_contain_text(f"/api/v1/clock/advance?account={visitor.account}")
    page.get_by_role("button", name="+1 s", exact=True).click()
    expect(page.locator("#fired")).to_contain_text("DELIVERED")
    expect(visitor.open("/control", locale="zh-CN").locator("#fired")).to_contain_text("已应答")
    expect(page.locator("#live-line circle")).to_have_count(0)
    assert (cloudsms.clock.now - began).total_seconds() == 1
    page.get_by_role("button", name="×3600").click()
    expect(page.locator("#live-now .badge")).to_have_text("×3600.0")
    page.get_by_role("button", name="Freeze").click()
    expect(page.locator("#live-now .badge")).to_have_text("frozen")


def test_the_clock_is_pulled_along_the_line_and_snaps_to_what_is_due(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    cloudsms.rules.add({"report": [{"none": True}]})
    send()
    page = visitor.open("/control")
    began = cloudsms.clock.now
    expiry = page.locator("#live-line circle.expiry")
    expect(expiry).to_have_count(1)
    percent = float(expiry.get_attribute("data-x") or 0)
    handle = page.locator("#pull").bounding_box()
    assert handle is not None
    left, width, level = handle["x"] + 8, handle["width"] - 16, handle["y"] + handle["height"] / 2
    page.mouse.move(left, level)
    page.mouse.down()
    page.mouse.move(left + width * percent / 100 - 3, level, steps=5)
    expect(page.locator("#pull-to")).to_contain_text("+1 d")
    assert cloudsms.clock.now == began
    page.mouse.up()
    expect(page.locator("#fired")).to_contain_text("EXPIRED")
    assert (cloudsms.clock.now - began).total_seconds() == 25 * 3600
    expect(page.locator("#pull")).to_have_value("0")


def test_the_handle_is_moved_by_keys(visitor: Visitor, cloudsms: Cloudsms) -> None:
    page = visitor.open("/control")
    began = cloudsms.clock.now
    page.locator("#pull").focus()
    for _ in range(70):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#pull")).to_have_attribute("aria-valuetext", page.locator("#pull-to").inner_text())
    page.keyboard.press("Escape")
    expect(page.locator("#pull")).to_have_attribute("aria-valuetext", "now")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page.locator("#live-now time")).not_to_contain_text(f"{began:%Y-%m-%d %H:%M}")
    assert round((cloudsms.clock.now - began).total_seconds()) == 26 * 3600


def test_scenarios_rules_and_faults_are_put_to_use_and_switched(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    page = visitor.open("/control")
    rules = page.locator("#live-rules")
    expect(rules).to_contain_text("No scenario is in use.")
    page.locator("#scenario-name").select_option("blackout")
    page.locator("#scenario-seed").fill("7")
    page.get_by_role("button", name="Use", exact=True).click()
    expect(rules).to_contain_text("blackout")
    expect(rules).to_contain_text("seed 7")
    page.get_by_role("button", name="Stop").click()
    expect(rules).to_contain_text("No scenario is in use.")
    page.locator("#fault-name").select_option("NO_DETAIL_LIST")
    page.locator("#fault-times").fill("1")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(rules).to_contain_text('"fault":"NO_DETAIL_LIST"')
    page.get_by_role("button", name="Switch off").click()
    expect(page.get_by_role("button", name="Switch on")).to_be_visible()
    expect(page.locator("#call output")).to_have_text("200")
    expect(page.locator("#call code")).to_contain_text('{"enabled": false}')
    assert "DETAIL_LIST" in send()
    page.get_by_role("button", name="Switch on").click()
    expect(page.get_by_role("button", name="Switch off")).to_be_visible()
    assert "DETAIL_LIST" not in send()
    expect(rules.locator(".count")).to_have_text("1")
    page.get_by_role("button", name="Remove").click()
    expect(rules).to_contain_text("No rule and no fault")
    page.locator("#trouble").select_option("expired")
    page.get_by_role("button", name="Open a listener").click()
    expect(page.locator("#live-listeners")).to_contain_text("/dave/io")


def test_an_account_is_topped_up_changed_and_its_callback_judged(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    page = visitor.open("/control")
    page.locator("#amount").fill("0.25")
    page.locator("#prices").fill("half written")
    page.get_by_role("button", name="Top up").click()
    expect(page.locator("#live-standing")).to_contain_text("USD 1,000.25")
    expect(page.locator("#prices")).to_have_value("half written")
    page.locator("#prices").fill('{"852": "0.10"}')
    page.locator("#rate_limit").fill("5")
    page.get_by_role("button", name="Save").first.click()
    expect(page.locator("#live-standing")).to_contain_text("+852 USD 0.10")
    assert cloudsms.account.show().prices == {"852": "0.10"}
    page.locator("#url").fill("https://localhost:1/")
    page.locator("#retries").fill("10s\n1m")
    page.get_by_role("button", name="Save").last.click()
    expect(page.locator("#live-standing")).to_contain_text("https://localhost:1/")
    callback = cloudsms.account.show().callback
    assert (callback.url, callback.retries_s, callback.verify) == ("https://localhost:1/", (10.0, 60.0), True)
    send()
    page.get_by_role("button", name="+1 s", exact=True).click()
    health = page.locator("#live-health")
    expect(health).to_contain_text("0 % of the last 1 pushes came through")
    expect(health).to_contain_text("push-refused")
    expect(page.locator("#live-line circle.retry")).to_have_count(1)


def test_an_account_is_made_shown_its_key_once_reset_and_deleted(visitor: Visitor) -> None:
    page = visitor.open("/control")
    name = f"{visitor.account[:40]}-made"
    page.locator("#new-name").fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("#created-key")).to_have_text(re.compile(r"^[A-Za-z0-9+/]{86}==$"))
    page.get_by_role("link", name="Go to the account").click()
    page.wait_for_url(f"**account={name}")
    visitor.server.client.accounts.credit(name, "5")
    expect(page.locator("#live-standing")).to_contain_text("USD 1,005.00")
    page.get_by_role("button", name=f"Reset {name}").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Its clock stays.")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    page.get_by_role("button", name=f"Reset {name}").click()
    dialog.get_by_role("button", name=f"Reset {name}").click()
    expect(page.locator("#live-standing")).to_contain_text("USD 1,000.00")
    page.get_by_role("button", name=f"Delete {name}").click()
    dialog.get_by_role("button", name=f"Delete {name}").click()
    page.wait_for_url("**/control")
    assert name not in [each.name for each in visitor.server.client.accounts.all()]


@pytest.mark.parametrize(
    ("dark", "width", "picture"),
    [(False, 1280, "control"), (True, 1280, "control-dark"), (False, 390, "control-phone")],
)
def test_everybody_can_use_it(
    visitor: Visitor,
    send: Callable[..., Packet],
    cloudsms: Cloudsms,
    screenshot: Callable[[Page, str], None],
    dark: bool,
    width: int,
    picture: str,
) -> None:
    cloudsms.callback("https://localhost:1/")
    cloudsms.rules.add(
        {"id": "phone-off", "match": {"to": "65*"}, "report": [{"state": "ENROUTE", "after": "5s"}, {"none": True}]}
    )
    send("Hello", "91234567", country=65)
    send("Hello", "67000011", "67000012")
    cloudsms.clock.advance(seconds=1)
    send("Hello", "67000013")
    page = visitor.open("/control", dark=dark, width=width)
    expect(page.locator("#live-line circle.expiry")).to_have_count(1)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    screenshot(page, picture)
