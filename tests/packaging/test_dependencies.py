"""What the package may ask of others' code: any version from some on, and nothing that is private to it."""

import ast
import importlib
import inspect
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sources import PACKAGE, ROOT, nodes_of, tree_of

OURS = "cloudsms_simulator"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
UNDERSCORED = re.compile(r"_(?!.*_$)")
"""Private; `_value_` and `__name__` are what a language or a library documents."""
OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make", "_field_defaults"}
FOR_TYPES_ALONE = {"_typeshed"}
NOT_DOCUMENTED = {
    "asyncio": {"base_events", "proactor_events", "selector_events", "sslproto", "unix_events", "windows_events"},
    "click": {"parser"},
    "starlette": {"formparsers"},
    "uvicorn": {"importer", "lifespan", "loops", "main", "protocols", "server", "supervisors"},
}
"""Modules without an underscore that are no part of what a library promises."""


def touched(tree: ast.Module) -> Iterator[str]:
    """What a module uses that is private to somebody else, each with its line.

    What is private to us is defined there, or in a module of ours that it imports.
    """
    own = names_in(tree).union(*(names_of(path) for path in imported(tree)))
    for node in ast.walk(tree):
        for name in used(node):
            *path, last = name.split(".")
            private = [part for part in (*path, last) if UNDERSCORED.match(part)]
            if isinstance(node, ast.Attribute | ast.Call):
                private = [part for part in private if part not in own | OF_NAMED_TUPLES]
            elif path[:1] == [OURS] or path[:1] == ["__future__"]:
                private = []
            if private or (path and set(name.split(".")[1:]) & NOT_DOCUMENTED.get(path[0], set())):
                yield f"line {node.lineno}: {name}"


def imported(tree: ast.Module) -> Iterator[Path]:
    """The modules of ours that a module imports, inside functions and for types too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(f"{OURS}."):
            path = PACKAGE.joinpath(*str(node.module).split(".")[1:])
            named = [path, *(path / alias.name for alias in node.names)]
            files = [file for each in named for file in (each.with_suffix(".py"), each / "__init__.py")]
            yield from filter(Path.is_file, files)


@cache
def names_of(path: Path) -> frozenset[str]:
    return frozenset(name for node in nodes_of(path) for name in defined(node))


def names_in(tree: ast.Module) -> frozenset[str]:
    """The names that a module gives to something: one that is private is not somebody else's then."""
    return frozenset(name for node in ast.walk(tree) for name in defined(node))


def used(node: ast.AST) -> Iterator[str]:
    """The names that a node takes from elsewhere: modules with what is imported from them, and attributes."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module not in FOR_TYPES_ALONE:
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.Attribute):
        yield ast.unparse(node) if is_dotted(node) else node.attr
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {
        "getattr", "hasattr", "setattr", "delattr", "import_module", "__import__", "attrgetter", "methodcaller",
    }:  # fmt: skip
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def is_dotted(node: ast.expr) -> bool:
    """Whether it is names with dots between them, and nothing else."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and is_dotted(node.value))


def defined(node: ast.AST) -> Iterator[str]:
    """The names that a node gives to something."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        if isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}:
            yield node.attr
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.ImportFrom | ast.Import):
        yield from (alias.asname or alias.name for alias in node.names)


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_used_that_is_private_to_somebody_else(module: str) -> None:
    assert list(touched(tree_of(PACKAGE / module))) == []


@pytest.mark.parametrize(
    "code",
    [
        "import httptools._parser",
        "from starlette._utils import is_async_callable",
        "from click.core import _complete_visible_commands",
        "from asyncio.sslproto import SSLProtocol",
        "import uvicorn.protocols.http.auto",
        "from uvicorn import protocols",
        "server._serve()",
        "loop._selector.select()",
        "connections[0]._transport.close()",
        "self._protocol_factory()",
        "getattr(transport, '_ssl_protocol', None)",
        "import_module('msgspec._core')",
        "import asyncio; asyncio.sslproto.SSLProtocol",
        "server._loop = None",
        "request.__sock",
    ],
)
def test_what_is_private_is_found(code: str) -> None:
    assert list(touched(ast.parse(code))) != []


def test_no_class_of_ours_overrides_what_is_private_to_its_base() -> None:
    for module in MODULES:
        if module != "__main__.py":
            importlib.import_module(f"{OURS}.{module.removesuffix('.py').replace('/', '.').removesuffix('.__init__')}")
    classes = {
        value
        for name, module in sys.modules.items()
        if name.partition(".")[0] == OURS
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__.partition(".")[0] == OURS
    }
    bases = {each: [base for base in each.__mro__ if base.__module__.partition(".")[0] != OURS] for each in classes}
    assert sum(len(others) > 1 for others in bases.values()) > 50
    overridden = [
        f"{each.__module__}.{each.__name__}.{name}"
        for each, others in bases.items()
        for name, value in vars(each).items()
        if UNDERSCORED.match(name) and any(name in vars(base) for base in others)
        if inspect.isfunction(value) and Path(value.__code__.co_filename).is_relative_to(PACKAGE)
    ]
    assert overridden == []


@pytest.mark.parametrize("dependency", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["pytest"])
def test_a_dependency_has_a_lowest_version_and_no_highest(dependency: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]+>=[0-9.]+(; sys_platform != 'win32')?", dependency)
