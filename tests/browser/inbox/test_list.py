"""The list in a browser: what came is there, live, newest first, and can be searched."""

import re
from collections.abc import Callable
from typing import Protocol

from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

Packet = dict[str, object]


class Visitor(Protocol):
    """What of a visitor is used here."""

    server: Server
    expected: set[str]

    def open(self, path: str = "/", *, locale: str = "en-US", **query: str) -> Page: ...
    def browse(self) -> Page: ...
    def url(self, path: str = "/") -> str: ...


def test_a_message_appears_while_the_page_is_open(visitor: Visitor, send: Callable[..., Packet]) -> None:
    page = visitor.open()
    expect(page.locator("#empty")).to_be_visible()
    send("Your code is 482910", "67000099")
    row = page.locator(".arrival.message")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("+852 67000099")
    expect(row).to_contain_text("Your code is 482910")
    expect(page.locator("#counts")).to_have_text("1 message")


def test_its_state_changes_when_the_clock_is_moved(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send()
    page = visitor.open()
    expect(page.locator(".state")).to_have_text("accepted")
    cloudsms.clock.advance(seconds=1)
    expect(page.locator(".state")).to_have_text("DELIVERED")
    cloudsms.clock.advance(hours=25)
    expect(page.locator("time.age")).to_have_text("1 d")


def test_what_was_refused_stands_beside_it_and_looks_different(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("first")
    send("", "67000011")
    send("half", "67000012", "abc")
    page = visitor.open()
    expect(page.locator(".arrival")).to_have_count(4)
    refused = page.locator(".arrival.refusal")
    expect(refused.nth(1)).to_contain_text("Invalid_context")
    expect(refused.nth(1)).to_contain_text("content-missing")
    expect(refused.nth(0)).to_contain_text("refused in part")
    assert refused.nth(0).evaluate("each => getComputedStyle(each).boxShadow") != "none"


def test_a_search_finds_as_the_api_does(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("to Hong Kong")
    send("to London", "7911123456", country=44)
    page = visitor.open()
    page.keyboard.press("/")
    page.keyboard.type("to:44*")
    page.keyboard.press("Enter")
    expect(page.locator(".arrival")).to_have_count(1)
    expect(page.locator(".arrival")).to_contain_text("to London")
    assert "q=to%3A44*" in page.url


def test_a_search_that_is_none_says_what_would_be_right(visitor: Visitor) -> None:
    visitor.expected = {"400"}
    page = visitor.open(q="stat:DELIVERED")
    expect(page.get_by_role("alert")).to_contain_text('unknown field "stat"')
    expect(page.get_by_role("alert")).to_contain_text("state")


def test_words_are_suggested_after_those_that_stand_there(visitor: Visitor) -> None:
    page = visitor.open()
    page.locator("#q").press_sequentially("to:852* state:")
    offered = page.locator("#terms option").evaluate_all("options => options.map((each) => each.value)")
    assert "to:852* state:DELIVERED" in offered


def test_the_keys_walk_through_the_list(visitor: Visitor, send: Callable[..., Packet]) -> None:
    for number in ("67000001", "67000002", "67000003"):
        send("hello", number)
    page = visitor.open()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".cover:focus")).to_contain_text("67000003")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_the_keys_go_on_to_older_ones_and_open_a_row(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("many", *[f"6710{number:04d}" for number in range(60)])
    page = visitor.open()
    for _ in range(50):
        page.keyboard.press("j")
    expect(page.locator(".arrival")).to_have_count(60)
    page.keyboard.press("j")
    expect(page.locator(".cover:focus")).to_contain_text("+852 67100009")
    address = page.locator(".cover:focus").get_attribute("href")
    assert address is not None
    page.route("**/messages/**", lambda route: route.fulfill(body="opened"))
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}")


def test_the_list_is_narrowed_by_state_and_code_and_a_search_stays(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    send("one", "67555005")
    send("two", "67000011")
    send("three", "67555103")
    cloudsms.clock.advance(seconds=1)
    page = visitor.open(q="to:8526*")
    expect(page.locator(".arrival")).to_have_count(3)
    expect(page.locator("#counts")).to_have_text("searched in 2 messages")
    page.get_by_label("State").select_option("UNDELIVERABLE")
    expect(page.locator(".arrival")).to_have_count(1)
    expect(page.locator("#q")).to_have_value("to:8526* state:UNDELIVERABLE")
    expect(page.get_by_label("State")).to_have_value("to:8526* state:UNDELIVERABLE")
    expect(page.locator("time.age")).to_have_text("1 s")  # the page is live
    page.get_by_label("State").select_option("any state")
    expect(page.locator(".arrival")).to_have_count(3)
    expect(page.locator("time.age").first).to_have_text("1 s")
    page.get_by_label("Result code").select_option("Busy 0x03")
    expect(page.locator(".arrival")).to_have_count(1)
    expect(page.locator(".arrival")).to_contain_text("Busy")


def test_the_row_in_focus_stays_in_focus_while_others_arrive(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("hello", "67000001")
    page = visitor.open()
    page.keyboard.press("j")
    send("hello", "67000002")
    expect(page.locator(".arrival")).to_have_count(2)
    expect(page.locator(".cover:focus")).to_contain_text("67000001")


def test_a_row_in_focus_stays_until_its_reader_leaves_it(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("hello", "67000001")
    page = visitor.open()
    page.keyboard.press("j")
    send("many", *[f"6710{number:04d}" for number in range(120)])
    expect(page.get_by_role("button", name="Something new")).to_be_visible()
    expect(page.locator(".cover:focus")).to_contain_text("67000001")
    page.locator("#q").focus()
    expect(page.locator(".arrival")).to_have_count(50)
    expect(page.locator("#counts")).to_have_text("121 messages")
    expect(page.get_by_role("button", name="Something new")).to_be_hidden()


def test_all_can_be_marked_read_and_new_ones_are_not(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("hello", "67000001")
    page = visitor.open()
    expect(page.locator(".arrival.unread")).to_have_count(1)
    page.get_by_role("button", name="Mark all read").click()
    expect(page.locator(".arrival.unread")).to_have_count(0)
    send("hello", "67000002")
    expect(page.locator(".arrival.unread")).to_have_count(1)
    page.reload()
    expect(page.locator(".arrival.unread")).to_contain_text("67000002")


def test_older_ones_come_when_they_are_scrolled_to_and_the_reader_keeps_their_place(
    visitor: Visitor, send: Callable[..., Packet]
) -> None:
    send("many", *[f"6710{number:04d}" for number in range(120)])
    page = visitor.open()
    expect(page.locator(".arrival")).to_have_count(50)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".arrival")).to_have_count(100)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(page.locator(".arrival")).to_have_count(120)
    send("one more")
    expect(page.locator(".arrival")).to_have_count(120)
    page.get_by_role("button", name="Something new").click()
    expect(page.locator(".arrival").first).to_contain_text("one more")


def test_texts_are_shown_as_text(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send("<script>document.title='taken'</script><b>bold</b> \u202eright to left\u202c 👩‍👩‍👧 \x00 nul")
    page = visitor.open()
    row = page.locator(".arrival.message .text bdi")
    expect(row).to_contain_text("<script>document.title='taken'</script><b>bold</b>")
    expect(row).to_contain_text("👩‍👩‍👧 ␀ nul")
    assert "taken" not in page.title()
    assert row.locator("b").count() == 0


def test_a_country_is_named_in_the_language_of_the_page(visitor: Visitor, send: Callable[..., Packet]) -> None:
    send()
    page = visitor.open(locale="zh-CN")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator(".country")).to_have_attribute("title", re.compile("香港"))
    expect(page.locator("#counts")).to_have_text("1 条短信")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#counts")).to_have_text("1 message")
    expect(page.locator(".country")).to_have_attribute("title", re.compile("Hong Kong"))


def test_colours_can_be_chosen_and_are_remembered(visitor: Visitor) -> None:
    def paper(page: Page) -> object:
        return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")

    page = visitor.open()
    light = paper(page)
    page.get_by_role("link", name="Dark colours").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert paper(page) != light
    page.goto(visitor.url())
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_an_account_that_is_gone_is_told_on_a_page(visitor: Visitor) -> None:
    visitor.expected = {"404"}
    page = visitor.browse()
    page.goto(f"{visitor.server.admin_url}/?account=nobody-here")
    expect(page.get_by_role("alert")).to_contain_text("there is no account")
