"""The inbox below a base path: what its scripts lead to, and what comes live.

Reading: R19.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from cloudsms_simulator.client.client import Client
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.pytest_plugin.server import ServerThread

BASE = "/tools/cloudsms"


@pytest.fixture
def url() -> Iterator[str]:
    """The inbox of a server below a base path."""
    thread = ServerThread(Settings(port=0, admin_port=0, admin_path=BASE, clock="frozen"))
    yield thread.start().admin_url
    thread.stop()


def test_scripts_lead_to_pages_below_it_and_news_comes_live(chromium: Browser, url: str) -> None:
    context = chromium.new_context()
    page, client = context.new_page(), Client(url)
    strayed: list[str] = []
    page.on("request", lambda request: note_if_strayed(strayed, url, request.url))
    page.goto(f"{url}/overview")
    page.keyboard.press("/")
    page.wait_for_url(f"{url}/")
    answer = client.send(to=["85267000011"], text="Your code is 123456")
    page.locator(".arrival .cover").first.click()
    expect(page).to_have_url(re.compile(rf"{BASE}/messages/{answer.uids[0]}"))
    page.get_by_role("button", name="Duplicate").click()
    expect(page).not_to_have_url(re.compile(answer.uids[0]))
    expect(page).to_have_url(re.compile(rf"{BASE}/messages/"))
    make_an_account(page, url)
    context.close()
    client.close()
    assert strayed == []


def make_an_account(page: Page, url: str) -> None:
    """Makes one on the page `/control`, goes to it, and deletes it."""
    page.goto(f"{url}/control")
    page.locator("#new-name").fill("shop")
    page.get_by_role("button", name="Create").click()
    page.get_by_role("link", name="Go to the account").click()
    page.wait_for_url(f"{url}/control?account=shop")
    page.get_by_role("button", name="Delete shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete shop").click()
    page.wait_for_url(f"{url}/control")


def note_if_strayed(strayed: list[str], url: str, asked: str) -> None:
    """Notes a request for anything on the web that is not below the base path."""
    if asked.startswith("http") and not asked.startswith(f"{url}/"):
        strayed.append(asked)
