"""The package in the environment of an older application: its server for reports is one of FastAPI on uvicorn, its
client aiohttp's. `compatibility.py` copies this file to a folder of its own, and runs it with pytest."""

import asyncio
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import aiohttp
import fastapi
import pytest
import uvicorn

CLI = Path(os.environ["VIRTUAL_ENV"]) / "bin" / "cloudsms-simulator"


@pytest.fixture
def reports() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """The URL of an application that takes delivery reports, and those it took."""
    app, taken = fastapi.FastAPI(), []

    @app.post("/reports")
    async def take(request: fastapi.Request) -> dict[str, object]:
        packet = await request.json()
        taken.append(packet)
        return {"METHOD": packet["METHOD"], "TYPE": "ANSWER", "SERIAL": packet["SERIAL"], "RESULT_CODE": 1}

    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=server.run, args=([sock],))
        thread.start()
        yield f"http://127.0.0.1:{sock.getsockname()[1]}/reports", taken
        server.should_exit = True
        thread.join()


def test_the_neighbours_are_the_old_ones() -> None:
    assert (version("fastapi")[:5], version("uvicorn")[:4], version("aiohttp")[:3]) == ("0.115", "0.34", "3.9")


def test_a_report_of_what_aiohttp_sent_reaches_fastapi(cloudsms, reports) -> None:
    url, taken = reports
    packet = {
        "METHOD": "SMS_SEND_REQUEST",
        "TYPE": "REQUEST",
        "SERIAL": 1,
        "TIME": "2026-11-22 12:00:00",
        "VERSION": "2021-01-01",
        "AUTH_KEY": cloudsms.auth_key,
        "ROUTE_ID": cloudsms.route_id,
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
        "SMS_CONTENT": "Your code is 123456",
        "CUSTOMER_BODY": {"order": 1},
    }

    async def send() -> dict[str, object]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(cloudsms.url, json=packet, ssl=cloudsms.ssl_context) as answer,
        ):
            return await answer.json()

    cloudsms.callback(url)
    assert asyncio.run(send())["RESULT_CODE"] == 1
    assert cloudsms.wait_for_otp(to="85267000011") == "123456"
    cloudsms.clock.advance(seconds=3)
    report = cloudsms.wait_for_report(state="DELIVERED")
    assert (report.outcome, [each["METHOD"] for each in taken]) == ("answered", ["SMS_PUSH_REPORT"])


def test_serve_takes_what_send_sends(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ports = ("--port", "0", "--admin-port", "0")
    with subprocess.Popen([CLI, "serve", *ports, "--ready-file", ready], stderr=subprocess.PIPE, text=True) as server:
        try:
            subprocess.run([CLI, "readyz", "--wait", "30", "--ready-file", ready], check=True, timeout=60)
            sending = [CLI, "send", "--ready-file", ready, "--to", "85267000011", "Hello", "--json"]
            sent = subprocess.run(sending, check=True, capture_output=True, text=True, timeout=60)
            assert json.loads(sent.stdout)["RESULT_CODE"] == 1, sent.stdout
        finally:
            server.terminate()
            assert server.stderr is not None
            log = server.stderr.read()
    assert (server.returncode, "Traceback" in log) == (0, False)
