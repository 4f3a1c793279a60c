"""A running server, accounts of their own on it, and the commands in this process or in another one."""

import json
import os
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import count

import pytest
from cli_runner import CliRunner
from click.testing import Result

from cloudsms_simulator.cli import main
from cloudsms_simulator.client.client import Client
from cloudsms_simulator.client.models import Account
from cloudsms_simulator.pytest_plugin.server import LocalServer

Json = dict[str, object]
PACKET = {
    "METHOD": "SMS_SEND_REQUEST",
    "TYPE": "REQUEST",
    "SERIAL": 1,
    "TIME": "2026-11-22 12:00:00",
    "VERSION": "2021-01-01",
    "ROUTE_ID": "VerifyCode_516",
    "SMS_CONTENT": "Your code is 123456",
    "CUSTOMER_BODY": {"order": 1},
}
_numbers = count(1)


class Shop:
    """An account of its own on the session's server, and the commands as somebody types them who means it."""

    def __init__(self, server: LocalServer, account: Account) -> None:
        self.server = server
        self.name = account.name
        self.auth_key = account.auth_key
        self.api = server.client.of(account.name)
        self.uids: list[str] = []
        """What `busy` sent."""

    def send(self, *to: str, **fields: object) -> Json:
        """Sends to numbers in Hong Kong, or to `country number`; the answer."""
        numbers = [each.split() if " " in each else ("852", each) for each in to or ("67000011",)]
        listed = [{"COUNTRY_CODE": int(country), "DEST_MSISDN": number} for country, number in numbers]
        packet = PACKET | {"AUTH_KEY": self.auth_key, "MULTI_MSISDN_LIST": listed} | fields
        return self.post(json.dumps(packet).encode())

    def post(self, body: bytes) -> Json:
        """Posts any body; the answer."""
        request = urllib.request.Request(self.server.url, body)
        with urllib.request.urlopen(request, context=self.server.ssl_context(), timeout=30) as answer:
            found: Json = json.load(answer)
            return found

    def uid(self, *to: str, **fields: object) -> str:
        """Sends, and gives the SMS_UID of the first recipient."""
        details = self.send(*to, **fields)["DETAIL_LIST"]
        assert isinstance(details, list)
        return str(details[0]["SMS_UID"])

    def run(self, *args: str, account: str | None = None) -> Result:
        """What a command prints, and how it ends."""
        return CliRunner().invoke(main, self._said(args, account), env=self._environment())

    def start(self, *args: str, account: str | None = None) -> "subprocess.Popen[str]":
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "cloudsms_simulator", *self._said(args, account)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self._environment()},
        )

    def _said(self, args: tuple[str, ...], account: str | None) -> list[str]:
        resources = ("messages", "requests", "reports", "doctor")
        return [*args, "--account", account or self.name] if args[0] in resources else [*args]

    def _environment(self) -> dict[str, str]:
        return {"CLOUDSMS_SIM_ADMIN_URL": self.server.admin_url}


@pytest.fixture(scope="session")
def server() -> Iterator[LocalServer]:
    """A simulator for every test that is content with an account of its own."""
    running = LocalServer("optional", "spec")
    yield running
    running.close()


@pytest.fixture
def open_shop(server: LocalServer) -> Iterator[Callable[..., Shop]]:
    """Makes accounts with settings; their clock stands unless said."""
    made: list[str] = []

    def make(**settings: object) -> Shop:
        account = server.client.accounts.create(**{"name": f"shop-{next(_numbers)}", "clock": "frozen"} | settings)
        made.append(account.name)
        return Shop(server, account)

    yield make
    with Client(server.admin_url) as client:
        for name in made:
            if any(account.name == name for account in client.accounts.all()):
                client.accounts.delete(name)


@pytest.fixture
def shop(open_shop: Callable[..., Shop]) -> Shop:
    """An account nobody configured, its clock standing."""
    return open_shop()


@pytest.fixture
def unused_url() -> Iterator[str]:
    """Where nobody listens: the port is taken, so that nobody else can, either."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def busy(shop: Shop) -> Shop:
    """A shop that sent two messages, of which the first was delivered."""
    shop.api.accounts.change(shop.name, callback={"url": shop.api.sink.show().url})
    shop.uids.append(shop.uid("67000011"))
    shop.api.clock.advance(hours=30)
    shop.uids.append(shop.uid("65 12345678", SMS_CONTENT="第二条短信"))
    return shop


class Answering:
    """A server that answers every request with the same body, and closes."""

    def __init__(self, body: bytes, kind: str = "application/json") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def answering() -> type[Answering]:
    """A server to be used with `with`, which gives its URL."""
    return Answering
