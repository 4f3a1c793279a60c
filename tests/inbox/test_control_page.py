"""The pages of an account over HTTP: what is live is a part of the whole, and an account that is gone is no failure."""

import re
from collections.abc import Iterator

import httpx2
import pytest

from cloudsms_simulator.pytest_plugin.server import LocalServer

LIVE = ("now", "line", "lately", "rules", "listeners", "standing", "health")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    server = LocalServer("optional", "spec")
    yield server
    server.close()


def get(server: LocalServer, path: str, status: int = 200) -> str:
    answer = httpx2.get(f"{server.admin_url}{path}")
    assert answer.status_code == status, answer.text
    return answer.text


def test_everything_that_moves_has_its_place_on_the_page(server: LocalServer) -> None:
    page, live = get(server, "/control"), get(server, "/control/live")
    assert re.findall(r'id="live-(\w+)"', page) == re.findall(r'id="live-(\w+)"', live) == list(LIVE)
    assert live.count('hx-swap-oob="innerHTML"') == len(LIVE)


def test_of_an_account_that_is_gone_nothing_is_live(server: LocalServer) -> None:
    assert get(server, "/control/live?account=gone", 204) == ""
    assert "there is no account" in get(server, "/control?account=gone", 404)
    assert get(server, "/control/live?account=*")


def test_only_an_account_made_over_the_api_can_be_deleted(server: LocalServer) -> None:
    made = server.client.accounts.create(name="made").name
    assert 'id="ask-delete"' not in get(server, "/control")
    assert 'id="ask-delete"' in get(server, f"/control?account={made}")


def test_whole_keys_are_on_no_page(server: LocalServer) -> None:
    made = server.client.accounts.create(name="secret")
    assert made.auth_key not in get(server, "/control?account=secret") + get(server, "/compose?account=secret")


def test_a_rule_without_a_name_can_be_switched_from_its_button(server: LocalServer) -> None:
    server.client.scenarios.use(text="version: 1\nname: nameless\nrules: [{ reply: Busy }]\n")
    [url] = set(re.findall(r'data-url="(/api/v1/rules/[^"]+)"', get(server, "/control")))
    answer = httpx2.post(server.admin_url + url, json={"enabled": False})
    assert (answer.status_code, answer.json()["id"]) == (200, "rule 1"), answer.text


@pytest.mark.parametrize("number", ["9", "x", "", "1" * 30])
def test_what_came_of_a_request_that_is_not_kept_is_not_told(server: LocalServer, number: str) -> None:
    assert "is kept" in get(server, f"/compose/sent?request={number}&of=default", 404)


def test_a_form_beyond_all_measure_is_refused(server: LocalServer) -> None:
    answer = httpx2.post(f"{server.admin_url}/compose/draft", content=b"text=" + b"x" * 300_000)
    assert answer.status_code == 413
