"""A draft: what stands in the fields of Compose, and what would come of it. Nothing is sent. Reading: R24."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.inbox.compose_page import ComposeDraft, compose_draft
from cloudsms_simulator.protocol.packet import Destination
from cloudsms_simulator.services.explainer import Explainer
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.services.sending import PacketSender

READY = Ready("http://localhost:61815/dave/io", "http://localhost:61816", "", "", "", "", "", 1)


class Table:
    """A stage at which drafts are written."""

    def __init__(self, stage) -> None:
        self.stage = stage(Account())
        self.context = SimpleNamespace(
            clocks=self.stage.timekeeper,
            sender=PacketSender(self.stage.store, self.stage.endpoint.take),
            explainer=Explainer(self.stage.platform, self.stage.store, self.stage.wall, lambda: READY),
        )

    def write(self, **fields: str) -> ComposeDraft:
        return asyncio.run(compose_draft(self.context, self.stage.account, fields))


@pytest.fixture
def table(stage) -> Table:
    return Table(stage)


def test_empty_fields_are_an_empty_draft(table: Table) -> None:
    draft = table.write()
    assert (draft.recipients, draft.bill.segments, draft.left, draft.packet, draft.explanation) == (
        (),
        0,
        160,
        None,
        None,
    )


def test_whole_fields_are_the_packet_that_would_be_sent_and_what_would_come_of_it(table: Table) -> None:
    draft = table.write(to="+852 6700 0011\n\n6591234567, 6561234567", text="Hello", customer_body='{"order": 1}')
    packet = json.loads(draft.packet)
    assert (packet["SERIAL"], packet["TIME"], packet["AUTH_KEY"]) == (1, "2026-11-22 12:00:00", "$CLOUDSMS_AUTH_KEY")
    assert [each["DEST_MSISDN"] for each in packet["MULTI_MSISDN_LIST"]] == ["67000011", "91234567", "61234567"]
    assert packet["CUSTOMER_BODY"] == {"order": 1}
    assert draft.curl.startswith("curl http://localhost:61815/dave/io")
    assert [each.code.name for each in draft.explanation.destinations] == ["OK", "OK", "OK"]
    assert draft.explanation.destinations[2].rejection == "a Singapore number starts with 8 or 9, not 6"
    assert str(draft.explanation.total) == "USD 0.10"


def test_nothing_is_sent_by_it(table: Table) -> None:
    table.write(to="85267000011", text="Hello")
    assert list(table.stage.store.exchanges(table.stage.account)) == []
    assert table.context.sender.serial == 1


def test_each_recipient_says_whom_it_means_or_why_nobody_can_tell(table: Table) -> None:
    understood, unknown, own = table.write(to="+85267000011\n0123\n+447911123456", text="x").recipients
    assert (understood.destination, own.destination) == (Destination(852, "67000011"), Destination(44, "7911123456"))
    assert (unknown.written, unknown.destination) == ("0123", None)
    assert unknown.problem.startswith('got "0123", want digits that begin with an assigned country code')


def test_a_country_is_for_the_numbers_without_one(table: Table) -> None:
    (draft,) = table.write(to="67000011", country="852", text="x").recipients
    assert draft.destination == Destination(852, "67000011")


def test_a_draft_that_cannot_be_sent_yet_is_counted_all_the_same(table: Table) -> None:
    draft = table.write(to="0123", text="Hallo ’", signature="S", signature_type="1")
    assert (draft.bill.text, draft.bill.dcs, draft.left, draft.packet) == ("【S】Hallo ’", 8, 60, None)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"customer_body": "[1]"}, "CUSTOMER_BODY: Expected `object`, got `array`; want a JSON object"),
        ({"customer_body": "{"}, "CUSTOMER_BODY: Input data was truncated; want a JSON object"),
        ({"priority": "high"}, 'priority: got "high", want a whole number'),
    ],
)
def test_a_field_that_cannot_be_read_is_told(table: Table, fields: dict[str, str], problem: str) -> None:
    draft = table.write(to="85267000011", text="x", **fields)
    assert (draft.problems, draft.packet) == ((problem,), None)


def test_lines_of_a_form_are_lines_of_the_text(table: Table) -> None:
    assert table.write(text="a\r\nb").bill.text == "a\nb"
