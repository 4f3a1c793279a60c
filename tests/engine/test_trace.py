"""Traces: what was sent, and what each destination was told."""

from datetime import datetime

import msgspec

from cloudsms_simulator.engine.diagnosis import exchange_summary_of
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.protocol.codes import ResultCode

OK, BAD, BUSY = ResultCode.OK, ResultCode.INVALID_PARAMETER, ResultCode.BUSY


def kept(world, *destinations: tuple[object, object], **fields: object) -> Exchange:
    w = world()
    w.receive(w.packet(*destinations, **fields))
    return next(iter(w.store.exchanges(w.accounts[0])))


def test_everything_accepted_is_told_by_the_one_code(world, noon: datetime) -> None:
    trace = exchange_summary_of(kept(world, (852, "67000011"), (65, "81234567"), CUSTOMER_BODY={}, SIGNATURE="S"))
    assert (trace.at, trace.code, trace.codes) == (noon, OK, {"85267000011": OK, "6581234567": OK})
    assert (trace.content, trace.time) == ("S\nYour code is 123345", "2026-11-22 12:00:00")
    assert (trace.is_packet, trace.customer_body, trace.is_mixed) == (True, b"{}", False)


def test_each_item_of_a_mixed_batch_has_its_own_code(world) -> None:
    trace = exchange_summary_of(kept(world, (852, "67555103"), (852, "67000011")))
    assert (trace.refused, trace.accepted, trace.is_mixed) == (["85267555103"], ["85267000011"], True)
    assert trace.codes["85267555103"] is BUSY


def test_what_is_refused_as_a_whole_is_refused_for_all(world) -> None:
    trace = exchange_summary_of(kept(world, (852, "67000011"), SERIAL=0))
    assert trace.codes == {"85267000011": BAD}


def test_an_answer_that_never_came_told_nothing(world) -> None:
    for magic in ("67555401", "67555405", "67555406"):
        assert exchange_summary_of(kept(world, (852, magic))).codes == {}


def test_what_is_no_packet_says_nothing(world) -> None:
    w = world()
    w.receive(b"hello")
    trace = exchange_summary_of(next(iter(w.store.exchanges(None))))
    assert (trace.is_packet, trace.content, trace.codes) == (False, "", {})
    assert not trace.repeats(trace)


def test_another_signature_is_another_message(world) -> None:
    one = exchange_summary_of(kept(world))
    other = exchange_summary_of(kept(world, SIGNATURE="S"))
    assert one.repeats(one)
    assert not one.repeats(other)
    assert not msgspec.structs.replace(one, content="").repeats(msgspec.structs.replace(one, content=""))
