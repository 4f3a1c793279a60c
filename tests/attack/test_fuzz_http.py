"""The program that feeds wrong HTTP to either side of the connection, on small numbers; and that it can complain."""

import random

import fuzz_http
import pytest

from cloudsms_simulator.net.http_client import HttpClient
from cloudsms_simulator.net.http_parser import RequestReader


@pytest.mark.parametrize("prefer_uvloop", [True, False], ids=["uvloop", "asyncio"])
def test_no_request_and_no_answer_however_wrong_is_complained_of(prefer_uvloop: bool) -> None:
    if prefer_uvloop:
        pytest.importorskip("uvloop")
    assert fuzz_http.fuzz(600, 3, prefer_uvloop=prefer_uvloop) == []


def test_an_exception_on_either_side_is_complained_of(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_arguments: object) -> None:
        raise LookupError("planted")

    monkeypatch.setattr(RequestReader, "on_body", fail)
    monkeypatch.setattr(HttpClient, "keep", fail)
    assert fuzz_http.main(["--count", "80"]) == 1
    told = capsys.readouterr().out
    assert told.count("event loop: ") > 1
    assert "planted" in told


@pytest.mark.parametrize(
    ("octets", "are_answers"),
    [
        (b"", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\naHTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", False),
        (b"hello", False),
    ],
)
def test_what_comes_back_is_held_to_be_http_answers(octets: bytes, are_answers: bool) -> None:
    assert fuzz_http.whole_answers(octets) is are_answers


def test_the_same_seed_makes_the_same_octets() -> None:
    made = [fuzz_http.wrong(fuzz_http.REQUESTS, random.Random(seed)) for seed in (1, 1, 2)]
    assert made[0] == made[1] != made[2]
