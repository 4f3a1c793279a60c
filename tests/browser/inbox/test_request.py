"""The page of a request in a browser: why it was refused, where, what would be right, and the corrected one sent."""

import json
import re
from collections.abc import Callable
from typing import Protocol

import httpx2
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

Packet = dict[str, object]


class Visitor(Protocol):
    """What of a visitor is used here."""

    server: Server
    account: str
    expected: set[str]

    def url(self, path: str = "/", **query: str) -> str: ...
    def weigh(self, path: str) -> dict[str, int]: ...
    def open(
        self, path: str = "/", *, width: int = 1280, dark: bool = False, locale: str = "en-US", **query: str
    ) -> Page: ...


def newest(cloudsms: Cloudsms) -> int:
    number: int = cloudsms.requests[-1].id
    return number


def test_a_refusal_shows_where_it_is_wrong_and_what_would_be_right(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms, screenshot: Callable[[Page, str], None]
) -> None:
    send(SERIAL="12", VERSION=None, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": "852", "DEST_MSISDN": "67000011"}])
    page = visitor.open(f"/requests/{newest(cloudsms)}", of=visitor.account)
    expect(page.locator(".detail-head .code")).to_contain_text("Invalid_parameter")
    expect(page.get_by_text("Check that the API request package parameters are correct")).to_be_visible()
    expect(page.locator("#finding-1")).to_contain_text("serial-wrong")
    body = page.get_by_label("The body of the request")
    expect(body.locator("mark.error")).to_have_text(['"12"', "null", '"852"'])
    expect(page.locator("#change-1")).to_contain_text("$.SERIAL")
    expect(page.get_by_label("The corrected packet").locator("mark.change").first).to_have_text("12")
    screenshot(page, "refusal")
    page.locator(".pair.two").first.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    line = page.evaluate("navigator.clipboard.readText()")
    assert '"AUTH_KEY":"\'"$CLOUDSMS_AUTH_KEY"\'"' in line
    page.get_by_role("button", name="Send the corrected one").click()
    page.wait_for_url("**/messages/*")
    expect(page.locator(".bubble")).to_have_text("Your code is 123456")
    assert len(cloudsms.messages) == 1


def test_a_batch_is_told_destination_by_destination(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send("half", "67000011", "abc")
    page = visitor.open(f"/requests/{newest(cloudsms)}")
    rows = page.locator("#destinations tbody tr")
    expect(rows.nth(0)).to_contain_text("accepted")
    expect(rows.nth(1)).to_contain_text("Invalid_parameter")
    expect(rows.nth(1)).to_contain_text("msisdn-wrong")
    expect(page.get_by_text("only its sender knows the number")).to_be_visible()
    expect(page.get_by_role("button", name="Send the corrected one")).to_have_count(0)
    cloudsms.clock.advance(seconds=1)
    expect(rows.nth(0)).to_contain_text("DELIVERED")
    rows.nth(0).get_by_role("link").click()
    expect(page.locator(".bubble")).to_have_text("half")


def test_a_code_with_a_long_name_fits_a_phone(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send("hello", "67xxxx11")
    page = visitor.open(f"/requests/{newest(cloudsms)}", width=390)
    expect(page.locator(".why .code")).to_contain_text("Invalid_parameter 0x10000001")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_body_that_is_no_json_is_marked_where_it_broke(visitor: Visitor, cloudsms: Cloudsms) -> None:
    with httpx2.Client(verify=cloudsms.ssl_context) as client:
        client.post(cloudsms.url, content=json.dumps({"AUTH_KEY": cloudsms.auth_key})[:-1] + ", 'TIME': 1}")
    page = visitor.open(f"/requests/{newest(cloudsms)}")
    expect(page.locator(".detail-head .code")).to_contain_text("Invalid_context")
    expect(page.get_by_label("The body of the request").locator("mark")).to_have_text("'")
    expect(page.get_by_text("write strict JSON in UTF-8")).to_be_visible()


def test_a_suspicion_about_what_a_client_does_is_shown(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send(VERSION="1.0")
    send(VERSION="1.0")
    page = visitor.open(f"/requests/{newest(cloudsms)}")
    expect(page.locator(".finding.suspicion").first).to_contain_text("resent-unchanged")


def test_a_refused_handshake_shows_its_reason_and_its_peer(visitor: Visitor, cloudsms: Cloudsms) -> None:
    page = visitor.open(account="*", q="kind:handshake")
    before = page.locator(".arrival").count()
    with httpx2.Client() as distrusting, pytest.raises(httpx2.ConnectError):
        distrusting.post(cloudsms.url, json={})
    expect(page.locator(".arrival")).to_have_count(before + 1)
    page.locator(".arrival .cover").first.click()
    expect(page.locator(".finding")).to_contain_text("client-distrusts-us")
    expect(page.locator(".finding")).to_contain_text("let it trust ca.pem")
    expect(page.locator(".summary")).to_have_text(re.compile("^The client refused the platform's certificate"))
    expect(page.get_by_text("the handshake failed")).to_be_visible()
    expect(page.get_by_role("button", name="Send it again")).to_have_count(0)


def test_a_packet_of_nobodys_is_corrected_for_the_account_that_is_looked_at(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send("whose is this", AUTH_KEY="a key that nobody knows")
    page = visitor.open(account="*")
    page.locator(".arrival .cover").first.click()
    expect(page.locator(".finding.error")).to_contain_text("auth-key-unknown")
    assert "a key that nobody knows" not in page.content()
    number = page.url.split("/requests/")[1].split("?")[0]
    page.goto(visitor.url(f"/requests/{number}", of="*"))
    page.get_by_role("button", name="Send the corrected one").click()
    page.wait_for_url("**/messages/*")
    assert [message.text for message in cloudsms.messages] == ["whose is this"]


def test_a_request_that_is_not_there_says_why_and_where_to_go(visitor: Visitor) -> None:
    visitor.expected = {"404"}
    page = visitor.open("/requests/999999999", of=visitor.account)
    expect(page.get_by_role("alert")).to_contain_text('there is no request "999999999"')
    page.keyboard.press("u")
    expect(page.locator("#arrivals")).to_be_visible()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_pages_of_a_request_and_of_a_message_can_be_used_by_everybody(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms, dark: bool
) -> None:
    answer = send("It’s half for ${name}", "67000011", "abc", TIME="now", SIGNATURE="Shop", SIGNATURE_TYPE=1)
    cloudsms.clock.advance(seconds=1)
    items: list[dict[str, str]] = answer["DETAIL_LIST"]  # type: ignore[assignment]
    for path in (f"/requests/{newest(cloudsms)}", f"/messages/{items[0]['SMS_UID']}"):
        page = visitor.open(path, dark=dark)
        for summary in page.locator("summary").all():
            summary.click()
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"]) for each in found if each["impact"] in {"serious", "critical"}] == []


@pytest.mark.parametrize("count", [1, 200])
def test_the_pages_of_a_request_and_of_a_message_weigh_little(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms, count: int
) -> None:
    answer = send("many", *[f"6710{number:04d}" for number in range(count)])
    items: list[dict[str, str]] = answer["DETAIL_LIST"]  # type: ignore[assignment]
    for path in (f"/requests/{newest(cloudsms)}", f"/messages/{items[0]['SMS_UID']}"):
        weights = visitor.weigh(path)
        assert sum(weights.values()) < 300_000, weights
