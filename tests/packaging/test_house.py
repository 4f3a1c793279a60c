"""The house is as its README says: every place is there, and has what is to be found there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "simulator" / "cloudsms_simulator"
README = (ROOT / "simulator" / "README.md").read_text(encoding="utf-8")
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
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
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
    docstring = ast.get_docstring(ast.parse((PACKAGE / package / "__init__.py").read_text(encoding="utf-8")))
    assert len((docstring or "").split()) > 40
    assert f"| `{package}/` |" in section("The packages")


def test_every_module_that_is_named_is_there() -> None:
    named = set(PLACE.findall(README))
    assert len(named) > 40
    assert [path for path in sorted(named) if not (PACKAGE / path).is_file()] == []


ROWS = [line for line in section("One obvious place").splitlines() if line.startswith("| a")]


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
