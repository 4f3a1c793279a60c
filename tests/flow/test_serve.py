"""A real `serve` process: its ready file, its log, and how it ends.

Spec: CloudSMS Platform Server.
"""

import asyncio
import json
import os
import re
import signal
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from patience import DEADLINE

from cloudsms_simulator.push.receiver import Receiver


class Process:
    """A running `serve`; what it says goes to a file."""

    def __init__(self, folder: Path, certificates: Path, *options: str, redirect: str = "") -> None:
        self.ready_file = folder / "ready.json"
        self._log = folder / "log.txt"
        command = [sys.executable, "-m", "cloudsms_simulator", "serve", "--port", "0", "--admin-port", "0"]
        command += ["--ready-file", str(self.ready_file), "--certs", str(certificates), *options]
        if redirect:
            command = ["bash", "-c", f'exec "$@" {redirect}', "bash", *command]
        variables = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_")}
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(command, env=variables, stdout=output, stderr=output)

    async def ready(self, condition: Callable[..., object]) -> dict[str, object]:
        """What the ready file says, once it is there."""

        async def written() -> dict[str, object] | None:
            assert self._process.poll() is None, self.said
            return json.loads(self.ready_file.read_text()) if self.ready_file.exists() else None

        return await condition(written, DEADLINE)

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def tell(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> int:
        """Its exit code; one that does not end is killed."""
        try:
            return self._process.wait(DEADLINE)
        finally:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def serve(folder: Path, tmp_path: Path) -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(*options: str, redirect: str = "") -> Process:
        started.append(Process(tmp_path, folder, *options, redirect=redirect))
        return started[-1]

    yield start
    for process in started:
        process._process.kill()
        process._process.wait()
        assert "Traceback" not in process.said


async def post(ready: dict[str, object], body: bytes) -> bytes:
    """The answer's body, over mutual TLS."""
    context = ssl.create_default_context(cafile=str(ready["ca"]))
    context.load_cert_chain(str(ready["client_cert"]), str(ready["client_key"]))
    port = int(str(ready["url"]).split(":")[2].split("/")[0])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    head = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
    writer.write(head + body)
    answer = await reader.read()
    writer.close()
    return answer.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_after_running_pushes_finished(
    run, receiving, serve, packet, condition, number: signal.Signals
) -> None:
    async def story() -> None:
        arrived, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Receiver):
            async def __call__(self, scope, receive, send) -> None:
                arrived.set()
                await go_on.wait()
                await super().__call__(scope, receive, send)

        receiver = Slow()
        async with receiving(receiver) as url:
            process = serve("--callback-url", url, "--mtls", "required", "--clock", "100000")
            ready = await process.ready(condition)
            answer = json.loads(await post(ready, packet()))
            assert answer["RESULT_CODE"] == 1
            await arrived.wait()
            process.tell(number)

            async def stopping() -> bool | None:
                # It takes no more connections from then on.
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", int(str(ready["url"]).split(":")[2][:-8]))
                except OSError:
                    return True
                writer.close()
                return None

            await condition(stopping)
            go_on.set()
            assert await asyncio.to_thread(process.ended) == 0
            assert [report.uid for report in receiver.reports] == [answer["DETAIL_LIST"][0]["SMS_UID"]]
            assert not process.ready_file.exists()
            assert "had no answer yet" not in process.said

    run(story())


def test_what_it_writes_holds_no_key_but_the_ready_file_which_only_its_owner_reads(
    run, serve, packet, condition
) -> None:
    async def story() -> None:
        process = serve("--log-format", "json")
        ready = await process.ready(condition)
        key = str(ready["auth_key"])
        assert stat.S_IMODE(process.ready_file.stat().st_mode) == 0o600
        assert list(ready) == [
            "url",
            "admin_url",
            "ca",
            "client_cert",
            "client_key",
            "auth_key",
            "route_id",
            "pid",
        ]
        for body in (packet(), packet(VERSION="old"), packet(ROUTE_ID=key, SMS_CONTENT=""), packet()[:-20]):
            await post(ready, body)
        process.tell(signal.SIGTERM)
        assert await asyncio.to_thread(process.ended) == 0
        lines = [json.loads(line) for line in process.said.splitlines() if line.startswith("{")]
        assert [line["rules"][0] for line in lines] == ["version-unknown", "content-missing", "body-cut"]
        assert key not in process.said

    run(story())


def codes(answer: bytes) -> list[int]:
    """The top-level code, then each destination's."""
    packet = json.loads(answer)
    return [packet["RESULT_CODE"], *(item["RESULT_CODE"] for item in packet.get("DETAIL_LIST", []))]


def test_a_bundled_scenario_is_played_and_its_seed_printed(run, serve, packet, condition) -> None:
    async def story() -> None:
        process = serve("--scenario", "congested", "--seed", "7")
        ready = await process.ready(condition)

        async def printed() -> bool | None:
            return True if "  account    default" in process.said else None

        answers = [codes(await post(ready, packet()))[0] for _ in range(4)]
        assert answers == [0x03, 0x03, 0x10000005, 0x01]
        await condition(printed)
        lines = process.said.splitlines()
        assert "  seed       7  (the same again with --seed 7)" in lines
        assert any(line.startswith("  scenario   congested: Backing off: ") for line in lines)
        process.tell(signal.SIGTERM)
        assert await asyncio.to_thread(process.ended) == 0

    run(story())


def test_what_was_answered_is_there_after_the_process_was_killed_and_its_store_is_printed(
    run, serve, packet, condition, tmp_path: Path
) -> None:
    async def story() -> None:
        for number in (1, 2):
            process = serve("--store", f"sqlite:{tmp_path / 'a.db'}")
            ready = await process.ready(condition)

            async def printed(said: Callable[[], str] = lambda: process.said) -> bool | None:
                return True if f"\n  store      sqlite:{tmp_path / 'a.db'}\n" in said() else None

            await condition(printed)
            assert codes(await post(ready, packet())) == [1, 1]
            async with httpx2.AsyncClient(base_url=str(ready["admin_url"])) as admin:
                assert (await admin.get("/api/v1/messages")).json()["total"] == number
            process.tell(signal.SIGKILL)
            assert await asyncio.to_thread(process.ended) == -signal.SIGKILL
            process.ready_file.unlink()

    run(story())


def test_a_seed_that_nobody_chose_is_printed_too(run, serve, condition) -> None:
    async def story() -> None:
        process = serve()
        await process.ready(condition)

        async def seed() -> str | None:
            found = re.search(r"^  seed       ([0-9]+)  \(the same again with --seed ([0-9]+)\)$", process.said, re.M)
            return found[1] if found is not None and found[1] == found[2] else None

        assert int(await condition(seed)) >= 0

    run(story())


def test_where_clients_meet_trouble_in_tls_is_printed(run, serve, packet, condition) -> None:
    async def story() -> None:
        process = serve("--scenario", "tls-trouble")
        ready = await process.ready(condition)

        async def listed() -> dict[str, str] | None:
            troubles = re.findall(
                r"^  trouble    (https://127\.0\.0\.1:[0-9]+/dave/io)  \((\w+)\)$", process.said, re.M
            )
            return {trouble: url for url, trouble in troubles} if len(troubles) == 6 else None

        urls = await condition(listed)
        assert list(urls) == ["expired", "not_yet_valid", "wrong_host", "unknown_ca", "wrong_usage", "cut_handshake"]
        with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            await post({**ready, "url": urls["expired"]}, packet())
        assert codes(await post(ready, packet())) == [1, 1]

    run(story())


def test_a_bad_scenario_has_every_mistake_told_and_no_port_opened(serve, tmp_path: Path) -> None:
    path = tmp_path / "busy.yaml"
    path.write_text("version: 1\nrulse: []\nrules: [{ reply: Bussy }]\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        # That the port is taken would be told, had anybody tried to open it.
        process = serve("--scenario", str(path), "--port", str(taken.getsockname()[1]))
        assert process.ended() == 2
    assert not process.ready_file.exists()
    assert [line.split(": ")[0] for line in process.said.splitlines()] == [
        "Error",
        f"  {path}:2:1",
        f"  {path}:3:18",
    ]


def test_a_scenario_that_is_watched_is_read_again(run, serve, packet, condition, tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "busy.yaml"
        path.write_text("version: 1\nrules: [{ reply: Busy }]\n")
        process = serve("--scenario", str(path), "--watch")
        ready = await process.ready(condition)
        assert codes(await post(ready, packet())) == [3, 3]

        async def said(text: str) -> bool | None:
            return True if text in process.said else None

        path.write_text("version: 1\nrulse: [{ reply: Intercept }]\n")
        await condition(lambda: said(f'{path}:2:1: unknown key "rulse"; did you mean "rules"?'), DEADLINE)
        assert codes(await post(ready, packet())) == [3, 3]

        path.write_text("version: 1\nrules: [{ reply: Intercept }]\n")
        await condition(lambda: said(f"{path} is good again: the scenario busy begins anew"), DEADLINE)
        assert codes(await post(ready, packet())) == [0x10000006, 0x10000006]
        process.tell(signal.SIGTERM)
        assert await asyncio.to_thread(process.ended) == 0

    run(story())


posix = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")


@posix
@pytest.mark.parametrize(
    "redirect",
    [
        "<&-",
        ">&-",
        "2>&-",
        "<&- >&- 2>&-",
        pytest.param(
            ">/dev/full 2>&1", marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it")
        ),
        "> >(true) 2> >(true)",
    ],
)
def test_it_serves_whatever_became_of_its_streams(run, serve, packet, condition, redirect: str) -> None:
    async def story() -> None:
        process = serve("--log-format", "json", redirect=redirect)
        ready = await process.ready(condition)
        answers = [codes(await post(ready, packet(VERSION=version)))[0] for version in ("old", "2021-01-01")]
        assert answers == [0x10000010, 0x01]
        process.tell(signal.SIGTERM)
        assert await asyncio.to_thread(process.ended) == 0
        assert not process.ready_file.exists()

    run(story())


def test_a_ready_file_that_cannot_be_is_told_before_a_port_is_opened(serve, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        # That the port is taken would be told, had anybody tried to open it.
        process = serve("--ready-file", str(tmp_path), "--port", str(taken.getsockname()[1]))
        assert process.ended() == 2
    assert process.said == f"Error: {tmp_path}: cannot write the ready file: a folder is there\n"


def test_a_port_that_is_taken_leaves_no_older_ready_file(serve, tmp_path: Path) -> None:
    (tmp_path / "ready.json").write_text("of a server that was killed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = serve("--port", str(taken.getsockname()[1]))
        assert process.ended() == 2
    assert not process.ready_file.exists()


def test_no_request_forges_a_line_of_the_log(run, serve, condition) -> None:
    async def story() -> None:
        process = serve("--plain")
        ready = await process.ready(condition)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(str(ready["url"]).split(":")[2].split("/")[0]))
        path = b"/a%0a2026-11-30%2023:59:59%20ERROR%20%20%20FORGED%1b%5b2J%c2%9b%e2%80%ae"
        writer.write(b"POST %b HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}" % path)
        await reader.read()
        writer.close()

        async def told() -> bool | None:
            return True if "FORGED" in process.said else None

        await condition(told, DEADLINE)
        (line,) = [line for line in process.said.split("\n") if "FORGED" in line]
        assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d INFO    http #\d+ refused: path-wrong ", line)
        assert not set(process.said) & set("\x1b\x9b\u202e")

    run(story())
