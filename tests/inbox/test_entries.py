"""Entries come in windows: every one exactly once, whatever comes in between, and as the API's searches find them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.records import Message
from cloudsms_simulator.inbox.list_page import (
    WINDOW_SIZE,
    EntryList,
    ListPosition,
    ListWindow,
    is_refused,
    list_position_of,
)
from cloudsms_simulator.journal.search import parse_search
from cloudsms_simulator.journal.search_syntax import SearchError
from cloudsms_simulator.journal.views import JournalView
from cloudsms_simulator.models.journal import MessageItem, RequestItem

SHOP = Account(name="shop", auth_key="the shop's own key")
PACKETS: tuple[dict[str, Any], ...] = (
    {"count": 1},
    {"count": 30},
    {"count": 120, "SMS_CONTENT": "Sale!"},
    {"count": 1, "account": SHOP},
    {"count": 60, "account": SHOP, "SMS_CONTENT": "验证码"},
    {"count": 1, "SMS_CONTENT": ""},
    {"count": 1, "AUTH_KEY": "nobody's"},
    {
        "count": 2,
        "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in ("67000011", "67555103")],
    },
)
"""Packets of every kind: single and bulk, of two accounts and nobody's, accepted, refused and both."""
SEARCHES = (
    *("", "to:852*", "code:OK", "-code:OK", "account:shop", "content:Sale"),
    *("kind:uip", "dcs:8", "finding:content*", "index:>100 -account:shop"),
)
ARRIVING = st.lists(st.sampled_from(PACKETS), max_size=6)


async def arrive(stage: Any, packets: list[dict[str, Any]]) -> None:
    for packet in packets:
        await stage.receive(**packet)


async def windows(stage: Any, text: str, between: list[list[dict[str, Any]]]) -> list[ListWindow]:
    """The windows in a row from the newest down, with packets that come in after each."""
    entries = EntryList(stage.store, stage.wall, (None, *stage.accounts))
    found = [await entries.window(text)]
    while found[-1].next is not None:
        await arrive(stage, between.pop() if between else [])
        found.append(await entries.window(text, found[-1].next))
    return found


def everything(stage: Any, text: str = "") -> set[ListPosition]:
    """The marks of all that the API's searches find, but for requests that were accepted whole."""
    marks = set()
    for account in (None, *stage.accounts):
        kept = JournalView(stage.store, account)
        for kind in ("messages", "requests"):
            try:
                search = parse_search(text, stage.clock().virtual, kind)
            except SearchError:
                continue  # a field that this kind has not got
            found = asyncio.run(kept.found(kind, search))
            marks |= {list_position_of(each) for each in found if isinstance(each, Message) or is_refused(each)}
    return marks


@settings(max_examples=40)
@given(before=ARRIVING, between=st.lists(ARRIVING, max_size=4))
def test_windows_in_a_row_have_every_arrival_once_whatever_comes_in_between(
    stage: Any, before: list[dict[str, Any]], between: list[list[dict[str, Any]]]
) -> None:
    it = stage(Account(), SHOP)
    asyncio.run(arrive(it, before))
    there = everything(it)
    rows = [row.mark for window in asyncio.run(windows(it, "", between)) for row in window.rows]
    assert rows == sorted(there, reverse=True)


@pytest.mark.parametrize("text", SEARCHES)
@settings(max_examples=20)
@given(packets=ARRIVING)
def test_a_search_through_windows_finds_what_the_api_finds(
    stage: Any, text: str, packets: list[dict[str, Any]]
) -> None:
    it = stage(Account(), SHOP)
    asyncio.run(arrive(it, packets))
    found = asyncio.run(windows(it, text, []))
    assert [row.mark for window in found for row in window.rows] == sorted(everything(it, text), reverse=True)
    assert all(len(window.rows) == WINDOW_SIZE for window in found[:-1])


def test_a_window_says_how_much_is_kept_and_gone(stage: Any) -> None:
    it = stage(Account(), SHOP)

    async def story() -> ListWindow:
        await arrive(it, [{"count": 30}, {"count": 1, "SMS_CONTENT": ""}])
        return await EntryList(it.store, it.wall, (None, *it.accounts)).window("to:44*")

    window = asyncio.run(story())
    assert (window.rows, window.next, window.messages, window.evicted) == ((), None, 30, 0)


def test_a_row_has_the_findings_of_its_own_message(stage: Any) -> None:
    it = stage(Account(directions=frozenset({852})))

    async def story() -> ListWindow:
        numbers = [{"COUNTRY_CODE": 44, "DEST_MSISDN": "7911123456"}, {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}]
        await it.receive(2, MULTI_MSISDN_LIST=numbers, BOGUS=1)
        await it.receive(1, SMS_CONTENT="")
        return await EntryList(it.store, it.wall, it.accounts).window()

    refused, second, first = asyncio.run(story()).rows
    assert isinstance(refused.item, RequestItem)
    assert refused.findings == refused.item.findings
    assert isinstance(first.item, MessageItem)
    assert "local-rejected" in {finding.rule for finding in first.findings}
    assert {finding.rule for finding in second.findings} == {finding.rule for finding in first.findings} - {
        "local-rejected"
    }


def test_what_is_no_search_at_all_is_told_and_what_fits_one_kind_only_is_not(stage: Any) -> None:
    entries = EntryList(stage().store, stage().wall, (None,))
    for text in ("stat:DELIVERED", "state:DELIVERED kind:uip", "outcome:answered"):
        with pytest.raises(SearchError):
            asyncio.run(entries.window(text))
    assert asyncio.run(entries.window("state:DELIVERED")).rows == ()


@pytest.mark.parametrize("text", ["", "17", "17.", ".3", "-1.0", "1.0.0", "１.０", "9" * 50 + ".0", "a.b"])
def test_a_mark_that_is_none_is_told(text: str) -> None:
    with pytest.raises(ValueError, match=r"want a mark such as 17\.0"):
        ListPosition.read(text)


@given(st.integers(0, 10**15), st.integers(0, 1_000))
def test_a_mark_is_read_as_it_is_written(request_id: int, place: int) -> None:
    assert ListPosition.read(str(ListPosition(request_id, place))) == ListPosition(request_id, place)
