"""The simulator as a whole: ports, what a client needs to know, starting and stopping.

Spec: CloudSMS Platform Server. Reading: R5, R13, R15.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from patience import STORY

import cloudsms_simulator
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.net.certificates import CertificateError, open_certificates
from cloudsms_simulator.net.runtime import new_event_loop
from cloudsms_simulator.net.sockets import PortInUse
from cloudsms_simulator.simulator import Simulator

Run = Callable[[Coroutine[None, None, None]], None]
ANY_PORTS = Settings(port=0, admin_port=0)


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return open_certificates(tmp_path_factory.mktemp("certs")).directory


@pytest.fixture
def settings(certs: Path) -> Settings:
    return msgspec.structs.replace(ANY_PORTS, certs=certs)


@pytest.fixture
def run() -> Run:
    """Runs a story; one that does not end in time has failed."""

    def tell(story: Coroutine[None, None, None]) -> None:
        with asyncio.Runner(loop_factory=new_event_loop) as runner:
            runner.run(asyncio.wait_for(story, STORY))

    return tell


async def admin_status(simulator: Simulator, path: str) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", simulator.admin_listener.port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    status = int((await reader.readline()).split()[1])
    await reader.read()
    writer.close()
    return status


def is_listening(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0


def test_it_can_be_imported_from_the_package() -> None:
    assert cloudsms_simulator.Simulator is Simulator
    assert cloudsms_simulator.Settings is Settings


def test_by_default_nothing_listens_beyond_loopback(run: Run, settings: Settings) -> None:
    async def story() -> None:
        simulator = Simulator(settings)
        await simulator.start()
        assert (simulator.listener.host, simulator.admin_listener.host) == ("127.0.0.1", "127.0.0.1")
        await simulator.stop()

    assert (Settings().host, Settings().admin_host) == ("127.0.0.1", "127.0.0.1")
    run(story())


def test_what_a_client_needs_to_know(run: Run, settings: Settings, certs: Path) -> None:
    async def story() -> None:
        simulator = Simulator(settings)
        await simulator.start()
        ready = simulator.ready
        assert ready.url == f"https://127.0.0.1:{simulator.listener.port}/dave/io"
        assert ready.admin_url == f"http://127.0.0.1:{simulator.admin_listener.port}"
        assert (ready.ca, ready.client_cert, ready.client_key) == (
            str(certs / "ca.pem"),
            str(certs / "customer.pem"),
            str(certs / "customer-key.pem"),
        )
        assert (len(ready.auth_key), ready.route_id, ready.pid) == (88, "VerifyCode_516", os.getpid())
        await simulator.stop()

    run(story())


def test_plain_http_has_a_url_that_says_so(run: Run, settings: Settings) -> None:
    async def story() -> None:
        simulator = Simulator(msgspec.structs.replace(settings, plain=True))
        await simulator.start()
        assert simulator.ready.url.startswith("http://127.0.0.1:")
        await simulator.stop()

    run(story())


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_server_on_every_address_is_called_by_its_loopback_one(run: Run, settings: Settings, host: str) -> None:
    if host == "::" and not socket.has_dualstack_ipv6():
        pytest.skip("there is no IPv6 here")

    async def story() -> None:
        simulator = Simulator(msgspec.structs.replace(settings, host=host))
        await simulator.start()
        called = "[::1]" if host == "::" else "127.0.0.1"
        assert simulator.ready.url == f"https://{called}:{simulator.listener.port}/dave/io"
        await simulator.stop()

    run(story())


def test_it_is_ready_from_its_start_to_its_stop_and_then_its_ports_are_free(run: Run, settings: Settings) -> None:
    async def story() -> None:
        simulator = Simulator(settings)
        ports = simulator.listener.port, simulator.admin_listener.port
        await simulator.start()
        assert await admin_status(simulator, "/readyz") == 200
        assert await simulator.stop() == 0
        assert [is_listening("127.0.0.1", port) for port in ports] == [False, False]

    run(story())


def test_a_port_in_use_is_told_and_nothing_stays_open(run: Run, settings: Settings) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        async def story() -> None:
            with pytest.raises(PortInUse, match="--port"):
                await Simulator(msgspec.structs.replace(settings, port=port)).start()
            simulator = Simulator(msgspec.structs.replace(settings, admin_port=port, certs=None))
            opened, folder = simulator.listener.port, simulator.files.directory
            with pytest.raises(PortInUse, match="--admin-port"):
                await simulator.start()
            assert not is_listening("127.0.0.1", opened)
            assert not folder.exists()

        run(story())


def test_certificates_that_cannot_serve_are_told_before_a_port_is_opened(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "certs").write_text("no folder")
    with pytest.raises(CertificateError):
        Simulator(msgspec.structs.replace(settings, certs=tmp_path / "certs"))


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")
def test_keys_that_every_user_can_read_are_warned_of_once_with_the_cure(
    run: Run, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = msgspec.structs.replace(settings, certs=tmp_path / "my certs")

    async def story() -> None:
        simulator = Simulator(here)
        await simulator.start()
        await simulator.stop()

    run(story())
    assert caplog.messages == []
    key = tmp_path / "my certs" / "customer-key.pem"
    key.chmod(0o644)
    run(story())
    [line] = caplog.messages
    assert line == (
        f"every user of this machine can read the private keys customer-key.pem; mend it with chmod o-rwx '{key}'"
    )


def test_without_a_folder_of_certificates_there_is_one_as_long_as_it_runs(run: Run) -> None:
    async def story() -> None:
        simulator = Simulator(ANY_PORTS)
        await simulator.start()
        ca = Path(simulator.ready.ca)
        assert ca.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        await simulator.stop()
        assert not ca.parent.exists()

    run(story())


def test_two_run_side_by_side_in_one_loop(run: Run, settings: Settings) -> None:
    async def story() -> None:
        first, second = Simulator(settings), Simulator(settings)
        await first.start()
        await second.start()
        await first.stop()
        assert await admin_status(second, "/livez") == 200
        await second.stop()

    run(story())


# Accounts, clocks, numbers


def test_the_account_of_the_ready_file_is_the_default_one_with_a_route_that_works(settings: Settings) -> None:
    shop = AccountSettings(name="shop", auth_key="shop-key")
    default = AccountSettings(auth_key="mine", routes=frozenset({"B", "A"}))
    simulator = Simulator(msgspec.structs.replace(settings, accounts=(shop, default)))
    assert (simulator.ready.auth_key, simulator.ready.route_id) == ("mine", "A")
    close(simulator)


def test_each_account_has_a_clock_of_the_kind_that_was_asked_for(settings: Settings) -> None:
    for clock, mode in (("real", "real"), ("frozen", "frozen"), (3600.0, "scaled")):
        simulator = Simulator(msgspec.structs.replace(settings, clock=clock))
        [default] = simulator.directory
        assert simulator.store.standing(default).clock.mode == mode
        assert simulator.store.standing(None).clock.mode == "real", "what belongs to nobody goes by the wall"
        close(simulator)


def test_a_seed_makes_the_nodes_of_the_uids_repeatable(settings: Settings) -> None:
    seen = []
    for _ in range(2):
        simulator = Simulator(msgspec.structs.replace(settings, seed=42))
        seen.append([simulator.store.standing(account).uids.node for account in (*simulator.directory, None)])
        close(simulator)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 2


def close(simulator: Simulator) -> None:
    """Ends one that never served."""

    async def story() -> None:
        await simulator.start()
        await simulator.stop(timedelta(0))

    asyncio.run(story())


def test_a_simulator_that_cannot_be_made_leaves_its_file_to_the_next(settings: Settings, tmp_path: Path) -> None:
    kept = msgspec.structs.replace(settings, store=StorePlace("sqlite", str(tmp_path / "kept.db")))
    missing = msgspec.structs.replace(kept, client_ca=tmp_path / "missing.pem", plain=False)
    clashing = msgspec.structs.replace(kept, accounts=(AccountSettings(name="a"), AccountSettings(name="b")))
    for wrong in (missing, clashing):
        with pytest.raises((OSError, CertificateError, ValueError)):
            Simulator(wrong)
    asyncio.run(Simulator(kept).stop())
    asyncio.run(Simulator(kept).stop())
