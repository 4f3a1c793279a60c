"""The context of a page: what a request for a page is about, and how its visitor reads."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from cloudsms_simulator.inbox.page_context import accounts_in_scope


def names(door: Any, query: str) -> list[str | None]:
    return [None if each is None else each.name for each in accounts_in_scope(door.context, door.page(query))]


def test_the_scope_says_which_accounts_are_meant(door: Any) -> None:
    assert names(door, "") == [None, "shop", "default"]
    assert names(door, "account=shop") == ["shop"]
    assert names(door, "account=*") == [None]


def test_where_one_account_is_meant_it_is_that_of_the_scope_else_the_default_one(door: Any) -> None:
    assert [door.page(query).account.name for query in ("account=shop", "account=*", "")] == [
        "shop",
        "default",
        "default",
    ]
    assert door.page("account=shop").clock.mode == "frozen"
    assert door.page().accounts == ("shop", "default")


def test_an_account_that_is_not_there_is_not_found(door: Any) -> None:
    with pytest.raises(HTTPException, match="there is shop, default"):
        door.page("account=nobody")


def test_addresses_keep_the_scope_and_leave_out_what_is_not_said(door: Any) -> None:
    page = door.page("account=shop&q=to:852*")
    assert page.query == "to:852*"
    assert page.url("/window", q="", after=None) == "/window?account=shop"
    assert door.page().url("/") == "/"
    assert page.api("/messages/A") == "/api/v1/messages/A?account=shop"
    assert page.api("/messages/A", "other one") == "/api/v1/messages/A?account=other+one"


def test_a_choice_counts_before_a_remembered_one_and_that_before_the_browsers(door: Any) -> None:
    remembered = {"cookie": "lang=zh; theme=dark", "accept_language": "en"}
    pages = [door.page(), door.page(**remembered), door.page("lang=en&theme=light", **remembered)]
    assert [(page.language, page.theme) for page in pages] == [("en", "auto"), ("zh", "dark"), ("en", "light")]
    assert [dict(page.chosen) for page in pages] == [{}, {}, {"lang": "en", "theme": "light"}]


def test_what_cannot_be_chosen_is_passed_over(door: Any) -> None:
    page = door.page("lang=xx&theme=pink", cookie="theme=pink; lang=xx")
    assert (page.language, page.theme, dict(page.chosen)) == ("en", "auto", {})


TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(query=TEXTS)
def test_a_search_survives_an_address(query: str) -> None:
    from cloudsms_simulator.inbox.page_context import PageContext

    page = PageContext("/", query, "a shop", None, (), None, "en", "auto", {})
    assert parse_qs(urlsplit(page.url("/", q=query)).query) == {"account": ["a shop"], "q": [query]}
