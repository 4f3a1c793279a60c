"""How tests are collected: fast, and by every worker in the same order, with the longest first."""

import gc
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FIRST = ("browser", "clients", "packaging", "benchmarks", "attack", "plugin", "flow", "linear")
"""Folders with the longest tests: begun first, they leave short ones for the end, which any worker can take."""


# The tests of the plugin run with versions of pytest too that have no such class, and no hook to make it.
class _Tests(getattr(pytest, "Dir", object)):  # type: ignore[misc]
    """Begins at another folder in each worker: what one of them has compiled, the others find."""

    def collect(self) -> Sequence[pytest.Item | pytest.Collector]:
        found = list(super().collect())
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        begin = len(found) * worker // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        return found[begin:] + found[:begin]


@pytest.hookimpl(optionalhook=True)
def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Has this folder begin where the worker is to begin."""
    return _Tests.from_parent(parent, path=path) if path == TESTS else None


@pytest.hookimpl(hookwrapper=True)
def pytest_collection() -> Iterator[None]:
    """Spares the garbage collector what is collected here: thousands of tests, none of which goes before the end."""
    gc.disable()
    yield
    gc.enable()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sorts by folder; the order within one stays."""

    def rank(item: pytest.Item) -> tuple[int, str]:
        folder = item.nodeid.partition("::")[0].removeprefix("tests/").partition("/")[0]
        return (FIRST.index(folder) if folder in FIRST else len(FIRST)), folder

    items.sort(key=rank)
