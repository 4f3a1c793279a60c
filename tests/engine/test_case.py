"""Cases: whether everything of an exchange went through."""

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.explanation import ExplainedExchange
from cloudsms_simulator.protocol.profile import SPEC


def case_of(world, *destinations: tuple[object, object], **fields: object) -> ExplainedExchange:
    w = world(Account())
    transaction, reply = w.decide(w.packet(*destinations, **fields))
    assert transaction.exchange is not None
    return ExplainedExchange(
        exchange=transaction.exchange,
        account=transaction.account,
        profile=SPEC,
        findings=(),
        messages=transaction.new_messages,
        entries=tuple(transaction.entries),
        answer=reply.body,
        reply=reply,
    )


@pytest.mark.parametrize(
    ("destinations", "fields", "passes"),
    [
        ([(852, "67000011")], {}, True),
        ([(852, "67000011")], {"SERIAL": 0}, False),
        ([(852, "67000011"), (852, "+1")], {}, False),
        ([(852, "67000011"), (65, "1")], {}, False),
        ([(852, "67555405")], {}, False),
        ([(852, "67555401")], {}, False),
    ],
)
def test_a_case_passes_when_nothing_of_it_is_refused_rejected_or_lost(
    world, destinations: list[tuple[object, object]], fields: dict[str, object], passes: bool
) -> None:
    assert case_of(world, *destinations, **fields).passes is passes


def test_items_are_those_of_the_answer(world) -> None:
    case = case_of(world, (852, "67000011"), (852, "+1"))
    assert [(item.dest_msisdn, item.result_code) for item in case.items] == [("67000011", 1), ("+1", 0x10000001)]
    assert case_of(world, (852, "67555401")).items == ()
