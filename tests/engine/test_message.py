"""Messages: what is read off them on their way."""

from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest

from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import Message, ReachedState, Sending
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC
from cloudsms_simulator.protocol.segmentation import segment

SECOND = timedelta(seconds=1)


@pytest.fixture
def accepted(noon: datetime) -> Message:
    sending = Sending(
        1,
        "default",
        "uip",
        noon,
        None,
        (),
        200,
        ResultCode.OK,
        b'{"SMS_CONTENT":"Hi","SIGNATURE":"S","SIGNATURE_TYPE":"3"}',
        None,
        None,
        ("other", "uid"),
        serial=7,
        route_id="route",
        source="CloudSMS",
        segmentation=segment("A" * 161, "table"),
        currency="USD",
        profile=SPEC,
    )
    plan = plan_of(step(1, SECOND), step(2, 5 * SECOND))
    return Message("uid", sending, 852, "67000011", Decimal("0.0375"), plan)


def test_a_message_costs_its_segments_exactly(accepted: Message) -> None:
    assert accepted.cost == Decimal("0.0750")


def test_a_message_that_is_rejected_locally_costs_nothing_and_says_why(accepted: Message) -> None:
    rejected = msgspec.structs.replace(accepted, admission="no such route")
    assert (rejected.price, rejected.cost, rejected.reason) == (0, 0, "no such route")
    assert (accepted.price, accepted.reason) == (Decimal("0.0375"), None)


def test_a_message_knows_its_place_in_the_list_also_where_others_were_refused(accepted: Message) -> None:
    assert accepted.index == 1
    sending = msgspec.structs.replace(accepted.sending, places=(0, 5))
    assert msgspec.structs.replace(accepted, sending=sending).index == 5
    alone = msgspec.structs.replace(accepted.sending, accepted="uid", places=(3,))
    assert msgspec.structs.replace(accepted, sending=alone).index == 3


def test_the_text_is_read_out_of_the_body_by_the_profile_of_the_request(accepted: Message) -> None:
    assert accepted.sending.text == "Hi", "a type in digits is none"
    assert msgspec.structs.replace(accepted.sending, profile=OBSERVED).text == "[S] Hi"
    assert msgspec.structs.replace(accepted.sending, kept_text="Hello").text == "Hello"


def test_a_message_that_was_just_accepted_has_no_state_and_its_first_step_ahead(
    accepted: Message, noon: datetime
) -> None:
    assert (accepted.state, accepted.final_at, accepted.settled) == (None, None, False)
    assert accepted.next_step == step(1, SECOND)
    assert accepted.next_step_at == noon + SECOND


def test_between_its_steps_a_message_is_on_its_way(accepted: Message, noon: datetime) -> None:
    enroute = msgspec.structs.replace(accepted, passages=(ReachedState(1, noon + SECOND),))
    assert (enroute.state, enroute.final_at, enroute.next_step_at) == (1, None, noon + 5 * SECOND)


def test_after_the_last_step_nothing_is_left(accepted: Message, noon: datetime) -> None:
    passages = (ReachedState(1, noon + SECOND), ReachedState(2, noon + 5 * SECOND))
    delivered = msgspec.structs.replace(accepted, passages=passages)
    assert (delivered.state, delivered.final_at) == (2, noon + 5 * SECOND)
    assert (delivered.next_step, delivered.next_step_at) == (None, None)
