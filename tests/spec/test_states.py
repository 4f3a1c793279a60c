"""The table of states, transcribed from the specification, against the table in the code."""

import pytest

from cloudsms_simulator.protocol.codes import STATES, State, is_final, state_desc

HEADING = "SMS_STATE and RESULT_DESC"
TABLE = [
    (1, "ENROUTE", "Message is transmitting"),
    (2, "DELIVERED", "Message has arrived"),
    (3, "EXPIRED", "Message timeout"),
    (4, "DELETED", "Message deleted"),
    (5, "UNDELIVERABLE", "Message cannot be delivered"),
    (
        6,
        "ACCEPTED",
        "The message has been received "
        "(for example, it has been manually read by customer service on behalf of the user)",
    ),
    (7, "UNKNOWN", "Invalid message status"),
    (8, "REJECTED", "Message rejected"),
    (9, "IDLE", "Message is being processed"),
    (60, "LOCAL_REJECTED", "SMS is rejected locally by CloudSMS platform"),
]
rows = pytest.mark.parametrize("row", [pytest.param(row, id=f"{HEADING}: {row[0]} {row[1]}") for row in TABLE])


@rows
def test_a_row_of_the_table_of_states(row: tuple[int, str, str]) -> None:
    state, name, description = row

    [ours] = [each for each in STATES if each.state == state]

    assert (ours.state.name, ours.description, state_desc(state)) == (name, description, name)
    assert State[name] == state


@rows
def test_a_name_of_a_state_fits_into_result_desc(row: tuple[int, str, str]) -> None:
    assert len(state_desc(row[0])) <= 32


@rows
def test_only_transmitting_and_being_processed_are_not_final(row: tuple[int, str, str]) -> None:
    [ours] = [each for each in STATES if each.state == row[0]]

    assert is_final(row[0]) is ours.final is (row[1] not in {"ENROUTE", "IDLE"})


def test_states_are_those_of_the_table_in_its_order() -> None:
    assert [int(row.state) for row in STATES] == [row[0] for row in TABLE]
    assert len(State) == len(TABLE) == 10


@pytest.mark.parametrize("state", [0, 10, 59, 61, 2**31])
def test_an_integer_outside_the_table_is_final_and_called_unknown(state: int) -> None:
    assert (state_desc(state), is_final(state)) == ("UNKNOWN", True)
