"""A browser, and pages that are watched: none may complain, and none may ask another host for anything.

Debian's chromium is taken from the PATH. Where there is none, tests are skipped and say so.
"""

import shutil
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from patience import DEADLINE
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from cloudsms_simulator.pytest_plugin.server import Server

# Each window of chromium loads two pages of its own for the list below its address bar, at half the cost of a test.
# Whoever switches them off must repeat playwright's list: of two such switches the last one counts.
SWITCHED_OFF = (
    "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
    "AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay", "MediaRouter",
    "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding", "PreconnectToSearch",
    "ThirdPartyStoragePartitioning",
)  # fmt: skip
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-lcd-text",
    f"--disable-features={','.join(SWITCHED_OFF)}",
)  # fmt: skip
DEADLINE_MS = 1000 * DEADLINE
"""What a page has for whatever is waited for."""


class Watched:
    """A page in a context of its own, with what its console complained of and what it asked other hosts for."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        """The admin port's, without a slash at the end."""
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", self._failed)
        context.on("request", self._asked)

    def open(self, path: str) -> Page:
        """Goes to a path of the admin port; its page, loaded."""
        answer = self.page.goto(f"{self.url}{path}")
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        return self.page

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.type}: {message.text}")

    def _failed(self, error: Error) -> None:
        self.errors.append(str(error))

    def _asked(self, request: Request) -> None:
        asked = urlsplit(request.url)
        if asked.scheme not in {"data", "blob", "about"} and asked.netloc != urlsplit(self.url).netloc:
            self.foreign.append(request.url)


# Not of the session: while playwright runs, no other test of the process can run an event loop.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One browser for all tests in this folder that a worker runs in a row."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("there is no chromium on the PATH; on Debian `apt-get install chromium` brings it")
    expect.set_options(timeout=DEADLINE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def watched(chromium: Browser, cloudsms_server: Server) -> Iterator[Watched]:
    """A watched page of the admin port; the test fails when it complained, or asked another host for anything."""
    context = chromium.new_context(locale="en-GB", timezone_id="Asia/Hong_Kong")
    context.set_default_timeout(DEADLINE_MS)
    try:
        watched = Watched(context, cloudsms_server.admin_url)
        yield watched
        assert (watched.errors, watched.foreign) == ([], [])
    finally:
        context.close()
