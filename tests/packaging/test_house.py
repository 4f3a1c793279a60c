"""The house is as its README says: every place is there, and has what is to be found there."""

import ast
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from sources import PACKAGE, ROOT, text_of, tree_of

HOUSE = ROOT / "simulator" / "README.md"
README = HOUSE.read_text(encoding="utf-8")
TEXTS = {".py", ".md", ".html", ".toml", ".css", ".js"}
PACKAGES = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MOST_MODULES = 16
MOST_WORDS = 25
PLACE = re.compile(rf"\b((?:{'|'.join(PACKAGES)})/[a-z_]+\.py)")


def section(title: str) -> str:
    """What stands below a heading."""
    return README.split(f"## {title}\n")[1].split("\n## ")[0]


def names_in(path: Path) -> set[str]:
    """What a module defines or imports at its top."""
    names: set[str] = set()
    for node in tree_of(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_has_at_most_sixteen_modules_and_says_what_it_is(package: str) -> None:
    modules = [path for path in (PACKAGE / package).glob("*.py") if path.name != "__init__.py"]
    assert package == "cli" or len(modules) <= MOST_MODULES
    docstring = ast.get_docstring(tree_of(PACKAGE / package / "__init__.py"))
    assert len((docstring or "").split()) > 40
    assert f"| `{package}/` |" in section("The packages")


def test_every_module_that_is_named_is_there() -> None:
    named = set(PLACE.findall(README))
    assert len(named) > 40
    assert [path for path in sorted(named) if not (PACKAGE / path).is_file()] == []


ROWS = [line for line in section("One obvious place").splitlines() if line.startswith(("| a", "| s"))]
SPELLED: Mapping[str, str] = {
    "a result code": r"SEND_FAILED|Send_failed",
    "a state": r"\bDELETED\b",
    "a country": r"\b383\b",
    "a check": r"\bsender_is_displayable\b",
    "a mistake of clients": r"\bobserve_reserved_priority\b",
    "a finding's rule": r"\bsender-wrong\b|\bpriority-reserved\b",
    "a suspicion": r"\b_?time_stands_still\b",
    "a local rejection": r"\breject_singapore_number\b|Singapore number",
    "a switch of the profile": r"\bdr_serial_wrap\b",
    "a fault of answers": r"(?i)\bwrong_serial\b|\brandom_data_then_close\b",
    "a fault of pushes": r"(?i)\bburst\b",
    "a flawed certificate": r"(?i)\bwrong[-_]host\b|\bwrong_usage\b",
    "a way that reports are pushed": r"\buid_case\b",
    "a magic number": r"\b555306\b",
    "a key of scenario files": r"\bignore_case\b",
    "a bundled scenario": r"\breports-twice\b",
    "a setting": r"\blog_format\b",
    "a setting of accounts": r"\bpush_window\b",
    "a search field": r'"attempts"|\| `attempts` \|',
    "an admin endpoint": r"/verify\b",
    "a query parameter": r"\bOfExchange\b",
    "a metric": r"\bcloudsms_segments_billed\b|\bcounters\.billed\b|def billed\b",
    "a page of the inbox": r"\bcompose_page\b|\bComposePage\b|[\"`]/compose[\"`]|\bcompose\.(?:html|css|toml|js)\b",
    "a command": r"\"completion\":|\| `completion` \||def completion\b",
    "a word of the fixture `cloudsms`": r"\bassert_nothing_sent\b",
    "a page of the reference": r"\bcontainers\.md\b",
    "a database for the durable store": r"\"(?:sqlite|postgresql)\"|\b(?:Sqlite|Postgres)Database\b",
    "a step of the schema": r"\bMIGRATIONS\b",
}
"""An entry that there is, by the row that says how to add one: a regular expression of how files spell it."""
USED: Mapping[str, frozenset[str]] = {
    "a result code": frozenset({"scenarios/README.md"}),
    "a switch of the profile": frozenset({"engine/delivery.py"}),
    "a fault of answers": frozenset({"engine/evaluation.py", "READINGS.md"}),
    "a fault of pushes": frozenset({"config/outcome_schema.py"}),
    "a flawed certificate": frozenset({"scenarios/tls-trouble.yaml", "push/failures.py", "cli/admin_api.py"}),
    "a setting": frozenset({"cli/serve.py", "docs/asgi.md"}),
    "a setting of accounts": frozenset({"push/dispatcher.py", "READINGS.md"}),
    "a page of the reference": frozenset({"README.md"}),
    "a database for the durable store": frozenset({"stores/sqlite.py", "stores/postgres.py"}),
    "a step of the schema": frozenset({"stores/sqlite.py", "stores/postgres.py"}),
}
"""Files that only use that entry or show it as an example, as they might any other."""


def files_that_spell(pattern: str) -> set[str]:
    """The files that match, as the table writes their paths: in the package, in `simulator/`, or in the root."""
    found = re.compile(pattern)
    roots = (PACKAGE, ROOT / "simulator", ROOT)
    paths = [*(ROOT / "scenarios").iterdir(), ROOT / "README.md", ROOT / "certs" / "README.md"]
    paths += [path for path in (ROOT / "simulator").rglob("*") if path.suffix in TEXTS]
    return {
        path.relative_to(next(root for root in roots if path.is_relative_to(root))).as_posix()
        for path in paths
        if path != HOUSE and found.search(text_of(path))
    }


def test_every_row_that_can_have_one_has_an_entry_that_is_looked_for() -> None:
    titles = {row.split(" | ")[0].removeprefix("| ") for row in ROWS}
    assert titles - set(SPELLED) == {
        "something that has a moment",
        "a file of others",
        "a step of `doctor`",
        "another store",
    }
    assert set(SPELLED) <= titles


@pytest.mark.parametrize("title", SPELLED)
def test_an_obvious_place_names_every_file_that_spells_such_an_entry(title: str) -> None:
    (row,) = [row for row in ROWS if row.startswith(f"| {title} |")]
    spelling = files_that_spell(SPELLED[title]) - USED.get(title, frozenset())
    assert spelling
    named = re.findall(r"(?<![\w/])([\w./-]+\.(?:py|md|html|toml|yaml)|[\w/]+/)(?=`|[ .,;|])", row)
    assert [path for path in sorted(spelling) if not path.startswith(tuple(named))] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].removeprefix("| "))
def test_the_documents_and_folders_that_an_obvious_place_names_are_there(row: str) -> None:
    named = re.findall(r"`([\w./-]+(?:\.(?:md|html|toml|yaml)|/))`", row)
    roots = (PACKAGE, ROOT / "simulator", ROOT)
    assert [path for path in named if not any((root / path).exists() for root in roots)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].removeprefix("| "))
def test_an_obvious_place_has_what_is_to_be_found_there(row: str) -> None:
    modules = [PACKAGE / path for path in PLACE.findall(row)]
    defined = {name for path in modules for name in names_in(path)}
    wanted = {name for name in re.findall(r"`([A-Za-z_]+)`", row) if re.search(r"[A-Z]|_", name)}
    assert wanted - defined == set()


def test_the_eight_to_start_with_are_there() -> None:
    named = re.findall(r"^[0-9]\. `([a-z_/]+\.py)`", section("Start with these eight"), re.MULTILINE)
    assert len(named) == 8
    assert [path for path in named if not (PACKAGE / path).is_file()] == []


def test_the_glossary_is_short() -> None:
    words = re.findall(r"\*\*([^*]+)\*\*:", section("Glossary"))
    assert words == sorted(words)
    assert 10 < len(words) <= MOST_WORDS
