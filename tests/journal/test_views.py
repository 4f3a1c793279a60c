"""The view of one account: what a list shows of what is long, and that nobody waits while it is put together."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from cloudsms_simulator.engine.transaction import Arrival
from cloudsms_simulator.journal import views
from cloudsms_simulator.journal.search import parse_search
from cloudsms_simulator.journal.views import LONGEST_LISTED, JournalView
from cloudsms_simulator.models.journal import RequestItem
from cloudsms_simulator.net import runtime


def told(story: Callable[[], object]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))  # type: ignore[arg-type]


def test_a_list_cuts_a_long_body_and_says_where_the_whole_is(stage) -> None:
    async def story() -> None:
        here = stage()
        await here.send(x="y" * 30_000)
        view = JournalView(here.store, here.account)
        [exchange] = view.listing("requests")
        whole, [listed] = await view.item(exchange), await view.items([exchange])
        assert isinstance(whole, RequestItem)
        assert isinstance(listed, RequestItem)
        assert whole.body == exchange.body.decode()
        left_out = len(exchange.body) - LONGEST_LISTED
        assert listed.body == f"{whole.body[:LONGEST_LISTED]}… {left_out} octets more, see /api/v1/requests/1"

    told(story)


def test_a_body_cut_inside_a_character_is_cut_before_it(stage) -> None:
    async def story() -> None:
        here = stage()
        await here.receive(VERSION="é" * LONGEST_LISTED)
        view = JournalView(here.store, here.account)
        [listed] = await view.items(list(view.listing("requests")))
        assert isinstance(listed, RequestItem)
        assert "\\x" not in listed.body

    told(story)


def test_the_mistakes_in_a_long_accepted_body_are_worked_out_for_it_alone(stage) -> None:
    async def story() -> None:
        here = stage()
        await here.send(x="y" * 70_000)
        view = JournalView(here.store, here.account)
        [exchange] = view.listing("requests")
        whole, [listed] = await view.item(exchange), await view.items([exchange])
        assert isinstance(whole, RequestItem)
        assert isinstance(listed, RequestItem)
        assert "unknown-field" in [finding.rule for finding in whole.findings]
        assert [finding.rule for finding in listed.findings] == ["not-looked-through"]

    told(story)


@pytest.mark.parametrize(("octets", "aside"), [(10, False), (100_000, True)])
def test_what_is_long_is_put_together_in_a_thread(
    stage, monkeypatch: pytest.MonkeyPatch, octets: int, aside: bool
) -> None:
    threads: list[int] = []
    make = views.request_item

    def request_item(*args: object, **how: object) -> RequestItem:
        threads.append(threading.get_ident())
        return make(*args, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(views, "request_item", request_item)

    async def story() -> None:
        here = stage()
        await here.send(x="y" * octets)
        view = JournalView(here.store, here.account)
        await view.items(list(view.listing("requests")))
        assert [each != threading.get_ident() for each in threads] == [aside]

    told(story)


def test_a_search_lets_others_have_their_turn(stage, noon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SLICE_SECONDS", 0)

    async def story() -> None:
        here = stage()
        for _ in range(3):
            await here.send(200)
        view, turns = JournalView(here.store, here.account), 0
        looking = asyncio.create_task(view.found("messages", parse_search("text:code", noon)))
        while not looking.done():
            turns += 1
            await asyncio.sleep(0)
        assert (await looking).total == 600
        assert turns > 600

    told(story)


def test_a_search_of_long_bodies_looks_at_them_in_a_thread(stage, noon) -> None:
    async def story() -> None:
        here = stage()
        await here.receive(VERSION="y" * 100_000)
        view, turns = JournalView(here.store, here.account), 0
        looking = asyncio.create_task(view.found("requests", parse_search("finding:version-unknown body:yyy", noon)))
        while not looking.done():
            turns += 1
            await asyncio.sleep(0)
        assert (await looking).total == 1
        assert turns > 1

    told(story)


def test_a_long_body_is_shown_octet_for_octet_also_where_it_is_no_text(stage) -> None:
    async def story() -> None:
        here = stage()
        for body in (b"\xff" * 100_000, "é€😀".encode() * 12_000 + b"\xc3"):
            identified = here.platform.identify(body)
            judged = here.platform.check(identified, body)
            transaction = await here.store.look(None, lambda transaction: transaction)
            here.platform.receive(transaction, judged, Arrival(body), here.clock().virtual)
            assert transaction.exchange is not None
            shown = await JournalView(here.store, None).item(transaction.exchange)
            assert isinstance(shown, RequestItem)
            assert shown.body == body.decode("utf-8", "backslashreplace")

    told(story)
