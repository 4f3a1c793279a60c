"""The gate: the token, and the cookie of a browser that said it. Reading: R19."""

import pytest
from starlette.datastructures import Headers

from cloudsms_simulator.server.admin.gate import Gate, cookie_of

GATE = Gate("secret")
HOST = "sms.test:61816"


def test_an_open_gate_admits_everybody_and_knows_nobody() -> None:
    gate = Gate(None)
    assert (gate.is_open, gate.admits(Headers({})), gate.is_token(""), gate.is_token("None")) == (
        True,
        True,
        False,
        False,
    )
    assert not gate.knows(Headers({"host": HOST, "cookie": f"{cookie_of(HOST)}={gate.session}"}))


@pytest.mark.parametrize("text", ["", "secre", "secrets", "Secret", "s\xe9cret", "\ud800"])
def test_only_the_token_is_the_token(text: str) -> None:
    assert GATE.is_token("secret")
    assert not GATE.is_token(text)


def test_the_cookie_does_not_tell_the_token_and_is_another_for_another() -> None:
    assert "secret" not in GATE.session
    assert Gate("secret").session == GATE.session
    assert Gate("secreu").session != GATE.session


@pytest.mark.parametrize(
    ("site", "admitted"),
    [(None, True), ("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False)],
)
def test_a_cookie_counts_for_our_own_pages_and_for_people_only(site: str | None, admitted: bool) -> None:
    headers = {"host": HOST, "cookie": f"theme=dark; {cookie_of(HOST)}={GATE.session}"}
    assert GATE.admits(Headers(headers if site is None else headers | {"sec-fetch-site": site})) is admitted


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "cloudsms_61816",
        "cloudsms_61816=",
        "cloudsms_61816=secret",
        f"cloudsms_80={GATE.session}",
        f"x={GATE.session}",
    ],
)
def test_any_other_cookie_does_not(cookie: str) -> None:
    assert not GATE.admits(Headers({"host": HOST, "cookie": cookie}))


@pytest.mark.parametrize(
    ("host", "name"),
    [(HOST, "cloudsms_61816"), ("sms.test", "cloudsms_80"), ("[::1]:8080", "cloudsms_8080"), ("", "cloudsms_80")],
)
def test_simulators_on_one_host_have_cookies_of_their_own(host: str, name: str) -> None:
    assert cookie_of(host) == name
