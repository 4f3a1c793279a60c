"""Tests of somebody else's project: each is a file that pytest runs with the plugin, in this process or in another."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import timedelta
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

import msgspec
import pytest

import cloudsms_simulator
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.simulator import Simulator

PACKAGE = Path(cloudsms_simulator.__file__).parent
ADMIN = "cloudsms_simulator.api.app"

# Each run in this process forgets what it imported, and some libraries cannot be imported twice.
for module in ("httpcore2", "httpx2", "cloudsms_simulator.pytest_plugin.fixture", ADMIN):
    import_module(module)

SENDER = '''
import json
import urllib.request

PACKET = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    "TIME": "2026-11-22 12:00:00",
    "VERSION": "2021-01-01",
    "SMS_CONTENT": "Your code is 123456",
    "CUSTOMER_BODY": {"order": 1},
}


def send(cloudsms, *to, **fields):
    """What a customer's code does: sends to numbers in Hong Kong; the answer."""
    numbers = [{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in to or ("67000011",)]
    packet = PACKET | {"AUTH_KEY": cloudsms.auth_key, "ROUTE_ID": cloudsms.route_id, "MULTI_MSISDN_LIST": numbers}
    request = urllib.request.Request(cloudsms.url, json.dumps(packet | fields).encode())
    with urllib.request.urlopen(request, context=cloudsms.ssl_context, timeout=10) as answer:
        return json.load(answer)
'''


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The options that load our plugin, by its entry point where it is installed, and some others; none but these are
    loaded, whatever else is installed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")]))
    ours = "cloudsms" if entry_points(group="pytest11", name="cloudsms") else "cloudsms_simulator.pytest_plugin"
    return lambda *others: [option for name in (ours, *others) for option in ("-p", name)]


@pytest.fixture
def project(pytester: pytest.Pytester, plugins: Callable[..., list[str]]) -> Callable[..., pytest.RunResult]:
    """Runs the tests in a text; `sender.send(cloudsms, …)` sends for them. Warnings are errors."""

    def run(
        tests: str, *options: str, apart: bool = False, conftest: str = "", beside: Sequence[str] = (), **files: str
    ) -> pytest.RunResult:
        pytester.makepyfile(sender=SENDER, conftest=conftest, test_it=tests, **files)
        started = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return started(*plugins(*beside), "-W", "error", "-p", "no:cacheprovider", *options)

    return run


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """A simulator that somebody else started, with a token that the tests know."""
    monkeypatch.setenv("CLOUDSMS_SIM_ADMIN_TOKEN", "t0ken")
    started: Future[tuple[Simulator, Callable[[], object]]] = Future()

    async def serve() -> None:
        simulator = Simulator(msgspec.structs.replace(Settings(), port=0, admin_port=0, admin_token="t0ken"))
        await simulator.start()
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        started.set_result((simulator, lambda: loop.call_soon_threadsafe(stop.set)))
        await stop.wait()
        await simulator.stop(timedelta(0))

    def run() -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run)
    thread.start()
    simulator, stop = started.result(20)
    yield simulator
    stop()
    thread.join(20)
