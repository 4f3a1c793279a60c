"""The package's modules as the tests of its source read them, each read once."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "simulator" / "cloudsms_simulator"


@cache
def text_of(path: Path) -> str:
    """What a file says."""
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    """A module's syntax tree, which nobody changes."""
    return ast.parse(text_of(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Every node of that tree, as `ast.walk` has them."""
    return tuple(ast.walk(tree_of(path)))
