"""What every client test is made of: certificates, a receiver, a platform that pushes to it, and what a client printed.

The order matters. Certificates come first; a receiver needs them and picks a free port; the platform is then started
with that port as its callback; the client runs last. Everything waits for a fact, with a deadline.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx2
import pytest
from patience import DEADLINE, STORY

Packet = dict[str, object]
Found = TypeVar("Found")

CLIENT_DEADLINE = STORY
STORE_PASSWORD = "cloudsms"


class Matching:
    """Equal to every JSON value whose text fits the pattern whole: for what differs from packet to packet."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern

    def __eq__(self, other: object) -> bool:
        return re.fullmatch(self._pattern, json.dumps(other)) is not None

    def __hash__(self) -> int:
        return hash(self._pattern)

    def __repr__(self) -> str:
        return f"<like {self._pattern}>"


A_MOMENT = Matching(r'"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"')
A_REPORT_SERIAL = Matching(r"[1-9]\d{0,2}")
AN_SMS_UID = Matching(r'"[0-9A-F]{13}X0[0-9A-F]{15}"')


def environment(**additions: str) -> dict[str, str]:
    """This process's environment for a program under test: no proxy between it and loopback, no settings of ours."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("CLOUDSMS_")
    }
    return kept | additions


class Program:
    """A process that runs beside the tests. What it says goes to a file, and is shown when something fails."""

    def __init__(self, command: tuple[str | Path, ...], log: Path, **variables: str) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, env=environment(**variables), stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def output(self) -> str:
        """All it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def until(self, fact: Callable[[], Found | None]) -> Found:
        """What `fact` tells as soon as it tells anything. The program ending first, or the deadline, fails the test."""
        deadline = time.monotonic() + DEADLINE
        while (found := fact()) is None:
            try:
                code = self._process.wait(timeout=0.02)
            except subprocess.TimeoutExpired:
                assert time.monotonic() < deadline, f"nothing within {DEADLINE} s; it said:\n{self.output()}"
            else:
                pytest.fail(f"it ended with {code} and said:\n{self.output()}")
        return found

    def stop(self) -> int:
        """Ask it to end, and return its exit code; one that does not end is killed."""
        self._process.terminate()
        try:
            return self._process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


class Receiver(Program):
    """A customer's delivery-report server: the port it took, and the reports it printed."""

    _PORT = re.compile(r'"port": ?(\d+)}|://127\.0\.0\.1:(\d+)\) started')

    def port(self) -> int:
        """The port, once it listens: most print a line of JSON; PHP's web server has a sentence of its own."""
        found = self.until(lambda: self._PORT.search(self.output()))
        return int(found[1] or found[2])

    def report(self, uid: str) -> Packet:
        """The one report of a message, once it came."""
        [report] = self.until(lambda: [report for report in self._reports() if report["SMS_UID"] == uid] or None)
        return report

    def _reports(self) -> list[Packet]:
        lines = self.output().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith('{"METHOD') and line.endswith("\n")]


class Platform(Program):
    """A running simulator: clients run against it, and its admin port tells what it saw."""

    def connect(self, ready_file: Path, certificates: Path) -> None:
        """Wait until it takes connections, and learn from the ready file what a client must know."""
        self.until(lambda: ready_file.exists() or None)
        ready = json.loads(ready_file.read_text())
        self.variables = {
            "CLOUDSMS_URL": ready["url"],
            "CLOUDSMS_CA": ready["ca"],
            "CLOUDSMS_CERT": ready["client_cert"],
            "CLOUDSMS_KEY": ready["client_key"],
            "CLOUDSMS_AUTH_KEY": ready["auth_key"],
            "CLOUDSMS_ROUTE_ID": ready["route_id"],
            # Java reads PKCS#12 and no PEM.
            "CLOUDSMS_KEYSTORE": str(certificates / "customer.p12"),
            "CLOUDSMS_TRUSTSTORE": str(certificates / "ca.p12"),
            "CLOUDSMS_STORE_PASSWORD": STORE_PASSWORD,
        }
        self._admin_url = ready["admin_url"]

    def run(self, *command: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run a client to its end, successful or not."""
        return subprocess.run(
            command,
            env=environment(**self.variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=CLIENT_DEADLINE,
            check=False,
        )

    def answers(self, *command: str | Path) -> list[Packet]:
        """The answers a client saw, in order. A client that fails, or prints anything else, fails the test."""
        client = self.run(*command)
        assert client.returncode == 0, client.stderr
        return [json.loads(line) for line in client.stdout.splitlines()]

    def listing(self, resource: str, account: str = "default") -> list[Packet]:
        """The items the admin port lists: `messages`, `requests`, `reports`."""
        url = f"{self._admin_url}/api/v1/{resource}"
        answer = httpx2.get(url, params={"account": account}, trust_env=False, verify=False)
        answer.raise_for_status()
        items: list[Packet] = answer.json()["items"]
        return items

    def requests(self) -> list[Packet]:
        """Every exchange, those no account could be found for included."""
        return self.listing("requests") + self.listing("requests", account="*")

    def message(self, uid: str) -> Packet:
        """What the platform knows of a message."""
        [message] = [item for item in self.listing("messages") if item["uid"] == uid]
        return message

    def pushed(self, uid: str) -> Packet:
        """The platform's own record of a message's one report, once its push is over."""

        def finished() -> Packet | None:
            [report] = [item for item in self.listing("reports") if item["uid"] == uid]
            return None if report["outcome"] == "pending" else report

        return self.until(finished)


@pytest.fixture(scope="session")
def tool() -> Callable[[str, str], str]:
    """Where a program is, or a skip that names the Debian package it comes in."""

    def find(name: str, package: str) -> str:
        return shutil.which(name) or pytest.skip(f"{name} is missing; Debian has it in the package {package}")

    return find


@pytest.fixture(scope="session")
def go_settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """How Go builds: with nothing downloaded, and its standard library once for all tests and workers."""
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    return {"GOCACHE": str(shared / "go"), "GOPROXY": "off", "GOTOOLCHAIN": "local"}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an authority, and the platform's and the customer's certificates."""
    folder = tmp_path_factory.mktemp("certificates")
    command = (sys.executable, "-m", "cloudsms_simulator", "certs", folder)
    made = subprocess.run(command, env=environment(), capture_output=True, encoding="utf-8", check=False)
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def start_receiver(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Receiver]]:
    """Start a receiver with the customer's certificate; it is stopped when the module's tests are through."""
    started: list[Receiver] = []

    def start(*command: str | Path) -> Receiver:
        receiver = Receiver(
            command,
            tmp_path_factory.mktemp("receiver") / "output.txt",
            CLOUDSMS_CA=str(certificates / "ca.pem"),
            CLOUDSMS_CERT=str(certificates / "customer.pem"),
            CLOUDSMS_KEY=str(certificates / "customer-key.pem"),
            CLOUDSMS_DR_PORT="0",
        )
        started.append(receiver)
        return receiver

    yield start
    for receiver in started:
        receiver.stop()


@pytest.fixture(scope="module")
def start_platform(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Platform]]:
    """Start a platform that demands client certificates, with further options of `serve`.

    It is stopped when the module's tests are through: with exit code 0, and no traceback in anything it said.
    """
    started: list[Platform] = []

    def start(*options: str) -> Platform:
        folder = tmp_path_factory.mktemp("platform")
        ready_file = folder / "ready.json"
        serve = (sys.executable, "-m", "cloudsms_simulator", "serve", "--port", "0", "--admin-port", "0")
        security = ("--certs", certificates, "--mtls", "required")
        platform = Platform((*serve, "--ready-file", ready_file, *security, *options), folder / "output.txt")
        try:
            platform.connect(ready_file, certificates)
        except BaseException:
            platform.stop()
            raise
        started.append(platform)
        return platform

    yield start
    ends = [(platform.stop(), "Traceback" in platform.output(), platform.output()) for platform in started]
    assert [(code, traceback) for code, traceback, _ in ends] == [(0, False)] * len(ends), ends


@pytest.fixture(scope="session")
def answered() -> Callable[..., Packet]:
    """The ANSWER to a packet: its code, and an item for each destination, given as (country code, number)."""

    def answer(*destinations: tuple[int, str], code: int = 1, desc: str = "OK", serial: int = 1) -> Packet:
        result: Packet = {"RESULT_CODE": code, "RESULT_DESC": desc}
        items = [
            {"COUNTRY_CODE": country_code, "DEST_MSISDN": msisdn, "SMS_UID": AN_SMS_UID} | result
            for country_code, msisdn in destinations
        ]
        head: Packet = {"METHOD": "SMS_SEND_REQUEST", "TYPE": "ANSWER", "SERIAL": serial, "TIME": A_MOMENT}
        return head | result | {"DETAIL_LIST": items}

    return answer


@pytest.fixture(scope="session")
def delivered() -> Callable[[str, str], Packet]:
    """The report of a delivered message, to the number every client here sends to, with the client's order number."""

    def report(uid: str, order: str) -> Packet:
        result = {"COUNTRY_CODE": 852, "DEST_MSISDN": "67123411", "SMS_STATE": 2, "RESULT_DESC": "DELIVERED"}
        return {
            "METHOD": "SMS_PUSH_REPORT",
            "TYPE": "REQUEST",
            "SERIAL": A_REPORT_SERIAL,
            "TIME": A_MOMENT,
            "REPORT_TIME": A_MOMENT,
            "SOURCE_MSISDN": "CloudSMS",
            "SMS_UID": uid,
            "SMS_RESULT_LIST": [result],
            "CUSTOMER_BODY": {"order": order},
        }

    return report
