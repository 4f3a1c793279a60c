"""`doctor` and its steps, on accounts with one thing wrong each: callback, clock, customer. Real sockets, real TLS."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from cloudsms_simulator.cli import doctor, doctor_steps
from cloudsms_simulator.cli.doctor_steps import FAKE_UID
from cloudsms_simulator.cli.process import ExitCode
from cloudsms_simulator.engine.faults import TlsTrouble
from cloudsms_simulator.net.certificates import CertificateFiles
from cloudsms_simulator.net.tls_faults import FlawedCertificates
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.customer import encode_report_answer
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.push.failures import PusherFacts, broken_tls

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
RIGHT = encode_report_answer(1, NOW, ResultCode.OK)


class Customer:
    """A customer's server that answers every POST the same, and keeps what came."""

    def __init__(
        self, context: ssl.SSLContext | None, status: int, body: bytes, headers: dict[str, str], path: str
    ) -> None:
        self.came: list[bytes] = []
        customer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                customer.came.append(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
                self.send_response(404 if self.path != path else status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keeps the test's output clean."""

        class Server(HTTPServer):
            def get_request(self) -> tuple[socket.socket, object]:
                sock, peer = super().get_request()
                sock.settimeout(30)
                return (sock, peer) if context is None else (context.wrap_socket(sock, server_side=True), peer)

            def handle_error(self, request: object, client_address: object) -> None:
                """Keeps the test's output clean."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"{'http' if context is None else 'https'}://localhost:{self.port}{path}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


Start = Callable[..., Customer]


@pytest.fixture
def files(server) -> CertificateFiles:
    """The folder of the server's certificates."""
    return CertificateFiles.within(Path(server.ca).parent)


@pytest.fixture
def customer() -> Iterator[Start]:
    """Starts customers' servers, plain unless there is a context."""
    begun: list[Customer] = []

    def start(
        context: ssl.SSLContext | None = None,
        status: int = 200,
        body: bytes = RIGHT,
        headers: dict[str, str] | None = None,
        path: str = "/",
    ) -> Customer:
        begun.append(Customer(context, status, body, headers or {}, path))
        return begun[-1]

    yield start
    for each in begun:
        each.server.shutdown()
        each.server.server_close()


def serving(certificate: Path, key: Path, clients: Path | None = None) -> ssl.SSLContext:
    """A server's side of TLS; `clients` is the authority whose clients it demands."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


@pytest.fixture
def good(files: CertificateFiles) -> ssl.SSLContext:
    """What a customer's server is to have."""
    return serving(files.customer_cert, files.customer_key, files.ca)


@pytest.fixture
def diagnose(open_shop, files: CertificateFiles):
    """Runs doctor for a callback; its steps by name, the last of each."""

    def run(url: str | None, *args: str, code: ExitCode = ExitCode.FAILED, clock: str = "real", **of: object):
        told = {} if url is None else {"callback": {"url": url, **of}}
        shop = open_shop(clock=clock, report=[{"none": True}], **told)
        shop.send()  # accepted: what other tests had refused lies before it
        result = shop.run("doctor", "--json", "--certs", str(files.directory), *args)
        assert (result.exit_code, result.stderr) == (code, ""), result.output
        document = json.loads(result.stdout)
        assert document["ok"] is (code is ExitCode.OK)
        return {step["step"]: step for step in document["steps"]}

    return run


def ended(steps, name: str) -> tuple[str, str]:
    """What was found wrong, and its remedy; it is the last step, and the only one that is wrong."""
    assert [step["step"] for step in steps.values() if step["verdict"] == "wrong"] == [name], steps
    assert list(steps)[-1] == name
    return steps[name]["found"], steps[name]["fix"]


def test_all_is_well_with_a_right_server(customer: Start, good: ssl.SSLContext, open_shop, files) -> None:
    there = customer(good, path="/reports")
    shop = open_shop(clock="real", callback={"url": there.url})
    shop.send()  # whatever other tests had refused lies before this
    shop.api.reports.wait("outcome:answered")
    result = shop.run("doctor", "--certs", str(files.directory))
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    steps = [line for line in result.stdout.splitlines() if line.startswith("ok")]
    assert [line.split()[1] for line in steps if "requests" not in line] == [
        *("server", "clock", "reports", "callback", "dns", "tcp", "tls", "http", "answer")
    ]
    [tls] = [line for line in steps if " tls " in line]
    assert "certificate CN=CloudSMS customer," in tls
    assert "for localhost, 127.0.0.1, ::1, signed by CN=CloudSMS simulator CA " in tls
    assert "shown to it: the platform's certificate" in tls
    report = json.loads(there.came[-1])
    assert (report["METHOD"], report["SMS_UID"], len(FAKE_UID)) == ("SMS_PUSH_REPORT", FAKE_UID, 30)


def test_dry_pushes_nothing(customer: Start, good: ssl.SSLContext, diagnose) -> None:
    there = customer(good)
    assert list(diagnose(there.url, "--dry", code=ExitCode.OK))[-1] == "tls"
    assert there.came == []


def test_without_the_folder_the_customers_certificate_stands_in(
    customer: Start, good: ssl.SSLContext, open_shop
) -> None:
    there = customer(good)
    shop = open_shop(clock="real", callback={"url": there.url})
    shop.send()
    shop.api.reports.wait("outcome:answered")
    result = shop.run("doctor", "--json")
    assert result.exit_code == 0, result.stdout
    steps = {step["step"]: step for step in json.loads(result.stdout)["steps"]}
    assert "the customer's certificate, for the platform's" in steps["tls"]["found"]
    assert steps["answer"]["verdict"] == "ok"


def test_no_callback_at_all(diagnose) -> None:
    found, fix = ended(diagnose(None), "callback")
    assert found.startswith("no callback is configured")
    assert "callback.url=https://HOST:PORT/PATH; or serve --callback-url" in fix


def test_nothing_listens(diagnose, unused_url: str) -> None:
    found, fix = ended(diagnose(unused_url), "tcp")
    assert found == f"nothing listens at {unused_url.removeprefix('http://')}"
    assert f"cloudsms-simulator listen --port {unused_url.rpartition(':')[2]} --plain" in fix


def test_a_name_nobody_knows(diagnose) -> None:
    found, _ = ended(diagnose("https://elsewhere.invalid:1/"), "dns")
    assert found.startswith("the name elsewhere.invalid is not known here: ")


def test_the_name_that_only_containers_know(diagnose, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(doctor_steps.socket, "getaddrinfo", unknown)
    trial = a_trial("https://host.docker.internal:1/")
    *_, step = doctor_steps.callback_steps(trial)
    assert (step.step, "docker exec CONTAINER cloudsms-simulator doctor" in (step.fix or "")) == ("dns", True)


@pytest.mark.parametrize(
    ("failure", "found", "fix"),
    [
        (TimeoutError("timed out"), "no connection to 127.0.0.1:1 within 2 s", "look for a firewall"),
        (OSError(113, "No route to host"), "no connection to 127.0.0.1:1: No route to host", "a way to that host"),
    ],
)
def test_a_host_that_cannot_be_reached(monkeypatch: pytest.MonkeyPatch, failure: OSError, found: str, fix: str) -> None:
    def fail(*args: object) -> None:
        raise failure

    monkeypatch.setattr(doctor_steps.socket, "create_connection", fail)
    *_, step = doctor_steps.callback_steps(a_trial("http://127.0.0.1:1/"))
    assert (step.step, step.found, fix in (step.fix or "")) == ("tcp", found, True)


def test_localhost_by_name_and_by_address_is_the_containers_own() -> None:
    told = {host: doctor_steps._is_loopback(host) for host in ("localhost", "127.0.0.2", "::1", "10.0.0.1", "sms.test")}
    assert told == {"localhost": True, "127.0.0.2": True, "::1": True, "10.0.0.1": False, "sms.test": False}


def test_a_server_that_breaks_off(diagnose) -> None:
    def hang_up(listening: socket.socket) -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), sock:
                sock.recv(100)

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=hang_up, args=(sock,), daemon=True)
        thread.start()
        port = sock.getsockname()[1]
        found, fix = ended(diagnose(f"https://127.0.0.1:{port}/"), "tls")
        assert found.startswith("the server broke off the handshake: ")
        assert "see the log of your server; if it wants to know clients, let it trust " in fix
        found, fix = ended(diagnose(f"http://127.0.0.1:{port}/"), "http")
        assert found.endswith(" the connection without an answer")
        assert fix == "see the log of your server"
        sock.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.mark.parametrize(("identity", "mend"), [("valid", "let it trust "), ("none", "leave callback.identity out")])
def test_a_server_that_closes_after_the_handshake_as_node_does(
    files: CertificateFiles, diagnose, identity: str, mend: str
) -> None:
    context = serving(files.customer_cert, files.customer_key)

    def close_at_once(listening: socket.socket) -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), context.wrap_socket(sock, server_side=True) as tls:
                tls.unwrap()

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=close_at_once, args=(sock,), daemon=True)
        thread.start()
        found, fix = ended(diagnose(f"https://127.0.0.1:{sock.getsockname()[1]}/", identity=identity), "tls")
        assert found == "the server closed the connection right after the handshake, without a word"
        assert mend in fix
        sock.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_something_else_than_tls(diagnose) -> None:
    def greet(listening: socket.socket) -> None:
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with suppress(OSError), sock:
                sock.sendall(b"220 smtp.test ESMTP\r\n")
                sock.recv(65536)

    with socket.create_server(("127.0.0.1", 0)) as sock:
        thread = threading.Thread(target=greet, args=(sock,), daemon=True)
        thread.start()
        found, _ = ended(diagnose(f"https://127.0.0.1:{sock.getsockname()[1]}/"), "tls")
        assert found.startswith("what answers is not TLS (")
        sock.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def test_without_the_folder_a_remedy_says_where_its_files_are() -> None:
    remedy = broken_tls("tlsv1 alert UNKNOWN_CA", PusherFacts(None, "the platform's certificate", ""))
    assert "ca.pem of the server's folder of certificates (GET /api/v1/certs has it)" in remedy.mend
    remedy = broken_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED", PusherFacts(Path("certs"), "mine.pem", ""))
    assert remedy.found.startswith("the server does not take the client certificate (")


@pytest.mark.parametrize("identity", ["expired", "unknown_ca"])
def test_a_certificate_that_is_flawed_on_purpose(
    customer: Start, good: ssl.SSLContext, diagnose, identity: str
) -> None:
    found, _ = ended(diagnose(customer(good).url, identity=identity), "tls")
    assert found.startswith("the server does not trust the platform's certificate (")


def test_the_wrong_path(customer: Start, good: ssl.SSLContext, diagnose) -> None:
    there = customer(good, path="/reports")
    found, fix = ended(diagnose(there.url.replace("/reports", "/nope")), "http")
    assert found == "HTTP 404: push-path"
    assert fix == "your server knows no /nope: put the path that it handles into callback.url"


@pytest.mark.parametrize(
    ("status", "found", "fix"),
    [
        (302, "HTTP 302 to /elsewhere: push-redirect", "redirects are not followed"),
        (405, "HTTP 405: push-path", "let your server take POST at /"),
        (401, "HTTP 401: dr-http-status", "let reports in"),
        (500, "HTTP 500: dr-http-status", f"see the log of your server, for SMS_UID {FAKE_UID}"),
    ],
)
def test_a_status_that_ends_no_report(customer: Start, diagnose, status: int, found: str, fix: str) -> None:
    there = customer(status=status, headers={"Location": "/elsewhere"})
    told, mend = ended(diagnose(there.url), "http")
    assert (told, fix in mend) == (found, True)


def test_plain_http_at_a_port_for_tls(customer: Start, diagnose) -> None:
    there = customer()
    found, fix = ended(diagnose(there.url.replace("http:", "https:")), "tls")
    assert found == "the server speaks plain HTTP at this port"
    assert fix == "switch TLS on in your server, or begin callback.url with http://"


def test_tls_at_a_port_for_plain_http(customer: Start, good: ssl.SSLContext, diagnose) -> None:
    there = customer(serving_without_clients(good))
    found, fix = ended(diagnose(there.url.replace("https:", "http:")), "http")
    assert found == "the server speaks TLS at this port"
    assert fix.endswith(f"callback.url={there.url}")


@pytest.mark.parametrize(
    ("trouble", "found", "fix"),
    [
        (TlsTrouble.EXPIRED, "the server's certificate has expired", "renew it"),
        (TlsTrouble.NOT_YET_VALID, "the server's certificate is not valid yet", "compare the clocks"),
        (TlsTrouble.UNKNOWN_CA, "is from an unknown authority (unable to get local issuer", "callback.verify=false"),
        (
            TlsTrouble.WRONG_HOST,
            "is not for localhost",
            "call it elsewhere.invalid in callback.url, or give your server",
        ),
        (TlsTrouble.WRONG_USAGE, "is not meant for servers", "customer.pem, which the platform trusts"),
    ],
)
def test_a_flawed_certificate(
    customer: Start, files: CertificateFiles, diagnose, trouble: TlsTrouble, found: str, fix: str
) -> None:
    there = customer(serving(*FlawedCertificates(files).as_server(trouble)))
    told, mend = ended(diagnose(there.url), "tls")
    assert (found in told, fix in mend) == (True, True), (told, mend)
    assert ": certificate CN=" in told


def test_a_certificate_signed_by_itself_and_verify_off(customer: Start, diagnose, tmp_path: Path) -> None:
    there = customer(serving(*signed_by_itself(tmp_path)))
    found, fix = ended(diagnose(there.url), "tls")
    assert "the server's certificate is signed by itself" in found
    assert "name the PEM file of its authority as callback.ca" in fix
    assert f"callback.url={there.url} callback.verify=false" in fix
    steps = diagnose(there.url, code=ExitCode.OK, verify=False)
    assert (steps["tls"]["verdict"], steps["answer"]["verdict"]) == ("note", "ok")
    assert "verify is off, so any certificate is good" in steps["tls"]["found"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_that_is_demanded_and_not_offered(
    customer: Start, good: ssl.SSLContext, diagnose, version: ssl.TLSVersion
) -> None:
    good.maximum_version = version
    found, fix = ended(diagnose(customer(good).url, identity="none"), "tls")
    assert found == "the server demands a client certificate, and none is offered"
    assert "callback.identity left out" in fix


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_does_not_know_our_authority(
    customer: Start, files: CertificateFiles, diagnose, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    other, _ = signed_by_itself(tmp_path)
    context = serving(files.customer_cert, files.customer_key, other)
    context.maximum_version = version
    found, fix = ended(diagnose(customer(context).url), "tls")
    assert found.startswith("the server does not trust the platform's certificate (")
    assert fix == f"let it trust {files.ca}, the authority of the platform's certificate"


def test_an_old_version_of_tls(customer: Start, files: CertificateFiles, diagnose) -> None:
    context = serving(files.customer_cert, files.customer_key)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="is deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    found, fix = ended(diagnose(customer(context).url), "tls")
    assert "no version or cipher in common" in found
    assert fix == "let it use TLS 1.2 or 1.3"


def test_a_server_that_says_nothing(diagnose) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
        found, _ = ended(diagnose(f"https://127.0.0.1:{port}/", connect_timeout="0.1s"), "tls")
        assert found == "the server takes the connection, and says nothing in the handshake"
        found, fix = ended(diagnose(f"http://127.0.0.1:{port}/", timeout="0.1s"), "http")
        assert (found, "callback.timeout" in fix) == ("no answer within 0.1 s", True)


@pytest.mark.parametrize(
    ("body", "found", "fix"),
    [
        (b"", "dr-answer-empty at answer: got HTTP 200 without a body", "want an ANSWER packet"),
        (b"OK", "dr-answer-not-json at answer", "want an ANSWER packet"),
        (encode_report_answer(9, NOW, ResultCode.OK), "dr-answer-serial at $.SERIAL: got 9", "the report's SERIAL"),
    ],
)
def test_an_answer_that_is_wrong(customer: Start, diagnose, body: bytes, found: str, fix: str) -> None:
    told, mend = ended(diagnose(customer(body=body).url), "answer")
    assert (told.startswith(found), fix in mend) == (True, True), (told, mend)


def test_an_answer_that_is_only_odd_is_a_note(customer: Start, diagnose) -> None:
    body = msgspec.json.encode(json.loads(RIGHT) | {"TIME": "today"})
    steps = diagnose(customer(body=body).url, code=ExitCode.OK)
    assert (steps["answer"]["verdict"], "dr-answer-time" in steps["answer"]["found"]) == ("note", True)


def test_a_code_that_is_a_string_is_wrong_in_every_line(customer: Start, open_shop, files: CertificateFiles) -> None:
    there = customer(body=msgspec.json.encode(json.loads(RIGHT) | {"RESULT_CODE": "1"}))
    shop = open_shop(clock="real", callback={"url": there.url})
    shop.send()
    shop.api.reports.wait("outcome:answered")
    result = shop.run("doctor", "--json", "--certs", str(files.directory))
    assert result.exit_code == ExitCode.FAILED
    steps = [step for step in json.loads(result.stdout)["steps"] if "dr-answer-code" in step["found"]]
    assert [(step["step"], step["verdict"]) for step in steps] == [("answers", "wrong"), ("answer", "wrong")]
    [report] = shop.api.reports.page().items
    assert [each.severity for each in report.attempts[-1].findings if each.rule == "dr-answer-code"] == ["error"]


def test_an_answer_after_a_byte_order_mark_is_wanted_without_it(customer: Start, diagnose) -> None:
    _, mend = ended(diagnose(customer(body=b"\xef\xbb\xbf" + RIGHT).url), "answer")
    assert mend.endswith("without a byte order mark")


def test_a_server_that_took_the_other_loopback_address_alone_is_found(diagnose) -> None:
    try:
        listening = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("there is no IPv6 here")
    with listening:
        port = listening.getsockname()[1]
        found, fix = ended(diagnose(f"http://127.0.0.1:{port}/"), "tcp")
    assert found == f"nothing listens at 127.0.0.1:{port}; [::1]:{port} takes connections"
    assert fix == f"let your server listen at 127.0.0.1:{port} too, or put [::1]:{port} into callback.url"


def test_localhost_of_a_server_in_a_container(unused_url: str) -> None:
    trial = a_trial(unused_url, elsewhere="the server runs in a container")
    first, *_ = doctor_steps.callback_steps(trial)
    assert (first.verdict, "where 127.0.0.1 is itself" in first.found) == ("wrong", True)
    assert first.fix is not None
    assert f"http://host.docker.internal:{unused_url.rpartition(':')[2]}" in first.fix
    assert "--add-host=host.docker.internal:host-gateway" in first.fix


def test_where_a_server_is(server, monkeypatch: pytest.MonkeyPatch) -> None:
    info, here = server.client.info(), "http://127.0.0.1:1"
    assert doctor._elsewhere(here, msgspec.structs.replace(info, container=False)) is None
    assert doctor._elsewhere("http://192.0.2.1:1", info) == "the server runs on 192.0.2.1"
    monkeypatch.setattr("cloudsms_simulator.services.info.in_container", lambda: False)
    assert doctor._elsewhere(here, msgspec.structs.replace(info, container=True)) == "the server runs in a container"
    monkeypatch.setattr("cloudsms_simulator.services.info.in_container", lambda: True)
    assert doctor._elsewhere(here, msgspec.structs.replace(info, container=True)) is None


def test_files_that_are_not_on_this_machine_are_left_out_and_told(server, tmp_path: Path) -> None:
    account = server.client.accounts.show("default")
    here = tmp_path / "here.pem"
    here.touch()
    said = msgspec.structs.replace(
        account.callback, ca=str(here), client_cert="/nowhere/cert.pem", client_key="/nowhere/key.pem"
    )
    account = msgspec.structs.replace(account, callback=said)
    [note] = doctor._left_out(account, at_hand=True)
    assert (note.verdict, "callback.client_cert is /nowhere/cert.pem" in note.found) == ("note", True)
    taken = doctor._callback(account, at_hand=True)
    assert (taken.ca, taken.client_cert, taken.client_key) == (str(here), None, None)


def test_a_certificate_that_cannot_be_made_here_is_told(customer: Start, good: ssl.SSLContext, open_shop) -> None:
    shop = open_shop(clock="real", callback={"url": customer(good).url, "identity": "expired"})
    told = {step["step"]: step for step in json.loads(shop.run("doctor", "--json", "--dry").stdout)["steps"]}
    assert "certificate that is expired on purpose; tried with a good one" in told["files"]["found"]
    assert told["tls"]["verdict"] == "ok"


def test_a_standing_clock_keeps_reports_from_coming(customer: Start, open_shop) -> None:
    shop = open_shop(callback={"url": customer().url})
    shop.send()
    [clock] = steps(shop, "clock")
    assert (clock["verdict"], "1 pending reports wait for `clock advance`, the next due at" in clock["found"]) == (
        "wrong",
        True,
    )
    assert f"clock advance 1s --account {shop.name}" in clock["fix"]
    shop.api.clock.run_until_idle()
    [clock] = steps(shop, "clock")
    assert (clock["verdict"], "none is pending now" in clock["found"]) == ("note", True)


def test_pushes_that_failed_are_shown_until_one_is_answered(customer: Start, open_shop, unused_url: str) -> None:
    shop = open_shop(callback={"url": unused_url})
    uid = shop.uid()
    shop.api.clock.run_until_idle()
    [reports] = steps(shop, "reports")
    assert (reports["verdict"], f"1 failed, the last one {uid}-1 at " in reports["found"]) == ("wrong", True)
    assert f"cloudsms-simulator reports show {uid}-1" in reports["fix"]
    shop.api.accounts.change(shop.name, callback={"url": customer().url})
    shop.send()
    shop.api.clock.run_until_idle()
    [reports] = steps(shop, "reports")
    assert (reports["verdict"], reports["found"].endswith("others were answered since")) == ("note", True)


def test_answers_that_were_wrong_are_shown(customer: Start, open_shop) -> None:
    shop = open_shop(callback={"url": customer(body=b"").url})
    uid = shop.uid()
    shop.api.clock.run_until_idle()
    [answers] = steps(shop, "answers")
    assert (answers["verdict"], answers["found"].startswith(f"{uid}-1 was answered, but wrongly")) == ("wrong", True)


def test_refused_requests_and_handshakes_are_shown_until_one_is_accepted(open_shop, server) -> None:
    shop = open_shop()
    shop.send("12ab")
    port = int(server.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        peer = f'peer:"127.0.0.1:{sock.getsockname()[1]}"'
        while sock.recv(1000):
            pass
    shop.api.of("*").requests.wait(peer)
    [refused] = [step for step in steps(shop, "requests") if "msisdn-wrong" in step["found"]]
    assert refused["verdict"] == "wrong"
    assert f"--account {shop.name}" in refused["fix"]
    [shaken] = [step for step in steps(shop, "handshakes") if ": plain-http, " in step["found"]]
    assert shaken["verdict"] == "wrong"
    assert shaken["fix"].startswith("The client speaks plain HTTP to a TLS port: ")
    shop.send()
    assert {step["verdict"] for name in ("requests", "handshakes") for step in steps(shop, name)} == {"note"}


def test_an_empty_account_and_whitelists_are_shown(open_shop) -> None:
    shop = open_shop(balance="0", whitelist=["10.0.0.0/8"])
    [balance] = steps(shop, "balance")
    assert (balance["verdict"], balance["fix"]) == ("wrong", f"cloudsms-simulator account credit {shop.name} 10.00")
    [whitelist] = steps(shop, "whitelist")
    assert (whitelist["verdict"], "hears 10.0.0.0/8 only" in whitelist["found"]) == ("note", True)
    assert steps(open_shop(balance="unlimited"), "balance") == []


def test_another_version_is_a_note(open_shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsms_simulator.cli.doctor_steps.own_version", lambda: "9.9.9")
    [server] = steps(open_shop(), "server")
    assert (server["verdict"], "this command is 9.9.9" in server["found"]) == ("note", True)


def test_nobody_there_ends_3_and_an_unknown_account_2(shop, unused_url: str) -> None:
    assert shop.run("doctor", "--admin-url", unused_url).exit_code == ExitCode.UNREACHABLE
    assert shop.run("doctor", account="nobody").exit_code == ExitCode.USAGE


def steps(shop, name: str) -> list[dict[str, str]]:
    """What doctor finds in the steps of a name."""
    document = json.loads(shop.run("doctor", "--json", "--dry").stdout)
    return [step for step in document["steps"] if step["step"] == name]


def a_trial(url: str, elsewhere: str | None = None) -> doctor_steps.CallbackTrial:
    """A trial of a callback that needs no certificates."""
    return doctor_steps.CallbackTrial(
        account="default",
        sender="CloudSMS",
        callback=doctor_steps.Callback(url=url),
        files=CertificateFiles.within(Path("nowhere")),
        pusher=PusherFacts(None, None, ""),
        elsewhere=elsewhere,
        dry=True,
    )


def serving_without_clients(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same, demanding no certificate."""
    context.verify_mode = ssl.CERT_NONE
    return context


def signed_by_itself(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that nobody else signed, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(hours=1),
        not_valid_after=now + timedelta(days=1),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate, private = folder / "self.pem", folder / "self-key.pem"
    certificate.write_bytes(builder.sign(key, SHA256()).public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private
