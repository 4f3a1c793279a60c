"""Messages: what is read off them on their way."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from cloudsms_simulator.engine.message import Message, Passage, Sending
from cloudsms_simulator.engine.script import plan_of, step
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.segmentation import segment

SECOND = timedelta(seconds=1)


@pytest.fixture
def accepted(noon: datetime) -> Message:
    text = "A" * 161
    sending = Sending(1, "default", 7, noon, "route", "CloudSMS", text, segment(text, "table"), "USD", SPEC, None)
    plan = plan_of(step(1, SECOND), step(2, 5 * SECOND))
    return Message("uid", sending, 0, 852, "67000011", Decimal("0.0375"), plan)


def test_a_message_costs_its_segments_exactly(accepted: Message) -> None:
    assert accepted.cost == Decimal("0.0750")


def test_a_message_that_was_just_accepted_has_no_state_and_its_first_step_ahead(
    accepted: Message, noon: datetime
) -> None:
    assert (accepted.state, accepted.final_at, accepted.settled) == (None, None, False)
    assert accepted.next_step == step(1, SECOND)
    assert accepted.next_step_at == noon + SECOND


def test_between_its_steps_a_message_is_on_its_way(accepted: Message, noon: datetime) -> None:
    enroute = msgspec.structs.replace(accepted, passages=(Passage(1, noon + SECOND),))
    assert (enroute.state, enroute.final_at, enroute.next_step_at) == (1, None, noon + 5 * SECOND)


def test_after_the_last_step_nothing_is_left(accepted: Message, noon: datetime) -> None:
    passages = (Passage(1, noon + SECOND), Passage(2, noon + 5 * SECOND))
    delivered = msgspec.structs.replace(accepted, passages=passages)
    assert (delivered.state, delivered.final_at) == (2, noon + 5 * SECOND)
    assert (delivered.next_step, delivered.next_step_at) == (None, None)
