"""The documents for users, and the parts of them that tests check and run.

`README` is the front page, `REFERENCE` the front page with all of `simulator/docs`.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "simulator" / "docs").glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = "\n".join([README, *[path.read_text(encoding="utf-8") for path in PAGES]])


def page(name: str) -> str:
    """One page of the reference, by its name without `.md`."""
    return (ROOT / "simulator" / "docs" / f"{name}.md").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands below a heading, to the next one of its level or above."""
    found = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert found is not None, title
    below = text[found.end() :]
    end = re.search(
        rf"^#{{1,{len(found[1])}}} ", re.sub(r"^```.*?^```", _blanked, below, flags=re.M | re.S), re.MULTILINE
    )
    return below if end is None else below[: end.start()]


def _blanked(block: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", block[0])


def snippets(text: str, language: str) -> list[str]:
    """The fenced blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def rows(text: str) -> list[list[str]]:
    """The cells of every table row."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def headings(text: str) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    lines = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return [re.sub(r"[^a-z0-9 _-]", "", line.lower()).replace(" ", "-") for line in lines]
