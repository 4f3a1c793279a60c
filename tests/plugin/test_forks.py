"""Tests that fork: what belongs to a process, another one leaves alone, and nobody waits for ever."""

import asyncio
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from cloudsms_simulator.client import transport
from cloudsms_simulator.client.client import AsyncClient, Client
from cloudsms_simulator.pytest_plugin.server import LocalServer

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

FORKS = ("-W", "ignore:.*fork:DeprecationWarning")
"""Since 3.12 Python warns of a fork where there are threads, and a server is one."""

EACH_IN_A_CHILD = """
import os
import pytest
from _pytest.runner import runtestprotocol

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item):
    # As pytest-forked does it: the child tears down everything, and nobody hears of it but by its end.
    if not item.get_closest_marker("forked"):
        return None
    child = os.fork()
    if not child:
        os._exit(sum(report.failed for report in runtestprotocol(item, log=False)))
    assert os.waitpid(child, 0)[1] == 0
    return True

def pytest_configure(config):
    config.addinivalue_line("markers", "forked")
"""


def test_a_child_that_goes_on_to_the_end_of_the_session_ends_and_leaves_the_parent_its_account(project) -> None:
    run = project(
        """
        import os
        from sender import send

        def test_fork(cloudsms):
            child = os.fork()
            assert child, "the child goes on from here"
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
            assert send(cloudsms)["RESULT_CODE"] == 1
            assert len(cloudsms.messages) == 1

        def test_next(cloudsms):
            assert send(cloudsms)["RESULT_CODE"] == 1
        """,
        *FORKS,
        apart=True,
    )
    assert run.ret == 0
    run.assert_outcomes(passed=2)
    run.stdout.fnmatch_lines(["E *the child goes on from here*"])


def test_tests_that_run_in_a_child_each_use_the_parent_s_server_and_leave_it_running(project) -> None:
    run = project(
        """
        import pytest
        from sender import send

        def test_first(cloudsms):
            send(cloudsms)

        @pytest.mark.forked
        @pytest.mark.parametrize("mtls", ["required", "off"])
        def test_in_a_child(cloudsms, make_cloudsms, mtls):
            mine = make_cloudsms(mtls=mtls)
            assert send(mine)["RESULT_CODE"] == 1
            mine.clock.advance("1s")
            assert len(mine.sink.received) == 1
            assert cloudsms.messages == []

        def test_last(cloudsms, cloudsms_server):
            assert send(cloudsms)["RESULT_CODE"] == 1
            assert [each.name for each in cloudsms_server.client.accounts.all()] == ["default", cloudsms.account.name]
        """,
        *FORKS,
        conftest=EACH_IN_A_CHILD,
        apart=True,
    )
    assert run.ret == 0
    run.assert_outcomes(passed=2)


def test_a_child_leaves_the_certificates_of_a_server_elsewhere_to_its_parent(project, elsewhere) -> None:
    run = project(
        """
        import pytest
        from sender import send

        def test_first(cloudsms):
            send(cloudsms)

        @pytest.mark.forked
        def test_in_a_child(cloudsms):
            send(cloudsms)

        def test_last(cloudsms):
            send(cloudsms)
        """,
        *FORKS,
        "--cloudsms-url",
        elsewhere.ready.admin_url,
        conftest=EACH_IN_A_CHILD,
        apart=True,
    )
    assert run.ret == 0
    run.assert_outcomes(passed=2)


def test_parent_and_child_that_ask_at_once_get_each_its_own_answer(project) -> None:
    run = project(
        """
        import os

        def test_fork(cloudsms, make_cloudsms):
            other = make_cloudsms(balance="HKD 7.00")
            assert str(cloudsms.account.balance) == "USD 1000.00"
            child = os.fork()
            mine, wanted = (cloudsms, "USD 1000.00") if child else (other, "HKD 7.00")
            wrong = 1
            try:
                wrong = sum(str(mine.account.balance) != wanted for _ in range(100))
            finally:
                if not child:
                    os._exit(min(wrong, 1))
            assert wrong == 0
            assert os.waitpid(child, 0)[1] == 0
        """,
        *FORKS,
        apart=True,
    )
    run.assert_outcomes(passed=1)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_client_that_is_awaited_makes_a_connection_of_its_own_in_a_child() -> None:
    server = LocalServer("off", "spec")
    client = AsyncClient(server.admin_url)

    async def mtls() -> str:
        return (await client.info()).mtls

    with asyncio.Runner() as runner:
        assert runner.run(mtls()) == "off"
        [line] = client._driver._resting
        child = os.fork()
        if not child:
            right = False
            try:
                right = asyncio.run(mtls()) == "off"
            finally:
                os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert runner.run(mtls()) == "off"
        assert client._driver._resting == [line]
        runner.run(client.aclose())
    server.close()


def test_a_server_that_answers_octet_by_octet_is_given_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MARGIN", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as pool:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with Client(url) as client:
            asking = pool.submit(client.info)
            accepted, _ = listening.accept()
            with accepted:
                accepted.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
                # The client that gives up closes, which a server may learn while it writes.
                with suppress(ConnectionError):
                    while not asking.done():
                        accepted.sendall(b" ")
                assert "does not answer in time" in str(asking.exception())
