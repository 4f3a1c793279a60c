"""Magic recipients: every row of their table, and that they are numbers every country's rules allow.

Reading: R23.
"""

import json
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.acceptance import AdmissionRequest, rejection
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.evaluation import MAGIC_NUMBERS, magic_number_of, may_hold_magic
from cloudsms_simulator.engine.faults import UNPROCESSED, AnswerFault, Fault
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, EXPIRED_AT_LAST, Plan, ReportOptions, Step
from cloudsms_simulator.protocol.checks import destinations_are_numbers, list_is_an_array
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.packet import Destination

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
HONG_KONG, SINGAPORE, CHINA = (852, "67"), (65, "81"), (86, "13800")
COUNTRIES = [HONG_KONG, (852, "91"), SINGAPORE, (65, "91"), CHINA, (1, "2025"), (44, "7911")]

STATES = {f"5550{state:02}": state for state in (1, 2, 3, 4, 5, 6, 7, 8, 9, 60)}
CODES = {
    "555101": 0x01,
    "555102": 0x02,
    "555103": 0x03,
    "555104": 0x04,
    "555105": 0x05,
    "555201": 0x10000001,
    "555203": 0x10000003,
    "555204": 0x10000004,
    "555205": 0x10000005,
    "555206": 0x10000006,
    "555207": 0x10000007,
    "555213": 0x1000000D,
    "555214": 0x1000000E,
    "555215": 0x1000000F,
    "555216": 0x10000010,
}
DELIVERED = Step(2, SECOND, True)
REPORTS = {
    "555301": Plan((Step(2, SECOND, True, lost=True),)),
    "555302": Plan((Step(2, SECOND, True, manner=ReportOptions(copies=2)),)),
    "555303": Plan((Step(1, SECOND, False), Step(2, 2 * SECOND, True))),
    "555304": Plan((Step(2, timedelta(), True, manner=ReportOptions(before_answer=True)),)),
    "555305": Plan((Step(1, SECOND, False, manner=ReportOptions(held=2 * SECOND)), Step(2, 2 * SECOND, True))),
    "555306": Plan((Step(2, 24 * HOUR, True),)),
    "555307": Plan((EXPIRED_AT_LAST,)),
}
FAULTS = {
    "555401": Fault.CONNECTION_RESET_BY_PEER,
    "555402": Fault.EMPTY_RESPONSE,
    "555403": Fault.RANDOM_DATA_THEN_CLOSE,
    "555404": Fault.ACCEPT_THEN_HANG,
    "555405": Fault.PROCESSED_NO_ANSWER,
    "555406": Fault.BROKEN_JSON,
    "555407": Fault.HTTP_500,
    "555408": Fault.HTML_PAGE,
}
MAGIC = [*STATES, *CODES, *REPORTS, *FAULTS]


def test_the_table_has_these_rows_and_no_others() -> None:
    assert sorted(MAGIC_NUMBERS) == sorted(MAGIC)
    assert len(set(MAGIC)) == len(MAGIC) == 40


@pytest.mark.parametrize("suffix", STATES)
def test_a_message_ends_in_the_state_of_its_last_two_digits(court, suffix: str) -> None:
    outcome = court().evaluate((852, f"67{suffix}"))
    [decision] = outcome.decisions
    assert (outcome.fault, decision.code, decision.rule) == (None, ResultCode.OK, f"magic {suffix}")
    assert decision.plan == Plan((Step(STATES[suffix], SECOND, final=True),))


@pytest.mark.parametrize("suffix", CODES)
def test_a_destination_is_answered_with_the_code_of_its_last_digits(court, suffix: str) -> None:
    outcome = court().evaluate((852, f"67{suffix}"))
    [decision] = outcome.decisions
    assert (outcome.fault, decision.code, decision.rule) == (None, CODES[suffix], f"magic {suffix}")
    assert decision.plan == (DELIVERED_AFTER_A_SECOND if decision.code is ResultCode.OK else None)


@pytest.mark.parametrize("suffix", REPORTS)
def test_reports_behave_as_the_last_digits_say(court, suffix: str) -> None:
    outcome = court().evaluate((852, f"67{suffix}"))
    [decision] = outcome.decisions
    assert (outcome.fault, decision.code, decision.rule) == (None, ResultCode.OK, f"magic {suffix}")
    assert decision.plan == REPORTS[suffix]


@pytest.mark.parametrize("suffix", FAULTS)
def test_a_fault_befalls_the_whole_exchange(court, suffix: str) -> None:
    outcome = court().evaluate((852, "67000011"), (852, f"67{suffix}"))
    fault = FAULTS[suffix]
    assert outcome.fault == AnswerFault(f"magic {suffix}", fault, processed=fault not in UNPROCESSED)
    processed = [DELIVERED_AFTER_A_SECOND, DELIVERED_AFTER_A_SECOND] if outcome.fault.processed else []
    assert [decision.plan for decision in outcome.decisions] == processed


def test_every_result_code_and_every_fault_of_the_list_can_be_had_by_a_number() -> None:
    assert {ResultCode(code) for code in CODES.values()} == set(ResultCode)


def test_what_a_magic_number_leaves_open_is_as_the_account_says(court) -> None:
    rejected = Plan((Step(8, SECOND, True),))
    here = court(account=Account(plan=rejected))
    outcome = here.evaluate((852, "67555101"), (852, "67555405"), (852, "67555002"), (852, "67000011"))
    assert outcome.states == [[8], [8], [2], [8]]


@pytest.mark.parametrize("suffix", MAGIC)
@pytest.mark.parametrize(("country", "first"), COUNTRIES, ids=lambda value: str(value))
def test_what_stands_before_the_last_six_digits_is_free_so_the_number_is_one_of_its_country(
    court, country: int, first: str, suffix: str
) -> None:
    candidate = court().candidate((country, f"{first}{suffix}"))
    assert list_is_an_array(candidate) is destinations_are_numbers(candidate) is None
    assert candidate.verdicts == {}
    [destination] = candidate.destinations
    assert rejection(AdmissionRequest(Account(), "VerifyCode_516", destination, Decimal(0), None)) is None
    assert magic_number_of(destination.msisdn) is MAGIC_NUMBERS[suffix]


@pytest.mark.parametrize("suffix", MAGIC)
def test_a_row_says_its_number_and_what_it_does(suffix: str) -> None:
    magic = MAGIC_NUMBERS[suffix]
    assert magic.rule == f"magic {suffix}"
    assert len(magic.about) > 10


@pytest.mark.parametrize(
    "msisdn",
    [
        "67000011",
        "67555000",
        "67555010",
        "67555061",
        "67555100",
        "67555106",
        "67555202",
        "67555208",
        "67555217",
        "67555300",
        "67555308",
        "67555400",
        "67555409",
        "67555999",
        "675551031",
        "55510",
        "5551",
        "",
    ],
)
def test_any_other_suffix_is_an_ordinary_number(court, msisdn: str) -> None:
    assert magic_number_of(msisdn) is None
    assert court().evaluation((852, msisdn)) is None


@given(st.text("0123456789", max_size=32))
def test_only_the_last_six_digits_matter(msisdn: str) -> None:
    assert magic_number_of(msisdn) is MAGIC_NUMBERS.get(msisdn[-6:])


@given(
    st.lists(st.sampled_from([*MAGIC, "000011", "555000", "x55510", "55510"]), max_size=3),
    st.sampled_from(["67", "", "13800"]),
    st.booleans(),
    st.sampled_from([None, 0, 4]),
)
def test_no_spelling_of_a_list_hides_a_magic_number(
    suffixes: list[str], first: str, escaped: bool, indent: int | None
) -> None:
    numbers = [f"{first}{suffix}" for suffix in suffixes]
    text = json.dumps([{"COUNTRY_CODE": 852, "DEST_MSISDN": number} for number in numbers], indent=indent)
    if escaped:
        text = text.replace("555", "5\\u0035" + "5")
    assert msgspec.json.decode(text, type=list[Destination]) == [Destination(852, number) for number in numbers]
    if any(magic_number_of(number) for number in numbers):
        assert may_hold_magic(text.encode())


def test_an_ordinary_list_is_known_without_reading_it() -> None:
    numbers = [{"COUNTRY_CODE": 852, "DEST_MSISDN": f"6755500{digit}1"} for digit in range(10)]
    assert not may_hold_magic(json.dumps(numbers).encode())
