"""Signing in, in a browser, to a server that wants its token."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from cloudsms_simulator.services.ready_file import Ready

TOKEN = "a-token-of-many-letters"


@pytest.fixture
def admin_url(tmp_path: Path) -> Iterator[str]:
    """The admin port of a server that wants a token."""
    file = tmp_path / "ready.json"
    command = [sys.executable, "-m", "cloudsms_simulator", "serve", "--port", "0", "--admin-port", "0"]
    process = subprocess.Popen(
        [*command, "--ready-file", str(file)],
        stdout=subprocess.DEVNULL,
        env=os.environ | {"CLOUDSMS_SIM_ADMIN_TOKEN": TOKEN},
    )
    deadline = time.monotonic() + 60
    while not file.exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield msgspec.json.decode(file.read_bytes(), type=Ready).admin_url
    process.terminate()
    process.wait(30)


def test_a_person_signs_in_works_and_signs_out(chromium: Browser, admin_url: str) -> None:
    assert httpx2.get(f"{admin_url}/api/v1/accounts").status_code == 401
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{admin_url}/compose?account=default")
    assert [each for each in Axe().run(page).response["violations"] if each["impact"] in {"serious", "critical"}] == []
    page.get_by_label("Token").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This is not the token.")
    page.get_by_label("Token").fill(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_url("**/compose?account=default")
    page.get_by_label("Recipients").fill("85267000011")
    page.get_by_label("Text").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#sent")).to_contain_text("OK 0x01")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/login")
    page.goto(f"{admin_url}/")
    expect(page.get_by_label("Token")).to_be_visible()
    context.close()
