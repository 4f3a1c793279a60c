"""The inbox in a browser: Debian's chromium, a server of the session's own, and an account for each test.

A page that logs an error, or asks another host for anything, fails the test it was opened in.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from patience import DEADLINE
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms
from cloudsms_simulator.pytest_plugin.server import Server

SCREENSHOTS = Path(__file__).parents[3] / "build" / "screenshots"
DEADLINE_MS = 1000 * DEADLINE

Packet = dict[str, object]


class Visitor:
    """Somebody who looks at the inbox of one account. What went wrong in the browser is in `complaints`."""

    def __init__(self, browser: Browser, server: Server, account: str) -> None:
        self.server = server
        self.account = account
        self.complaints: list[str] = []
        self.expected: set[str] = set()
        """Statuses of answers that a test means to provoke; browsers log each of 400 and above as an error."""
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    def url(self, path: str = "/", **query: str) -> str:
        """The address of a page about the account; `account=""` for all of them."""
        return f"{self.server.admin_url}{path}?{urlencode({'account': self.account} | query)}"

    def open(
        self, path: str = "/", *, width: int = 1280, dark: bool = False, locale: str = "en-US", **query: str
    ) -> Page:
        """A page in a browser of its own, open and connected to the server's pulse."""
        page = self.browse(width=width, dark=dark, locale=locale)
        page.goto(self.url(path, **query))
        return page

    def browse(self, *, width: int = 1280, dark: bool = False, locale: str = "en-US") -> Page:
        """An empty page in a browser of its own."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", locale=locale
        )
        context.set_default_timeout(DEADLINE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("request", lambda request: self._see(request.url))
        return page

    def weigh(self, path: str) -> dict[str, int]:
        """How many octets the files have that a page takes, by their address. What it reads again counts once.

        It may read itself again under another query.
        """
        page, weights = self.browse(), dict[str, int]()

        def put_down(response: Response) -> None:
            if "/pulse" not in response.url:
                is_page = urlsplit(response.url).path == path
                weights[path if is_page else response.url] = len(response.body())

        page.on("response", put_down)
        page.goto(self.url(path))
        expect(page.get_by_role("main")).to_be_visible()
        page.wait_for_load_state("load")
        return weights

    def close(self) -> None:
        """Closes every browser it had."""
        for context in self._contexts:
            context.close()

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(f"status of {status}" in text for status in self.expected):
            self.complaints.append(f"{kind}: {text}")

    def _see(self, url: str) -> None:
        if urlsplit(url).scheme not in {"data", "blob"} and not url.startswith(self.server.admin_url):
            self.complaints.append(f"asked another host: {url}")


@pytest.fixture
def visitor(chromium: Browser, cloudsms: Cloudsms, cloudsms_server: Server) -> Iterator[Visitor]:
    """Looks at the account of the test."""
    visitor = Visitor(chromium, cloudsms_server, cloudsms.account.show().name)
    yield visitor
    visitor.close()
    assert visitor.complaints == []


@pytest.fixture
def send(cloudsms: Cloudsms) -> Iterator[Callable[..., Packet]]:
    """Sends one text to Hong Kong numbers, or a packet with other fields, and returns the answer."""
    with httpx2.Client(verify=cloudsms.ssl_context) as client:

        def sends(text: str = "Your code is 123456", *numbers: str, country: int = 852, **fields: object) -> Packet:
            to = [{"COUNTRY_CODE": country, "DEST_MSISDN": number} for number in numbers or ("67000011",)]
            packet: Packet = {
                "METHOD": "SMS_SEND_REQUEST",
                "TYPE": "REQUEST",
                "SERIAL": 1,
                "TIME": f"{cloudsms.clock.now:%Y-%m-%d %H:%M:%S}",
                "AUTH_KEY": cloudsms.auth_key,
                "ROUTE_ID": cloudsms.route_id,
                "VERSION": "2021-01-01",
                "MULTI_MSISDN_LIST": to,
                "SMS_CONTENT": text,
                "CUSTOMER_BODY": {"order": 1},
            }
            answer: Packet = client.post(cloudsms.url, json=packet | fields).json()
            return answer

        yield sends


@pytest.fixture
def screenshot() -> Callable[[Page, str], None]:
    """Keeps what a page looks like, for people to look at."""

    def keeps(page: Page, name: str) -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        partial = SCREENSHOTS / f".{name}-{os.getpid()}.png"
        page.screenshot(path=partial)
        partial.replace(SCREENSHOTS / f"{name}.png")

    return keeps
