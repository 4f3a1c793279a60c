"""The story of `demo --open` as the inbox shows it."""

import os
import subprocess
import sys

from playwright.sync_api import Browser, expect

STORY = (
    ("EXPIRED", "+852 67000032", "771203"),
    ("DELIVERED", "+852 67000029", "at the counter"),
    ("DELIVERED", "+852 67000028", "at the counter"),
    ("DELIVERED", "+852 67000039", "table is booked"),
    ("Invalid_parameter", "request 4", "msisdn-spaces"),
    ("DELIVERED", "+86 13800138000", "尊敬的客户"),
    ("DELIVERED", "+65 91234567", "free shipping"),
    ("DELIVERED", "+44 7911123456", "free shipping"),
    ("DELIVERED", "+86 13800138008", "free shipping"),
    ("DELIVERED", "+852 67000017", "free shipping"),
    ("DELIVERED", "+852 67000016", "free shipping"),
    ("DELIVERED", "+852 67000010", "482910"),
)


def test_the_list_is_the_story_from_its_end(chromium: Browser) -> None:
    command = [sys.executable, "-m", "cloudsms_simulator", "demo", "--open", "--no-browser", "--pace", "0"]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_SIM_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables) as demo:
        try:
            assert demo.stdout is not None
            url = next(line.split()[1] for line in demo.stdout if line.startswith("Inbox "))
            page = chromium.new_page()
            page.goto(url)
            rows = page.locator(".arrival")
            expect(rows).to_have_count(len(STORY))
            expect(rows.first).to_contain_text("EXPIRED")
            for row, told in zip(rows.all(), STORY, strict=True):
                for part in told:
                    expect(row).to_contain_text(part)
            page.close()
        finally:
            demo.terminate()
            demo.communicate(timeout=60)
    assert demo.returncode == 0
