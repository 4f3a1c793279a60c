"""Program: the inbox in a browser. Says when it was first painted; of each number on a line, what the page came to.

The answer to a number comes when the page shows so many messages: first paint and longest standstill in ms, as JSON.
It ends when the list never gets there.

Arguments: the address of the admin port.
"""

import json
import shutil
import sys

from playwright.sync_api import expect, sync_playwright

_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking")
_WATCH = """() => {
  window.longest = 0;
  let last = performance.now();
  const look = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    setTimeout(look, 10);
  };
  look();
}"""
_PAINTED = (
    "performance.getEntriesByType('paint').find((each) => each.name === 'first-contentful-paint')?.startTime ?? 0"
)
_DEADLINE_MS = 60_000


def main(url: str) -> None:
    """Answers until its standard input ends."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(_FLAGS))
        page = browser.new_page()
        page.goto(f"{url}/")
        page.evaluate(_WATCH)
        page.wait_for_function(f"({_PAINTED}) > 0")
        print(page.evaluate(_PAINTED), flush=True)
        for line in sys.stdin:
            expect(page.locator("#counts")).to_have_text(f"{int(line)} messages", timeout=_DEADLINE_MS)
            expect(page.locator(".arrival")).to_have_count(50, timeout=_DEADLINE_MS)
            told = {"painted": page.evaluate(_PAINTED), "stood_still": page.evaluate("window.longest")}
            page.evaluate("() => { window.longest = 0; }")
            print(json.dumps(told), flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
