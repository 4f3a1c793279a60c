"""A visit: what a request for a page is about, and how its visitor reads."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from cloudsms_simulator.inbox.page_context import accounts_in_scope


def names(door: Any, query: str) -> list[str | None]:
    return [None if each is None else each.name for each in accounts_in_scope(door.office, door.visit(query))]


def test_the_scope_says_which_accounts_are_meant(door: Any) -> None:
    assert names(door, "") == [None, "shop", "default"]
    assert names(door, "account=shop") == ["shop"]
    assert names(door, "account=*") == [None]


def test_where_one_account_is_meant_it_is_that_of_the_scope_else_the_default_one(door: Any) -> None:
    assert [door.visit(query).account.name for query in ("account=shop", "account=*", "")] == [
        "shop",
        "default",
        "default",
    ]
    assert door.visit("account=shop").clock.mode == "frozen"
    assert door.visit().accounts == ("shop", "default")


def test_an_account_that_is_not_there_is_not_found(door: Any) -> None:
    with pytest.raises(HTTPException, match="there is shop, default"):
        door.visit("account=nobody")


def test_addresses_keep_the_scope_and_leave_out_what_is_not_said(door: Any) -> None:
    visit = door.visit("account=shop&q=to:852*")
    assert visit.query == "to:852*"
    assert visit.url("/window", q="", after=None) == "/window?account=shop"
    assert door.visit().url("/") == "/"
    assert visit.api("/messages/A") == "/api/v1/messages/A?account=shop"
    assert visit.api("/messages/A", "other one") == "/api/v1/messages/A?account=other+one"


def test_a_choice_counts_before_a_remembered_one_and_that_before_the_browsers(door: Any) -> None:
    remembered = {"cookie": "lang=zh; theme=dark", "accept_language": "en"}
    visits = [door.visit(), door.visit(**remembered), door.visit("lang=en&theme=light", **remembered)]
    assert [(visit.language, visit.theme) for visit in visits] == [("en", "auto"), ("zh", "dark"), ("en", "light")]
    assert [dict(visit.chosen) for visit in visits] == [{}, {}, {"lang": "en", "theme": "light"}]


def test_what_cannot_be_chosen_is_passed_over(door: Any) -> None:
    visit = door.visit("lang=xx&theme=pink", cookie="theme=pink; lang=xx")
    assert (visit.language, visit.theme, dict(visit.chosen)) == ("en", "auto", {})


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(query=TEXTS)
def test_a_search_survives_an_address(query: str) -> None:
    from cloudsms_simulator.inbox.page_context import PageContext

    visit = PageContext("/", query, "a shop", None, (), None, "en", "auto", {})
    assert parse_qs(urlsplit(visit.url("/", q=query)).query) == {"account": ["a shop"], "q": [query]}
