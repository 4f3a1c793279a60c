"""Tests of users freeze the time, perhaps before our modules are imported: everything works, then and afterwards."""

import ast
import subprocess
import sys

import pytest
from sources import PACKAGE, nodes_of

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
TYPES = {"date", "datetime"}

FREEZERS = {
    "freezegun": "import freezegun; freezer = freezegun.freeze_time('2001-02-03 04:05:06')",
    "time_machine": (
        "import time_machine, datetime; "
        "freezer = time_machine.travel(datetime.datetime(2001, 2, 3, tzinfo=datetime.UTC), tick=False)"
    ),
}

STORY = """
import datetime, json, urllib.request

def story():
    from cloudsms_simulator.pytest_plugin.server import LocalServer
    from cloudsms_simulator.net.wall_clock import WallClock

    assert WallClock().now().year >= 2026
    server = LocalServer("required", "spec")
    client = server.client.of(server.client.accounts.create(clock="frozen").name)
    client.accounts.change(client.account, callback={"url": client.sink.show().url})
    sent = client.send("85267000011", "Your code is 123456")
    assert sent.code.name == "OK", sent
    context = server.ssl_context()
    with urllib.request.urlopen(urllib.request.Request(server.url, b"{}"), context=context, timeout=20) as answer:
        assert json.load(answer)["RESULT_CODE"] != 1
    now = client.clock.show().now
    assert now.year >= 2026
    tomorrow = datetime.datetime(now.year, now.month, now.day, tzinfo=now.tzinfo) + datetime.timedelta(days=1)
    client.clock.advance(to=tomorrow)
    [report] = client.reports.wait("after:2026-01-01 state:DELIVERED", timeout=20)
    assert report.outcome == "answered"
    assert client.messages.timeline(sent.uids[0]).items[-1].kind == "pushed"
    assert client.explain().code is not None
    for page in ("/", "/overview", f"/messages/{sent.uids[0]}", "/control", "/metrics"):
        with urllib.request.urlopen(f"{server.admin_url}{page}", timeout=20) as shown:
            assert shown.status == 200
    state = client.state()
    client.put_state(state)
    assert [each.uid for each in client.messages.all("before:2100-01-01T00:00:00")] == list(sent.uids)
    assert client.state().keys() == state.keys()
    server.close()
"""

EVERYTHING = """
import importlib, pkgutil, sys
import cloudsms_simulator

for each in cloudsms_simulator.__all__:
    getattr(cloudsms_simulator, each)
for each in pkgutil.walk_packages(cloudsms_simulator.__path__, "cloudsms_simulator."):
    if not each.name.endswith("__main__"):
        importlib.import_module(each.name)

def told(thing):
    yield from (repr(value) for value in getattr(thing, "__annotations__", {}).values())

ours = [module for name, module in sys.modules.items() if name.startswith("cloudsms_simulator")]
assert len(ours) > 150
for module in ours:
    for name, thing in vars(module).items():
        fakes = [text for text in told(thing) if "Fake" in text]
        assert not fakes, (module, name, fakes)
"""


def run(code: str) -> None:
    """Runs a program of a user's."""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=110)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.parametrize("library", FREEZERS)
def test_what_is_imported_while_time_is_frozen_works_then_and_afterwards(library: str) -> None:
    run(f"{FREEZERS[library]}\nfreezer.start()\n{EVERYTHING}{STORY}\nstory()\nfreezer.stop()\nstory()")


@pytest.mark.parametrize("library", FREEZERS)
def test_what_is_imported_after_time_was_frozen_once_works_then_and_while_it_is_frozen_again(library: str) -> None:
    run(
        f"{FREEZERS[library]}\nfrom cloudsms_simulator import Settings\nwith freezer: pass\n{STORY}\n"
        "story()\nfreezer.start()\nstory()\nfreezer.stop()"
    )


def test_freezing_the_time_imports_nothing_of_ours() -> None:
    run(
        "import sys, cloudsms_simulator, freezegun\nwith freezegun.freeze_time('2001-02-03'): pass\n"
        "ours = [name for name in sys.modules if name.startswith('cloudsms_simulator')]\n"
        "assert ours == ['cloudsms_simulator'], ours"
    )


@pytest.mark.parametrize("module", [module for module in MODULES if module != "moments.py"])
def test_a_module_takes_the_types_of_moments_from_where_they_are_true(module: str) -> None:
    nodes = nodes_of(PACKAGE / module)
    taken: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module == "cloudsms_simulator.moments":
            taken |= {alias.name for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Import):
            assert "datetime" not in {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module == "datetime":
            assert not TYPES & {alias.name for alias in node.names}
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert uses(node, taken) == []


def uses(function: ast.FunctionDef | ast.AsyncFunctionDef, taken: set[str]) -> list[int]:
    """The lines in which a function does anything with the types its module took but ask `isinstance`."""
    kept = {id(each) for node in ast.walk(function) for each in excepted(node)}
    return [
        node.lineno
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and node.id in taken and id(node) not in kept
    ]


def excepted(node: ast.AST) -> list[ast.AST]:
    """What stands in annotations, defaults, and in the second place of `isinstance`."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        parts: list[ast.AST | None] = [node.args, node.returns]
    elif isinstance(node, ast.AnnAssign):
        parts = [node.annotation]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"isinstance", "cast"}:
        parts = list(node.args)
    else:
        parts = []
    return [each for part in parts if part is not None for each in ast.walk(part)]
