"""The page of a message in a browser: what a phone shows, what happened, and what can be done to it."""

from collections.abc import Callable
from typing import Protocol

from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

Packet = dict[str, object]
SHOWN_AS_TEXT = "<script>document.title='taken'</script><b>b</b> \u202eturned\u202c 👩‍👩‍👧 \x00"


class Visitor(Protocol):
    """What of a visitor is used here."""

    server: Server
    account: str
    expected: set[str]

    def open(
        self, path: str = "/", *, width: int = 1280, dark: bool = False, locale: str = "en-US", **query: str
    ) -> Page: ...


def uid_of(answer: Packet, place: int = 0) -> str:
    items: list[dict[str, str]] = answer["DETAIL_LIST"]  # type: ignore[assignment]
    return items[place]["SMS_UID"]


def test_a_message_is_shown_as_a_phone_shows_it(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms, screenshot: Callable[[Page, str], None]
) -> None:
    text = "Your verification code is 123345, please do not disclose it to others."
    uid = uid_of(send(text, SIGNATURE="CloudSMS", SIGNATURE_TYPE=1, ORIGINAL_ADDR="Shop"))
    cloudsms.clock.advance(seconds=1)
    page = visitor.open(f"/messages/{uid}")
    expect(page.locator(".sender")).to_have_text("Shop")
    expect(page.locator(".bubble")).to_have_text(
        ["【CloudSMS】Your verification code is 123345, please do not disclose ", "it to others."]
    )
    expect(page.locator(".units")).to_have_text(["1 of 2 · 67/67 UCS-2", "2 of 2 · 13/67 UCS-2"])
    expect(page.locator(".bubble mark.forced")).to_have_text(["【", "】"])
    expect(page.locator(".bubble .signature")).to_have_text("CloudSMS")
    expect(page.locator("#otp")).to_have_text("123345")
    expect(page.get_by_text("With look-alikes it would be 1 instead of 2 segments, USD 0.05 less")).to_be_visible()
    expect(page.get_by_text("2 segments × USD 0.05 = USD 0.10")).to_be_visible()
    expect(page.locator(".ledger tbody tr")).to_contain_text("USD 999.90")
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "123345"
    screenshot(page, "message")
    screenshot(visitor.open(f"/messages/{uid}", dark=True), "message-dark")
    screenshot(visitor.open(f"/messages/{uid}", locale="zh-CN"), "message-zh")
    narrow = visitor.open(f"/messages/{uid}", width=390)
    screenshot(narrow, "message-phone")
    assert narrow.evaluate("document.documentElement.scrollWidth") == 390


def test_state_timeline_and_pushes_come_in_while_it_is_open_and_what_is_open_stays_so(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    cloudsms.account.change(callback={"url": cloudsms.sink.show().url, "retries": ["10s"]})
    cloudsms.sink.answers([{"status": 503}, {"answer": "ok"}])
    page = visitor.open(f"/messages/{uid_of(send())}")
    expect(page.locator("#fate")).to_have_text("accepted")
    expect(page.locator(".event.to-come .what")).to_have_text("DELIVERED is due.")
    cloudsms.clock.advance(seconds=1)
    expect(page.locator("#fate")).to_have_text("DELIVERED")
    expect(page.get_by_text("Next push at")).to_be_visible()
    page.locator(".attempt summary").click()
    expect(page.locator(".attempt")).to_contain_text("dr-http-status")
    cloudsms.clock.advance(seconds=10)
    expect(page.locator(".attempt")).to_have_count(2)
    expect(page.locator(".attempt").nth(0)).to_have_attribute("open", "")
    expect(page.locator(".attempt").nth(0).get_by_label("The report")).to_contain_text('"SMS_STATE": 2')
    expect(page.locator(".outcome")).to_have_text("answered")
    expect(page.get_by_text("Nothing is to come any more.")).to_be_visible()


def test_a_state_is_forced_and_its_report_pushed_once_more(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    uid = uid_of(send())
    page = visitor.open(f"/messages/{uid}")
    page.get_by_label("State", exact=True).select_option("REJECTED")
    page.get_by_role("button", name="Report it").click()
    expect(page.locator("#fate")).to_have_text("REJECTED")
    expect(page.locator("#call code")).to_contain_text(f"/api/v1/messages/{uid}/report?account={visitor.account}")
    expect(page.get_by_role("button", name="Deliver")).to_have_count(0)
    expect(page.get_by_text("refunded", exact=True).first).to_be_visible()
    expect(page.locator(".ledger tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Resend the last report").click()
    expect(page.locator(".attempt")).to_have_count(2)
    page.get_by_label("or a number").fill("42")
    page.get_by_label("one more report").check()
    page.get_by_role("button", name="Report it").click()
    expect(page.locator(".report h3").nth(1)).to_contain_text("UNKNOWN 42")
    assert [report.state for report in cloudsms.reports] == [8, 42]


def test_what_is_typed_stays_while_the_page_reads_itself_again(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    page = visitor.open(f"/messages/{uid_of(send())}")
    page.get_by_label("after").fill("PT3H")
    cloudsms.clock.advance(seconds=1)
    expect(page.locator("#fate")).to_have_text("DELIVERED")
    expect(page.get_by_label("after")).to_have_value("PT3H")


def test_a_duplicate_leads_to_the_message_it_became(visitor: Visitor, send: Callable[..., Packet]) -> None:
    uid = uid_of(send("twice"))
    page = visitor.open(f"/messages/{uid}")
    page.get_by_role("button", name="Duplicate").click()
    page.wait_for_url(lambda url: "/messages/" in url and uid not in url)
    expect(page.locator(".bubble")).to_have_text("twice")
    expect(page.get_by_text("inside the simulator")).to_be_visible()


def test_texts_are_shown_as_text(visitor: Visitor, send: Callable[..., Packet]) -> None:
    page = visitor.open(f"/messages/{uid_of(send(SHOWN_AS_TEXT))}")
    expect(page.locator(".bubble")).to_have_text(
        "<script>document.title='taken'</script><b>b</b> \u202eturned\u202c 👩‍👩‍👧 ␀"
    )
    expect(page.get_by_label("The body of the request")).to_contain_text(r"\u202eturned\u202c")
    assert "taken" not in page.title()
    assert page.locator(".bubble b").count() == 0


def test_ten_segments_are_ten_bubbles_and_a_pair_that_is_not_split_is_told(
    visitor: Visitor, send: Callable[..., Packet]
) -> None:
    page = visitor.open(f"/messages/{uid_of(send('a' * 1530))}")
    expect(page.locator(".bubble")).to_have_count(10)
    expect(page.locator(".units").last).to_have_text("10 of 10 · 153/153 GSM 03.38")
    page = visitor.open(f"/messages/{uid_of(send('😀' * 100 + 'a'))}")
    expect(page.get_by_text("By its length it is 3 segments; a handset gets 4")).to_be_visible()


def test_the_keys_lead_through_the_list_and_back(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("first")
    send("", "67000012")
    page = visitor.open(f"/messages/{uid_of(send('third'))}")
    for key, heading in (("j", "Request"), ("j", "+852"), ("k", "Request"), ("u", None)):
        with page.expect_navigation(wait_until="load"):
            page.keyboard.press(key)
        if heading:
            expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator(".arrival")).to_have_count(3)


def test_a_message_that_goes_stays_to_be_read_and_says_so(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    visitor.expected = {"404"}
    page = visitor.open(f"/messages/{uid_of(send('still to be read'))}", of=visitor.account)
    cloudsms.account.reset()
    expect(page.get_by_text("It is gone from the journal; this is what it was.")).to_be_visible()
    expect(page.locator(".bubble")).to_have_text("still to be read")


def test_a_message_that_is_not_there_says_why_and_where_to_go(visitor: Visitor) -> None:
    visitor.expected = {"404"}
    page = visitor.open("/messages/nowhere", of=visitor.account)
    expect(page.get_by_role("alert")).to_contain_text('there is no message "nowhere"')
    page.keyboard.press("u")
    expect(page.locator("#arrivals")).to_be_visible()
