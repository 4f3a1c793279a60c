"""What the pages of one message and of one request stand on: their neighbours, their findings, and their texts."""

import asyncio

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.inbox.list_page import EntryList, ListPosition, findings_about, list_position_of
from cloudsms_simulator.inbox.templates import as_code, between_tags, state_name, visible
from cloudsms_simulator.protocol.findings import Finding

SHOP = Account(name="shop", auth_key="the key of the shop")


def walk(stage, *accounts: Account | None, mark: ListPosition, text: str = "") -> list[str | None]:
    entries = EntryList(stage.store, stage.wall, accounts)
    beside = asyncio.run(entries.around(mark, text))
    return [None if each is None else str(list_position_of(each)) for each in beside]


def test_the_neighbours_of_an_arrival_are_those_of_the_list_whoevers_they_are(stage) -> None:
    scene = stage(Account(), SHOP)
    asyncio.run(scene.send(2))
    asyncio.run(scene.send(1, SHOP))
    asyncio.run(scene.receive(1, AUTH_KEY="nobody's"))
    asyncio.run(scene.receive(1, VERSION="old"))
    everybody = (*scene.accounts, None)
    assert walk(scene, *everybody, mark=ListPosition(1, 0)) == ["1.1", None]
    assert walk(scene, *everybody, mark=ListPosition(1, 1)) == ["2.0", "1.0"]
    assert walk(scene, *everybody, mark=ListPosition(2, 0)) == ["3.1000", "1.1"]
    assert walk(scene, *everybody, mark=ListPosition(4, 1000)) == [None, "3.1000"]
    assert walk(scene, scene.account, mark=ListPosition(1, 1)) == ["4.1000", "1.0"]


def test_the_neighbours_of_an_arrival_are_those_that_a_search_finds(stage) -> None:
    scene = stage()
    for text in ("one", "two", "one"):
        asyncio.run(scene.send(1, SMS_CONTENT=text))
    assert walk(scene, scene.account, mark=ListPosition(1, 0), text="content:one") == ["3.0", None]
    assert walk(scene, scene.account, mark=ListPosition(1, 0), text="content:two") == ["2.0", None]


def test_a_destination_has_to_do_with_its_own_findings_and_with_those_of_the_whole_request() -> None:
    def at(path: str) -> Finding:
        return Finding("rule", "warning", path, "", "", "")

    told = (at("$.TIME"), at("$.MULTI_MSISDN_LIST[1].DEST_MSISDN"), at("$.MULTI_MSISDN_LIST[11]"))
    assert findings_about(1, told) == told[:2]


def test_control_characters_are_pictures_of_themselves() -> None:
    assert visible("a\x00b\x7fc\n\td") == "a␀b␡c\n\td"


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200f", "\u061c"])
def test_code_shows_what_would_turn_its_direction(character: str) -> None:
    assert as_code(f"a{character}b\x01") == f"a\\u{ord(character):04x}b␁"
    assert visible(character) == character, "a phone turns"


def test_a_text_between_tags_is_no_element() -> None:
    assert between_tags('<b a="1">&amp;') == '&lt;b a="1"&gt;&amp;amp;'


@pytest.mark.parametrize(("state", "name"), [(2, "DELIVERED"), (42, "UNKNOWN"), (None, "")])
def test_a_state_has_a_name_as_soon_as_there_is_one(state: int | None, name: str) -> None:
    assert state_name(state) == name
