"""What the list looks like, in both lights, both languages and on a telephone; nothing is in anybody's way there."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms

Packet = dict[str, object]
SCREENSHOTS = Path(__file__).parents[3] / "build" / "screenshots"
LOOKS: dict[str, dict[str, object]] = {
    "list": {},
    "list-dark": {"dark": True},
    "list-zh": {"locale": "zh-CN"},
    "list-phone": {"width": 390},
}
README_PICTURE = "inbox.webp"
"""What `make screenshots` puts beside the README of `simulator/`."""
LARGEST_PICTURE = 60_000


class Visitor(Protocol):
    """What of a visitor is used here."""

    def open(
        self, path: str = "/", *, width: int = 1280, dark: bool = False, locale: str = "en-US", **query: str
    ) -> Page: ...


def play(cloudsms: Cloudsms, send: Callable[..., Packet]) -> None:
    """A morning of a shop: codes, a bulk send, other countries, mistakes of every kind, phones that are off."""
    send("Your verification code is 123345, please do not disclose it to others.", "67000011")
    send("Sale today only: everything half price! Reply STOP to opt out.", "67000012", "67000028", "67555005")
    send("您的验证码是 482910,五分钟内有效。请勿告诉他人。", "13800138000", country=86)
    cloudsms.clock.advance(minutes=95)
    send("Bonjour, votre commande n’est pas prête.", "612345678", country=33, ORIGINAL_ADDR="Boutique")
    send("Votre code : 7731", "67555307")
    send("Your table is booked for eight.", "6700 0039")
    cloudsms.clock.advance(minutes=4)
    send("Your parcel is at the counter.", "91234567", country=65)
    send("Your parcel is at the counter.", "61234567", country=65)
    send("ご注文の商品を発送しました。", "9012345678", country=81)
    send("", "67000011")
    send("Your code is 554433", "67555103")
    cloudsms.clock.advance(seconds=40)
    send("See you at 7 👋🏽 — Mum ❤️", "7911123456", country=44)
    send("Your verification code is 991827.", "67000044", "67000045", "abc")


@pytest.mark.parametrize("name", LOOKS)
def test_the_list_is_fit_to_be_seen(
    visitor: Visitor,
    send: Callable[..., Packet],
    cloudsms: Cloudsms,
    screenshot: Callable[[Page, str], None],
    name: str,
) -> None:
    play(cloudsms, send)
    page = visitor.open(**LOOKS[name])  # type: ignore[arg-type]
    expect(page.locator(".arrival")).to_have_count(17)
    page.locator(".scope select option:checked").evaluate("option => (option.textContent = 'shop')")
    screenshot(page, name)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    serious = [
        (each["id"], [node["html"] for node in each["nodes"]])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in {"serious", "critical"}
    ]
    assert serious == []


def test_the_picture_of_the_readme_is_small(visitor: Visitor, send: Callable[..., Packet], cloudsms: Cloudsms) -> None:
    play(cloudsms, send)
    page = visitor.open(width=1100)
    expect(page.locator(".arrival")).to_have_count(17)
    page.locator(".scope select option:checked").evaluate("option => (option.textContent = 'shop')")
    page.set_viewport_size({"width": 1100, "height": 420})
    browser = page.context.new_cdp_session(page)
    taken = browser.send("Page.captureScreenshot", {"format": "webp", "quality": 85})
    picture = base64.b64decode(taken["data"])
    assert picture[8:12] == b"WEBP"
    assert len(picture) < LARGEST_PICTURE
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    partial = SCREENSHOTS / f".{os.getpid()}-{README_PICTURE}"
    partial.write_bytes(picture)
    partial.replace(SCREENSHOTS / README_PICTURE)
