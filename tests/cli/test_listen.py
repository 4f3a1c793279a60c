"""listen as a process: it is given reports the way the platform pushes them."""

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli import main
from cloudsms_simulator.net.certificates import CertificateFiles, open_certificates
from cloudsms_simulator.net.tls import push_context
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, audit, encode_report
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.services.ready_file import Ready, write_ready_file

NOW = datetime(2021, 9, 13, 12, 0, 0, tzinfo=HONG_KONG)
UID = "5A3B394096E50X01D1FA163E81BFFF"
REPORT = encode_report(
    DeliveryReport(
        serial=7,
        time=NOW,
        report_time=NOW,
        source_msisdn="CloudSMS",
        sms_uid=UID,
        country_code=852,
        dest_msisdn="67000011",
        state=2,
    )
)


class Process:
    """A running `listen`, whose first line said where."""

    def __init__(self, *args: str | Path) -> None:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CLOUDSMS_SIM_")}
        command = [sys.executable, "-m", "cloudsms_simulator", "listen", "--port", "0", *map(str, args)]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
        assert self.popen.stderr is not None
        line = self.popen.stderr.readline()
        assert line.startswith("waiting for reports at "), line
        self.url = line.removeprefix("waiting for reports at ").strip()

    def post(self, body: bytes = REPORT, *, tls: ssl.SSLContext | None = None) -> tuple[int, bytes]:
        """Status and body of the answer."""
        split = urlsplit(self.url)
        assert split.hostname is not None
        connection = (
            http.client.HTTPConnection(split.hostname, split.port, timeout=60)
            if tls is None
            else http.client.HTTPSConnection(split.hostname, split.port, timeout=60, context=tls)
        )
        try:
            connection.request("POST", split.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def end(self) -> tuple[int, str, str]:
        """Exit code, and what is left of standard output and error."""
        out, err = self.popen.communicate(timeout=60)
        return self.popen.returncode, out, err


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    processes: list[Process] = []

    def start_one(*args: str | Path) -> Process:
        processes.append(Process(*args))
        return processes[-1]

    yield start_one
    for process in processes:
        process.popen.kill()
        process.popen.communicate()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> CertificateFiles:
    return open_certificates(tmp_path_factory.mktemp("certs"))


def test_a_report_is_printed_and_answered_and_enough_of_them_end_it(start: Start) -> None:
    process = start("--plain", "--count", "2")

    status, body = process.post()
    process.post()

    assert audit(7, status, body) == ()
    code, out, _ = process.end()
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith(f"  {UID}  DELIVERED (2)  to 852 67000011")


def test_a_report_is_printed_as_json(start: Start) -> None:
    process = start("--plain", "--count", "1", "--json")

    process.post()

    code, out, _ = process.end()
    assert code == 0
    report = json.loads(out)
    assert (report["uid"], report["state"], report["state_name"], report["serial"]) == (UID, 2, "DELIVERED", 7)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
def test_a_signal_ends_it_with_0(start: Start, name: str) -> None:
    process = start("--plain")

    process.popen.send_signal(getattr(signal, name))

    assert process.end() == (0, "", "")


def test_a_time_out_ends_it_with_4(start: Start) -> None:
    process = start("--plain", "--count", "1", "--timeout", "0.05")

    assert process.end() == (4, "", "Error: fewer than 1 reports came within 0.05 s\n")


@pytest.mark.parametrize(
    ("answer", "rule"), [("http-503", "dr-http-status"), ("Busy", "dr-answer-code"), ("none", "dr-answer-empty")]
)
def test_the_answer_can_be_wrong_and_late(start: Start, answer: str, rule: str) -> None:
    process = start("--plain", "--count", "1", "--answer", answer, "--delay", "20ms")

    (finding,) = audit(7, *process.post())

    assert finding.rule == rule
    assert process.end()[0] == 0


def test_reports_come_to_the_path_that_was_given(start: Start) -> None:
    process = start("--plain", "--count", "1", "--path", "/dr/in")

    assert process.url.endswith("/dr/in")
    assert process.post()[0] == 200


def test_what_is_no_report_is_told_and_does_not_count(start: Start) -> None:
    process = start("--plain", "--count", "1")

    process.post(b"hello")
    process.post()

    code, out, err = process.end()
    assert (code, len(out.splitlines())) == (0, 1)
    assert err == "no delivery report: hello\n"


def test_the_platform_trusts_it_and_shows_its_certificate(start: Start, files: CertificateFiles) -> None:
    process = start("--certs", files.directory, "--mtls", "required", "--count", "1", "--json")

    tls = push_context((files.platform_cert, files.platform_key), (files.ca,), system=False)
    status, body = process.post(tls=tls)

    assert audit(7, status, body) == ()
    code, out, _ = process.end()
    assert code == 0
    assert json.loads(out)["certificate"].startswith("CN=CloudSMS platform,")


def test_a_handshake_without_a_certificate_is_told(start: Start, files: CertificateFiles) -> None:
    process = start("--certs", files.directory, "--mtls", "required")

    with pytest.raises((ssl.SSLError, OSError)):
        process.post(tls=ssl.create_default_context(cafile=str(files.ca)))

    assert process.popen.stderr is not None
    assert process.popen.stderr.readline() == "no TLS with 127.0.0.1: no-certificate\n"


def test_the_certificates_of_a_running_platform_are_used(start: Start, files: CertificateFiles, tmp_path: Path) -> None:
    ready = Ready(
        url="https://127.0.0.1:1/dave/io",
        admin_url="http://127.0.0.1:2",
        ca=str(files.ca),
        client_cert=str(files.customer_cert),
        client_key=str(files.customer_key),
        auth_key="key",
        route_id="VerifyCode_516",
        pid=1,
    )
    write_ready_file(tmp_path / "ready", ready)

    process = start("--platform", tmp_path / "ready")

    assert process.post(tls=ssl.create_default_context(cafile=str(files.ca)))[0] == 200


def test_the_ready_file_is_there_as_long_as_reports_can_come(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "listening"
    process = start("--plain", "--count", "1", "--ready-file", path)
    assert json.loads(path.read_text()) == {"url": process.url, "pid": process.popen.pid}

    process.post()

    assert process.end()[0] == 0
    assert not path.exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "TLS takes certificates that the platform trusts: give --certs DIR"),
        (["--plain", "--answer", "okk"], 'got "okk", want one of ok, none'),
        (["--plain", "--delay", "5"], 'got "5", want a duration with its unit'),
        (["--plain", "--path", "dr"], 'got "dr", want a path, which begins with /'),
        (["--plain", "--host", "192.0.2.1"], "cannot listen on 192.0.2.1:0: this machine does not have that address"),
        (["--plain", "--ready-file", "/absent/ready"], "/absent/ready: cannot write the ready file: No such file"),
    ],
)
def test_wrong_usage_ends_2(args: list[str], message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLOUDSMS_SIM_CERTS", raising=False)
    monkeypatch.delenv("CLOUDSMS_SIM_READY_FILE", raising=False)

    result = CliRunner().invoke(main, ["listen", "--port", "0", *args])

    assert result.exit_code == 2
    assert message in result.stderr
