"""A simulator in a thread: starts that fail or hang, threads that die, stops that take too long."""

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from queue import Queue

import msgspec
import pytest

from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.pytest_plugin.server import ServerError, ServerThread, _at_host_of
from cloudsms_simulator.simulator import Simulator

pytest_plugins = ["pytester"]

ANYWHERE = msgspec.structs.replace(Settings(), port=0, admin_port=0)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        thread = ServerThread(msgspec.structs.replace(ANYWHERE, port=port))
        with pytest.raises(ServerError, match=rf"^the simulator did not start: .*{port}.*--port"):
            thread.start()


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    tmp_path.joinpath("ca.pem").write_text("no certificate")
    thread = ServerThread(msgspec.structs.replace(ANYWHERE, certs=tmp_path))
    with pytest.raises(ServerError, match=r"^the simulator did not start: .*ca"):
        thread.start()


def test_a_start_that_hangs_is_given_up_and_goes_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    going_on: Queue[Callable[[], object]] = Queue()
    start = Simulator.start

    async def hang(self: Simulator) -> None:
        goes_on = asyncio.Event()
        loop = asyncio.get_running_loop()
        going_on.put(lambda: loop.call_soon_threadsafe(goes_on.set))
        await goes_on.wait()
        await start(self)

    monkeypatch.setattr(Simulator, "start", hang)
    thread = ServerThread(ANYWHERE, starts_within=0.2)
    with pytest.raises(ServerError, match=r"^the simulator did not start within 0\.2 s$"):
        thread.start()
    going_on.get(timeout=20)()
    thread.stop()


def test_whatever_ends_a_start_does_not_end_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async def leave(self: Simulator) -> None:
        await self.stop()
        raise SystemExit(3)

    monkeypatch.setattr(Simulator, "start", leave)
    with pytest.raises(ServerError, match=r"^the simulator did not start: 3$"):
        ServerThread(ANYWHERE).start()


def test_a_stop_that_hangs_has_a_deadline_too(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[asyncio.AbstractEventLoop] = []
    released = asyncio.Event()
    stop = Simulator.stop

    async def hang(self: Simulator, grace: timedelta) -> int:
        loops.append(asyncio.get_running_loop())
        await released.wait()
        return await stop(self, grace)

    monkeypatch.setattr(Simulator, "stop", hang)
    thread = ServerThread(ANYWHERE, stops_within=0.2)
    thread.start()
    with pytest.raises(ServerError, match=r"^the simulator did not stop within 0\.2 s; it ends with the process$"):
        thread.stop()
    loops[0].call_soon_threadsafe(released.set)
    thread.stop()


def test_a_stop_that_fails_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = Simulator.stop

    async def fail(self: Simulator, grace: timedelta) -> int:
        await stop(self, grace)
        raise OSError("the disk is full")

    monkeypatch.setattr(Simulator, "stop", fail)
    thread = ServerThread(ANYWHERE)
    thread.start()
    thread.check()
    with pytest.raises(ServerError, match=r"^the simulator did not stop as it should: the disk is full$"):
        thread.stop()


def test_a_simulator_stops_though_streams_are_open_and_ends_them() -> None:
    thread = ServerThread(ANYWHERE)
    ready = thread.start()
    host, port = ready.admin_url.removeprefix("http://").split(":")
    streams = [socket.create_connection((host, int(port)), timeout=10) for _ in range(20)]
    for stream in streams:
        stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert stream.recv(4096).startswith(b"HTTP/1.1 200")
    thread.stop()  # which raises what it is told when this takes too long
    for stream in streams:
        with stream:
            while stream.recv(4096):
                pass


def test_a_simulator_that_ends_while_tests_run_is_told_in_each_of_them(project) -> None:
    run = project(
        """
        import pytest
        from sender import send

        def test_before(cloudsms):
            send(cloudsms)

        def test_during(cloudsms, broken):
            broken()
            with pytest.raises(OSError):
                send(cloudsms)

        def test_after(cloudsms): ...
        """,
        conftest="""
        import asyncio
        import threading
        import pytest
        from cloudsms_simulator.simulator import Simulator

        @pytest.fixture(scope="session", autouse=True)
        def broken():
            began = Simulator.start
            breaking = []
            before = threading.enumerate()
            async def start(self):
                await began(self)
                task, loop = asyncio.current_task(), asyncio.get_running_loop()
                breaking.append(lambda: loop.call_soon_threadsafe(task.cancel, "somebody pulled the plug"))
            def pull():
                breaking[0]()
                for thread in threading.enumerate():
                    if thread.name == "cloudsms-simulator" and thread not in before:
                        thread.join(10)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Simulator, "start", start)
                yield pull
        """,
    )
    run.assert_outcomes(passed=2, errors=3)
    ended = "the simulator ended while the tests were running: *"
    run.stdout.fnmatch_lines([f'the account "test_during-*" could not be deleted: {ended}', f"cloudsms: {ended}"])


@pytest.mark.parametrize(
    ("admin", "platform", "reached"),
    [
        ("http://sms.test:61816", "https://localhost:61815/dave/io", "https://sms.test:61815/dave/io"),
        ("http://[::1]:8000/sms", "http://localhost:8000/sms/dave/io", "http://[::1]:8000/sms/dave/io"),
        ("http://sms.test/sms", "http://localhost/sms/dave/io", "http://sms.test/sms/dave/io"),
    ],
)
def test_a_platform_elsewhere_is_reached_at_the_host_of_its_admin_api(admin: str, platform: str, reached: str) -> None:
    assert _at_host_of(admin, platform) == reached
