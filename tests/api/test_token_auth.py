"""The token of the admin port, and the cookie of a browser that gave it. Reading: R19."""

import pytest
from starlette.datastructures import Headers

from cloudsms_simulator.api.auth import MAX_BROWSERS, TokenAuth, cookie_of

GATE = TokenAuth("secret")
WORD = GATE.enter()
HOST = "sms.test:61816"


def test_an_open_gate_admits_everybody_and_knows_nobody() -> None:
    auth = TokenAuth(None)
    assert (auth.is_open, auth.admits(Headers({})), auth.is_token(""), auth.is_token("None")) == (
        True,
        True,
        False,
        False,
    )
    assert not auth.knows(Headers({"host": HOST, "cookie": f"{cookie_of(HOST)}={auth.enter()}"}))


@pytest.mark.parametrize("text", ["", "secre", "secrets", "Secret", "s\xe9cret", "\ud800"])
def test_only_the_token_is_the_token(text: str) -> None:
    assert GATE.is_token("secret")
    assert not GATE.is_token(text)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_told_in_any_case_of_letters(scheme: str) -> None:
    assert GATE.has_token(Headers({"authorization": f"{scheme} secret"}))
    assert GATE.has_token(Headers({"authorization": f"{scheme}  secret "}))
    assert not GATE.has_token(Headers({"authorization": f"{scheme} Secret"}))
    assert not GATE.has_token(Headers({"authorization": f"{scheme}secret"}))


@pytest.mark.parametrize("given", ["", "Basic secret", "Bearer", "Bearer ", "Token secret"])
def test_any_other_word_is_not_the_token(given: str) -> None:
    assert not GATE.has_token(Headers({"authorization": given}))


def test_every_browser_has_a_word_of_its_own_that_does_not_tell_the_token() -> None:
    auth = TokenAuth("secret")
    words = {auth.enter() for _ in range(100)}
    assert len(words) == 100
    assert not any("secret" in word for word in words)
    assert not TokenAuth("secret").knows(Headers({"host": HOST, "cookie": f"{cookie_of(HOST)}={words.pop()}"}))


def test_a_browser_that_left_is_out_and_of_too_many_the_first() -> None:
    auth = TokenAuth("secret")
    cookies = [Headers({"host": HOST, "cookie": f"{cookie_of(HOST)}={auth.enter()}"}) for _ in range(MAX_BROWSERS + 1)]
    assert [auth.knows(cookies[place]) for place in (0, 1, -1)] == [False, True, True]
    auth.leave(cookies[1])
    auth.leave(Headers({"host": HOST}))
    assert [auth.knows(cookies[place]) for place in (1, 2)] == [False, True]


@pytest.mark.parametrize(
    ("site", "admitted"),
    [(None, True), ("same-origin", True), ("none", True), ("same-site", False), ("cross-site", False)],
)
def test_a_cookie_counts_for_our_own_pages_and_for_people_only(site: str | None, admitted: bool) -> None:
    headers = {"host": HOST, "cookie": f"theme=dark; {cookie_of(HOST)}={WORD}"}
    assert GATE.admits(Headers(headers if site is None else headers | {"sec-fetch-site": site})) is admitted


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        "cloudsms_61816",
        "cloudsms_61816=",
        "cloudsms_61816=secret",
        f"cloudsms_80={WORD}",
        f"x={WORD}",
    ],
    ids=["none", "no value", "empty", "the token", "of another port", "of another name"],
)
def test_any_other_cookie_does_not(cookie: str) -> None:
    assert not GATE.admits(Headers({"host": HOST, "cookie": cookie}))


@pytest.mark.parametrize(
    ("host", "name"),
    [(HOST, "cloudsms_61816"), ("sms.test", "cloudsms_80"), ("[::1]:8080", "cloudsms_8080"), ("", "cloudsms_80")],
)
def test_simulators_on_one_host_have_cookies_of_their_own(host: str, name: str) -> None:
    assert cookie_of(host) == name
