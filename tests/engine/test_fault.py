"""Faults: their names, which strike before anything is processed, and which spoil what an answer says.

Reading: R22.
"""

from datetime import timedelta

import pytest

from cloudsms_simulator.engine.faults import (
    UNPROCESSED,
    AnswerFault,
    Fault,
    Identity,
    PushFault,
    TlsTrouble,
)

MANGLING_FAULTS = frozenset(fault for fault in Fault if fault.effect.spoil is not None)

NAMES = """
    CONNECTION_RESET_BY_PEER EMPTY_RESPONSE RANDOM_DATA_THEN_CLOSE MALFORMED_RESPONSE_CHUNK DRIBBLE ACCEPT_THEN_HANG
    PROCESSED_NO_ANSWER HTTP_500 HTML_PAGE BROKEN_JSON NO_DETAIL_LIST SHUFFLED_ITEMS CODE_AS_STRING WRONG_SERIAL
    WRONG_METHOD
"""


def test_the_faults_have_the_names_users_know() -> None:
    assert [fault.value for fault in Fault] == NAMES.split()


@pytest.mark.parametrize("kind", [Fault, PushFault, Identity, TlsTrouble])
def test_a_fault_is_called_what_it_is_written(kind: type[Fault]) -> None:
    assert [str(fault) for fault in kind] == [fault.value for fault in kind]
    assert [fault.value.upper() for fault in kind] == [fault.name for fault in kind]


@pytest.mark.parametrize(
    "fault",
    [
        Fault.CONNECTION_RESET_BY_PEER,
        Fault.EMPTY_RESPONSE,
        Fault.RANDOM_DATA_THEN_CLOSE,
        Fault.ACCEPT_THEN_HANG,
        Fault.HTTP_500,
        Fault.HTML_PAGE,
    ],
)
def test_a_fault_that_strikes_before_processing_needs_no_answer_to_spoil(fault: Fault) -> None:
    assert fault in UNPROCESSED
    assert fault not in MANGLING_FAULTS


def test_all_other_faults_spoil_an_answer_that_was_decided() -> None:
    assert set(Fault) - UNPROCESSED - MANGLING_FAULTS == {
        Fault.MALFORMED_RESPONSE_CHUNK,
        Fault.DRIBBLE,
        Fault.PROCESSED_NO_ANSWER,
    }


def test_a_fault_that_says_nothing_else_is_late_by_nothing_and_processed() -> None:
    fault = AnswerFault("slow")
    assert (fault.fault, fault.delay, fault.processed, fault.over) == (None, timedelta(), True, None)
