"""The list while much arrives: it stays usable, and is right in the end. Pages weigh little."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pytest
from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms

Packet = dict[str, object]

MANY = 500
HEAVIEST = 300_000
"""Octets of everything a page loads, as they travel."""
PAGES = ("/", "/overview", "/compose", "/control")


class Visitor(Protocol):
    """What of a visitor is used here."""

    def open(self, path: str = "/") -> Page: ...
    def url(self, path: str = "/") -> str: ...
    def weigh(self, path: str) -> dict[str, int]: ...


def test_many_messages_arrive_while_a_page_is_open(
    visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms
) -> None:
    page = visitor.open()
    expect(page.locator("#empty")).to_be_visible()

    def sends() -> None:
        for number in range(MANY):
            send(f"Your code is {number:06}", f"6700{number:04}")

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(sends)
        expect(page.locator(".arrival")).to_have_count(50)
        page.keyboard.press("/")
        page.keyboard.type("to:852*")
        page.locator("#q").blur()
        page.keyboard.press("j")
        expect(page.locator(".cover:focus")).to_be_visible()
        expect(page.locator("#q")).to_have_value("to:852*")
        page.keyboard.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        sending.result()
    page.locator("#q").focus()
    expect(page.locator("#counts")).to_have_text(f"{MANY} messages")
    expect(page.locator(".arrival").first).to_contain_text(f"Your code is {MANY - 1:06}")
    marks = page.evaluate(
        """async (url) => {
          const marks = [];
          while (url) {
            const part = new DOMParser().parseFromString(await (await fetch(url)).text(), "text/html");
            marks.push(...[...part.querySelectorAll("[data-mark]")].map((row) => row.dataset.mark));
            url = part.querySelector(".more")?.getAttribute("hx-get");
          }
          return marks;
        }""",
        visitor.url("/window"),
    )
    numbers = [int(mark.split(".")[0]) for mark in marks]
    assert (len(numbers), numbers) == (MANY, sorted(set(numbers), reverse=True))


@pytest.mark.parametrize("path", PAGES)
def test_a_page_weighs_little(visitor: Visitor, send: Callable[..., Packet], path: str) -> None:
    send("many", *[f"6710{number:04}" for number in range(200)])
    weights = visitor.weigh(path)
    assert len(weights) >= 15, weights
    assert sum(weights.values()) < HEAVIEST, weights
