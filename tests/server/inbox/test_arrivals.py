"""Arrivals: what stands above and below one of them in the list."""

import asyncio

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.server.inbox.arrivals import Arrivals, Mark, about, mark_of

SHOP = Account(name="shop", auth_key="the key of the shop")


def walk(stage, *accounts: Account | None, mark: Mark, text: str = "") -> list[str | None]:
    arrivals = Arrivals(stage.store, stage.wall, accounts)
    beside = asyncio.run(arrivals.around(mark, text))
    return [None if each is None else str(mark_of(each)) for each in beside]


def test_the_neighbours_of_an_arrival_are_those_of_the_list_whoevers_they_are(stage) -> None:
    scene = stage(Account(), SHOP)
    asyncio.run(scene.send(2))
    asyncio.run(scene.send(1, SHOP))
    asyncio.run(scene.receive(1, AUTH_KEY="nobody's"))
    asyncio.run(scene.receive(1, VERSION="old"))
    everybody = (*scene.accounts, None)
    assert walk(scene, *everybody, mark=Mark(1, 0)) == ["1.1", None]
    assert walk(scene, *everybody, mark=Mark(1, 1)) == ["2.0", "1.0"]
    assert walk(scene, *everybody, mark=Mark(2, 0)) == ["3.1000", "1.1"]
    assert walk(scene, *everybody, mark=Mark(4, 1000)) == [None, "3.1000"]
    assert walk(scene, scene.account, mark=Mark(1, 1)) == ["4.1000", "1.0"]


def test_the_neighbours_of_an_arrival_are_those_that_a_search_finds(stage) -> None:
    scene = stage()
    for text in ("one", "two", "one"):
        asyncio.run(scene.send(1, SMS_CONTENT=text))
    assert walk(scene, scene.account, mark=Mark(1, 0), text="content:one") == ["3.0", None]
    assert walk(scene, scene.account, mark=Mark(1, 0), text="content:two") == ["2.0", None]


def test_a_destination_has_to_do_with_its_own_findings_and_with_those_of_the_whole_request() -> None:
    def at(path: str) -> Finding:
        return Finding("rule", "warning", path, "", "", "")

    told = (at("$.TIME"), at("$.MULTI_MSISDN_LIST[1].DEST_MSISDN"), at("$.MULTI_MSISDN_LIST[11]"))
    assert about(1, told) == told[:2]
