"""The pytest plugin: `def test_otp(cloudsms)` has an account of its own on a platform on loopback.

This module has the hooks and the fixtures. Nothing but pytest is imported until a test asks for one of them; then
everything is, before a test can freeze the time. `_cloudsms_servers` holds the platforms of the session (`server`): a
simulator in a thread, or one that runs elsewhere (`--cloudsms-url`). For each test a `TestAccounts` (`fixture`) opens
accounts there, as the fixture `cloudsms_settings`, the marker and calls of `make_cloudsms` ask, and deletes them in the
end. What a test gets is a `Cloudsms`: a facade over the control client with waits, assertions and plans (`account`);
its transports (`transport`) reach the platform without a socket. When the test fails, its report shows what happened on
the platform (`reporting`).
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pluggy import Result

    from cloudsms_simulator.pytest_plugin.fixture import BlockingSink, Cloudsms, TestAccounts
    from cloudsms_simulator.pytest_plugin.server import Server, Servers


_MARKER = (
    "cloudsms(scenario=None, profile=None, balance=None, seed=None, mtls=None, **settings): what the account of this"
    " test is like, and how the platform asks for client certificates"
)
_IMPORTED_BEFORE_TESTS = (
    "cloudsms_simulator.pytest_plugin.fixture",
    "cloudsms_simulator.simulator",
    "cloudsms_simulator.api.app",
)
_PYTEST_TOO_OLD = (
    ""
    if hasattr(pytest, "version_tuple")  # came with 7.0, as did all else that is asked of pytest here
    else f"the fixtures of cloudsms-simulator need pytest 7.0 or newer, and this is {pytest.__version__}"
)
_TEST_ACCOUNTS = None if _PYTEST_TOO_OLD else pytest.StashKey["TestAccounts"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("cloudsms", "CloudSMS simulator")
    group.addoption(
        "--cloudsms-url",
        metavar="URL",
        help="use the simulator whose admin API is there, in place of one of our own; its token, if it wants one, is"
        " in CLOUDSMS_SIM_ADMIN_TOKEN",
    )
    group.addoption(
        "--cloudsms-profile",
        choices=("spec", "observed"),
        default=None,
        help="which platform speaks: the one the specification promises, or the one observed on the wire",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker. With a pytest that is too old it warns, and the fixtures fail."""
    config.addinivalue_line("markers", _MARKER)
    if _PYTEST_TOO_OLD:
        try:
            config.issue_config_time_warning(pytest.PytestConfigWarning(_PYTEST_TOO_OLD), stacklevel=2)
        except pytest.PytestConfigWarning:
            # Warnings are errors here, and a session that needs no fixture of ours is not to end for this one.
            print(_PYTEST_TOO_OLD, file=sys.stderr)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Imports what the tests will need, if any of them needs it, before one of them can freeze the time.

    A class that is made while freezegun is at work would take its moments for the real ones.
    """
    if session.config.option.collectonly or _PYTEST_TOO_OLD:
        return
    if any("_cloudsms_servers" in getattr(item, "fixturenames", ()) for item in session.items):
        with _without_garbage_collection(), _without_rewriting_asserts():
            for name in _IMPORTED_BEFORE_TESTS:
                import_module(name)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Switches garbage collection off for imports: what is imported stays, and collecting takes a tenth of the time.

    Afterwards it all belongs to the oldest generation, so that the collections of the young ones pass over it.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else somebody froze their own, and wants it to stay so
            gc.freeze()
            gc.unfreeze()
        if collects:
            gc.enable()


@contextmanager
def _without_rewriting_asserts() -> Iterator[None]:
    """Has Python find modules before pytest does. pytest rewrites the asserts in all modules of an installed plugin,
    which takes a second where there was no run before."""
    sys.meta_path.insert(0, PathFinder)
    try:
        yield
    finally:
        sys.meta_path.remove(PathFinder)


@pytest.fixture(scope="session")
def _cloudsms_servers(request: pytest.FixtureRequest) -> Iterator[Servers]:
    if _PYTEST_TOO_OLD:
        pytest.fail(_PYTEST_TOO_OLD, pytrace=False)
    from cloudsms_simulator.pytest_plugin.server import Servers

    url = request.config.getoption("--cloudsms-url")
    token = os.environ.get("CLOUDSMS_SIM_ADMIN_TOKEN")
    profile = request.config.getoption("--cloudsms-profile")
    servers = Servers(profile or "spec", None if url is None else (url, token))
    yield servers
    servers.close()


@pytest.fixture(scope="session")
def cloudsms_server(_cloudsms_servers: Servers) -> Server:
    """The platform of this session: its URLs, certificates, and a client of its admin API."""
    return _cloudsms_servers.of(None)


@pytest.fixture
def cloudsms_settings() -> Mapping[str, object]:
    """What accounts are made with, as in the configuration; also `mtls`, `timeout`, `strict_answers`,
    `callback_host`. Override it."""
    return {}


@pytest.fixture
def _cloudsms_accounts(request: pytest.FixtureRequest, _cloudsms_servers: Servers) -> Iterator[TestAccounts]:
    from cloudsms_simulator.pytest_plugin.fixture import TestAccounts

    node = request.node
    accounts = TestAccounts(_cloudsms_servers, node.nodeid, node.name, request.path.parent)
    assert _TEST_ACCOUNTS is not None
    node.stash[_TEST_ACCOUNTS] = accounts
    yield accounts
    accounts.close()


@pytest.fixture
def make_cloudsms(
    request: pytest.FixtureRequest, _cloudsms_accounts: TestAccounts, cloudsms_settings: Mapping[str, object]
) -> Callable[..., Cloudsms]:
    """Makes further accounts: `make_cloudsms(balance="HKD 10.00")`."""
    profile = request.config.getoption("--cloudsms-profile")
    common: dict[str, object] = {} if profile is None else {"profile": profile}
    common |= cloudsms_settings
    for marker in reversed(list(request.node.iter_markers("cloudsms"))):
        if marker.args:
            pytest.fail(f"@pytest.mark.cloudsms: got {marker.args[0]!r}, want it by name: seed=…", pytrace=False)
        common |= marker.kwargs

    def make(**settings: object) -> Cloudsms:
        __tracebackhide__ = True
        return _cloudsms_accounts.open({**common, **settings})

    return make


@pytest.fixture
def cloudsms(make_cloudsms: Callable[..., Cloudsms]) -> Cloudsms:
    """An account of the test's own: frozen clock, mutual TLS with certificates at hand, a sink for its reports."""
    return make_cloudsms()


@pytest.fixture
def cloudsms_sink(_cloudsms_accounts: TestAccounts) -> BlockingSink:
    """A customer's server for delivery reports that no account has as callback yet."""
    return _cloudsms_accounts.sink()


# The older kind of wrapper, which pluggy 1.0 knows too.
@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Result[pytest.TestReport], None]:
    """Has the report of a failing test tell what happened on the platform."""
    outcome = yield
    accounts = None if _TEST_ACCOUNTS is None else item.stash.get(_TEST_ACCOUNTS, None)
    if accounts is None:
        return
    report = outcome.get_result()
    if report.failed:
        report_text = accounts.last_report or accounts.report() if call.when != "teardown" else accounts.last_report
        if report_text:
            report.sections.append(("CloudSMS simulator", report_text))
    if call.when == "teardown":
        # pytest keeps its items to the end of the session.
        assert _TEST_ACCOUNTS is not None
        del item.stash[_TEST_ACCOUNTS]
