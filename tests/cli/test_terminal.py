"""What reaches a terminal, a pipe or a full disk: by the streams alone, and by every command that shows what customers
wrote."""

import http.client
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cli_runner import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.process import SafeStream, standard_streams
from cloudsms_simulator.protocol.delivery_report import DeliveryReport, encode_report
from cloudsms_simulator.protocol.timestamps import HONG_KONG

BIDI_CONTROLS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# All that Unicode has in Cc, Zl and Zp, for good.
CONTROLS = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\u2028", "\u2029"]
HOSTILE = "".join(CONTROLS) + BIDI_CONTROLS
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202e"
HARMLESS = "caf\xe9 云\u3000a\xa0b 👩\u200d💻 שלום"
NOON = datetime(2021, 9, 13, 12, 0, 0, tzinfo=HONG_KONG)
REPORT = encode_report(
    DeliveryReport(
        serial=7,
        time=NOON,
        report_time=NOON,
        source_msisdn="CloudSMS",
        sms_uid="5A3B394096E50X01D1FA163E81BFFF",
        country_code=852,
        dest_msisdn="67000011",
        state=2,
    )
)
ENCODINGS = ("utf-8", "cp1252", "gbk", "latin-1", "ascii")


def written(encoding: str, *texts: str) -> bytes:
    """What a stream makes of texts."""
    octets = io.BytesIO()
    stream = SafeStream(octets, encoding, line_buffering=False)
    for text in texts:
        assert stream.write(text) == len(text)
    stream.flush()
    stream.detach()
    return octets.getvalue()


def written_json(encoding: str, value: bytes) -> bytes:
    """What a stream makes of JSON."""
    octets = io.BytesIO()
    stream = SafeStream(octets, encoding, line_buffering=False)
    assert stream.buffer.write(value) == len(value)
    stream.buffer.flush()
    stream.detach()
    return octets.getvalue()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("character", [*HOSTILE, "\ud83d"], ids=ascii)
def test_a_control_character_is_written_as_an_escape(character: str, encoding: str) -> None:
    line = written(encoding, f"a{character}b\n").decode(encoding)

    if character == "\n":
        assert line == "a\nb\n"
    else:
        assert re.fullmatch(r"a\\(u[0-9a-f]{4}|t|r)b\n", line)


def test_letters_spaces_joiners_and_emoji_stay() -> None:
    assert written("utf-8", HARMLESS).decode() == HARMLESS


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("latin-1", "caf\xe9 \\u4e91 \\ud83d\\ude00"),
        ("gbk", "caf\xe9 云 \\ud83d\\ude00"),
        ("ascii", "caf\\u00e9 \\u4e91 \\ud83d\\ude00"),
    ],
)
def test_what_an_encoding_does_not_have_is_escaped(encoding: str, shown: str) -> None:
    assert written(encoding, "caf\xe9 云 😀").decode(encoding) == shown


@given(st.text(), st.sampled_from(ENCODINGS))
def test_any_text_can_be_written_and_brings_no_control_character(text: str, encoding: str) -> None:
    shown = written(encoding, text).decode(encoding)

    assert not set(shown) & set(HOSTILE) - {"\n"}


@given(st.text(st.characters(exclude_categories=["Cs"])), st.sampled_from(ENCODINGS))
def test_json_means_the_same_after_it_is_escaped(text: str, encoding: str) -> None:
    told = written_json(encoding, json.dumps([text], ensure_ascii=False).encode())

    assert json.loads(told) == [text]
    assert not set(told.decode(encoding)) & set(HOSTILE)
    assert encoding == "utf-8" or told.isascii()


@pytest.fixture
def hostile(shop):
    """A shop that sent every control character there is, accepted and refused, and was pushed to."""
    shop.api.accounts.change(shop.name, callback={"url": shop.api.sink.show().url})
    text = f"{HARMLESS} {ESCAPES}{HOSTILE}"
    body = {"order": ESCAPES, ESCAPES: BIDI_CONTROLS}
    shop.uids.append(shop.uid(SMS_CONTENT=text, CUSTOMER_BODY=body))
    shop.send(SMS_CONTENT=text, VERSION=text, ROUTE_ID=text, CUSTOMER_BODY=body)
    shop.post(text.encode())
    shop.post(b"\x9b2J\x1b[2J{")
    split = shop.server.url.split("/")[2].split(":")
    tls = shop.server.ssl_context()
    connection = http.client.HTTPSConnection(split[0], int(split[1]), context=tls, timeout=30)
    connection.request("POST", "/a%0a2026-11-30%2023:59:59%20ERROR%20FORGED%1b%5b2J%e2%80%ae", b"{}")
    connection.getresponse().read()
    connection.close()
    assert shop.api.clock.advance(seconds=10).fired
    shop.uids.append(shop.uid(SMS_CONTENT=text, CUSTOMER_BODY=body))
    return shop


def commands(shop) -> Iterator[tuple[list[str], str | None]]:
    """Every command that shows what customers wrote, with the account whose it is."""
    own, nobody = None, "*"
    report = shop.api.reports.page().items[0].id
    for account, page in ((own, shop.api.requests.page()), (nobody, shop.api.of("*").requests.page(limit=5))):
        yield ["requests", "ls"], account
        yield ["requests", "export"], account
        yield ["requests", "export", "--har"], account
        for request in page.items:
            yield ["requests", "show", str(request.id)], account
            yield ["requests", "show", str(request.id), "--json"], account
            yield ["explain", str(request.id), "--account", account or shop.name], account
            yield ["explain", str(request.id), "--account", account or shop.name, "--json"], account
    for args in (
        *(["messages", "show", uid] for uid in shop.uids),
        ["messages", "show", shop.uids[0], "--json"],
        ["messages", "ls"],
        ["messages", "ls", "--json"],
        ["messages", "ls", ESCAPES],
        ["messages", "find"],
        ["messages", "wait"],
        ["messages", "export"],
        ["messages", "tail", "--bad" + ESCAPES],
        ["reports", "ls"],
        ["reports", "show", report],
        ["reports", "show", report, "--json"],
        ["reports", "export"],
        ["reports", "pending", "--json"],
        ["account", "show", shop.name],
        ["account", "show", ESCAPES],
        ["account", "ledger", shop.name],
        ["account", "ls"],
        ["clock", "show", "--account", shop.name],
        ["segments", f"{ESCAPES}{HOSTILE}".replace("\0", "")],
        ["segments", "--json", f"{ESCAPES}{HOSTILE}".replace("\0", "")],
        ["scenario", "show", ESCAPES],
        ["config", "check", ESCAPES],
        ["doctor"],
        [ESCAPES],
    ):
        yield args, own


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_command_lets_a_control_character_through_or_ends_in_a_traceback(hostile, encoding: str) -> None:
    runner = CliRunner(charset=encoding)
    for args, account in commands(hostile):
        result = runner.invoke(main, hostile._said(tuple(args), account), env=hostile._environment())
        assert result.exception is None or isinstance(result.exception, SystemExit), (args, result.exception)
        for octets in (result.stdout_bytes, result.stderr_bytes):
            shown = set(octets.decode(encoding))  # all of it is in that encoding
            assert not shown & set(HOSTILE) - {"\n"}, args


def test_a_listener_shows_no_control_character(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cloudsms_simulator", "listen", "--plain", "--port", "0", "--count", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        port = int(process.stderr.readline().decode().rsplit(":", 1)[1].rstrip("/\n"))
        report = json.loads(REPORT) | {"SMS_UID": f"a{HOSTILE}b", "DEST_MSISDN": f"6{HOSTILE}7"}
        for body in (f"no report {HOSTILE}".encode(), b"\x9b2J", json.dumps(report).encode()):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.request("POST", "/", body)
            connection.getresponse().read()
            connection.close()
        out, err = process.communicate(timeout=60)
    assert out.count(b"\n") == 1
    assert err.count(b"\n") == 2
    assert not set((out + err).decode()) & set(HOSTILE) - {"\n"}


def run(*args: str, redirect: str, **environ: str) -> "subprocess.CompletedProcess[bytes]":
    """A command under a shell that redirects its streams."""
    line = f'exec "$@" {redirect}'
    return subprocess.run(
        ["bash", "-c", line, "bash", sys.executable, "-m", "cloudsms_simulator", *args],
        capture_output=True, timeout=60, check=False, env={**os.environ, **environ},
    )  # fmt: skip


posix = pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")


@posix
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("args", [("segments", "hi"), ("--version",), ("--help",), ("segments", "hi", "--json")])
def test_output_that_is_lost_is_told_and_ends_2(args: tuple[str, ...]) -> None:
    done = run(*args, redirect=">/dev/full")

    assert (done.returncode, done.stderr) == (2, b"Error: cannot write standard output: No space left on device\n")


@posix
@pytest.mark.parametrize(("args", "code"), [(("segments", "hi"), 0), (("scenario", "validate", "{bad}"), 1)])
def test_a_reader_that_wants_no_more_changes_nothing(tmp_path: Path, args: tuple[str, ...], code: int) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 2\n")
    reading, writing = os.pipe()
    os.close(reading)
    args = tuple(each.format(bad=bad) for each in args)
    quiet = subprocess.run(
        [sys.executable, "-m", "cloudsms_simulator", *args], stdout=writing, stderr=subprocess.PIPE, check=False
    )
    os.close(writing)

    assert quiet.returncode == run(*args, redirect="").returncode == code
    assert b"Traceback" not in quiet.stderr
    assert b"pipe" not in quiet.stderr


@posix
@pytest.mark.parametrize("redirect", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_trouble(redirect: str) -> None:
    done = run("segments", "hi", redirect=redirect)

    assert (done.returncode, done.stderr) == (0, b"")
    assert bool(done.stdout) == (">&-" not in redirect.split())


@posix
@pytest.mark.parametrize("command", [["messages", "ls"], ["segments"], ["explain"], ["scenario", "show"]])
def test_an_argument_that_is_not_utf_8_ends_2_in_one_message(shop, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cloudsms_simulator", *command, b"caf\xe9"],
        capture_output=True, timeout=60, check=False, env={**os.environ, **shop._environment()},
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Error: " in done.stderr
    assert b"Traceback" not in done.stderr


def test_an_error_that_nobody_expected_is_one_line_and_its_traceback_is_to_be_had(monkeypatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of\ncheese\x1b[2J")

    monkeypatch.setattr("cloudsms_simulator.engine.billing.bill", fail)

    plain = CliRunner().invoke(main, ["segments", "hi"])
    full = CliRunner().invoke(main, ["--traceback", "segments", "hi"])

    told = (
        "Error: RuntimeError: out of cheese\\u001b[2J (a mistake of the simulator; "
        "`cloudsms-simulator --traceback COMMAND …` shows where)\n"
    )
    assert (plain.exit_code, plain.stdout, plain.stderr) == (1, "", told)
    assert full.exit_code == 1
    assert full.stderr.startswith("Traceback (most recent call last):\n")
    assert full.stderr.endswith(told)


@posix
@pytest.mark.parametrize(
    ("args", "where"),
    [
        (("scenario", "new", "{folder}/x.yaml"), "{folder}/x.yaml: cannot be written"),
        (("certs", "{folder}/certs"), "{folder}/certs: cannot be written"),
        (("listen", "--plain", "--port", "0", "--ready-file", "{folder}/r"), "{folder}/r: cannot write the ready file"),
        (("messages", "export", "--output", "{folder}/m"), "Invalid value for --output: {folder}/m"),
    ],
)
def test_a_disk_that_is_full_is_told_and_ends_2(busy, tmp_path: Path, args: tuple[str, ...], where: str) -> None:
    said = busy._said(tuple(each.format(folder=tmp_path) for each in args), None)
    done = subprocess.run(
        ["bash", "-c", 'ulimit -f 0; exec "$@"', "bash", sys.executable, "-m", "cloudsms_simulator", *said],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, **busy._environment()},
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (2, "")
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"Error: {where.format(folder=tmp_path)}: File too large")
    assert [path for path in tmp_path.rglob("*") if path.is_file() and path.stat().st_size] == []


@posix
@pytest.mark.parametrize("output", ["{folder}", "{folder}/absent/file", "/dev/full"])
def test_an_output_that_cannot_be_written_ends_2(busy, tmp_path: Path, output: str) -> None:
    result = busy.run("messages", "export", "--output", output.format(folder=tmp_path))

    assert (result.exit_code, result.stdout) == (2, "")
    assert "--output" in result.stderr


def test_the_streams_are_as_they_were_afterwards(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr

    with standard_streams():
        print("\x1b")
        assert isinstance(sys.stdout, SafeStream)

    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().out == "\\u001b\n"
