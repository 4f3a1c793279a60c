"""Values of the journal as JSON, and back."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import AccountState
from cloudsms_simulator.engine.billing import LedgerEntry
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.faults import PushFault
from cloudsms_simulator.engine.plan import Plan, ReportOptions, Step
from cloudsms_simulator.engine.records import (
    Attempt,
    ConnectionFacts,
    Exchange,
    PeerCertificate,
    Report,
    RequestLine,
    Sending,
    TlsFacts,
)
from cloudsms_simulator.protocol.answer import UidSequence
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Finding
from cloudsms_simulator.protocol.profile import OBSERVED, StateSet
from cloudsms_simulator.protocol.segmentation import Segmentation
from cloudsms_simulator.protocol.timestamps import HONG_KONG
from cloudsms_simulator.stores.codec import FARTHEST_PLAN, CodecError, decode, encode

NOON = datetime(2026, 11, 22, 12, tzinfo=HONG_KONG)
SECOND = timedelta(seconds=1)
FINDING = Finding("r", "error", "$.X", "\ud800 lone", "\\d800", "Remark")
CERTIFICATE = PeerCertificate("CN=a", "CN=b", "0F", datetime(1, 1, 2, tzinfo=HONG_KONG), NOON, "AB:CD", ("localhost",))
CONNECTION = ConnectionFacts(7, "::1", 50_000, TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", CERTIFICATE), NOON, NOON)
OPTIONS = ReportOptions(
    omit=frozenset({"SERIAL", "TIME"}), extra=(("X", b"\xff\x00"),), held=SECOND, fault=PushFault.CUT
)
STEP = Step(2, SECOND, final=True, manner=OPTIONS, forced_at=NOON)
SENDING = Sending(
    id=3,
    account="shop",
    kind="uip",
    received_at=NOON,
    connection=CONNECTION,
    headers=((b"host", b"\xe9"),),
    http_status=200,
    code=ResultCode.OK,
    kept_body=b"{}",
    answer=None,
    findings=None,
    accepted=("a", "b"),
    line=RequestLine("POST", "/dave/io", "1.1"),
    serial=1,
    route_id="A",
    source="B",
    segmentation=Segmentation(8, 70, 1),
    currency="HKD",
    profile=msgspec.structs.replace(OBSERVED, charged_states=StateSet(frozenset({2, 3}))),
    customer_body=b"\xff",
    places=(0, 2),
)
VALUES = [
    Exchange(
        1, None, "uip", NOON, None, ((b"host", b"\xe9"),), 200, ResultCode.BUSY, b"\xff{}", None, (FINDING,), ("a", "b")
    ),
    Exchange(1, "shop", "http", NOON, None, (), None, None, b"{}", b"", None, "a"),
    SENDING,
    Report("uid", 1, "shop", 60, NOON, attempts=(Attempt(1, NOON, "http://x/", b"{}", findings=(FINDING,)),)),
    Plan((STEP,), (Step(1, 26 * 3600 * SECOND, final=False),)),
    LedgerEntry("shop", None, "opening", Decimal("-0.0475"), Decimal("1E-8"), NOON),
    AccountState(Clock(NOON, NOON, 0.5), UidSequence(1, 2, 3, 4), None, 1, 2, NOON, 3, NOON),
]

PLAIN = Report("uid", 1, "shop", 60, NOON)


def kind_of(value: object) -> object:
    return Exchange | Sending if isinstance(value, Exchange) else type(value)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_as_it_was(value: msgspec.Struct) -> None:
    back = decode(bytes(encode(value)), kind_of(value))

    assert back == value
    assert type(back) is type(value)
    assert encode(back) == encode(value)


@pytest.mark.parametrize("last", ["Z", "Z\ud800"], ids=["whole", "escaped"])
def test_a_set_has_one_order_in_every_process(last: str) -> None:
    names = [*(f"F{number:02}" for number in range(40)), last]
    said = bytes(encode(ReportOptions(omit=frozenset(reversed(names))))).decode()

    places = [said.index(f'"{name.encode("ascii", "ignore").decode()}') for name in names]
    assert places == sorted(places)


def test_what_is_as_usual_is_left_out_and_what_may_be_several_things_says_which() -> None:
    said = json.loads(bytes(encode(VALUES[1])))

    assert said["$type"] == "Exchange"
    assert said.keys().isdisjoint({"surplus", "rule", "fault", "line"})
    assert json.loads(bytes(encode(ReportOptions(held=SECOND)))) == {"held": "PT1S"}


def test_moments_are_the_same_moments_in_whichever_zone() -> None:
    utc = Report("uid", 1, "shop", 2, NOON.astimezone(UTC))

    assert decode(encode(utc), Report).reached_at == NOON
    assert decode(encode(VALUES[3]), Report).reached_at.utcoffset() == 8 * 3600 * SECOND


@given(
    st.binary(),
    st.text(st.characters()),
    st.timedeltas(timedelta(), FARTHEST_PLAN),
    st.decimals(-(10**100), 10**100, allow_nan=False),
)
def test_octets_texts_spans_and_decimals_are_exact(octets: bytes, text: str, span: timedelta, amount: Decimal) -> None:
    for value in (
        Attempt(1, NOON, text, octets),
        Step(2, span, True),
        LedgerEntry(text, None, "debit", amount, amount, NOON),
    ):
        assert decode(encode(value), type(value)) == value


def mistaken(value: msgspec.Struct, **said: object) -> bytes:
    """The JSON of a value with some of its members changed."""
    return json.dumps(json.loads(bytes(encode(value))) | said).encode()


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (b"[]", "it: want `object`, got `array`"),
        (b"{", "it: is no JSON"),
        (mistaken(PLAIN, nmuber=1), 'it: got "nmuber", want a key that is known; did you mean "number"?'),
        (mistaken(PLAIN, uid=1), "uid: want `str`, got `int`"),
        (mistaken(PLAIN, number=True), "number: want `int`, got `bool`"),
        (mistaken(PLAIN, outcome="lucky"), "outcome: Invalid enum value 'lucky'"),
        (mistaken(PLAIN, reached_at="2026-11-22T12:00:00"), 'reached_at: got "2026-11-22T12:00:00", want'),
        (mistaken(PLAIN, reached_at="0001-01-01T00:00:00+08:00"), 'reached_at: got "0001-01-01T00'),
        (mistaken(PLAIN, reached_at="9999-12-31T23:59:59-08:00"), 'reached_at: got "9999-12-31T23'),
        (mistaken(PLAIN, attempts=[{"serial": 1}]), "attempts[0]: Object missing required field `at`"),
    ],
)
def test_what_is_no_value_is_told_with_its_place(document: bytes, told: str) -> None:
    with pytest.raises(CodecError) as raised:
        decode(document, Report)

    assert str(raised.value).startswith(told)


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "-sNaN", "1E+101", "1E-101"])
def test_money_that_is_not_finite_or_without_end_is_refused(amount: str) -> None:
    with pytest.raises(CodecError, match=r"^kept\.amount: got .*, want a decimal$"):
        decode(mistaken(VALUES[5], amount=amount), LedgerEntry, "kept")


@pytest.mark.parametrize("span", ["-PT1S", "P7401D", "P999999999D"])
def test_spans_that_no_plan_has_are_refused(span: str) -> None:
    document = json.dumps({"state": 2, "after": span, "final": True}).encode()
    with pytest.raises(CodecError, match=r"^after: got"):
        decode(document, Step)


def test_a_mistake_among_escaped_texts_is_told_with_its_place_too() -> None:
    document = json.loads(bytes(encode(VALUES[0])))
    assert list(document) == ["escaped"]
    document["escaped"]["findings"][0]["rule"] = 5
    with pytest.raises(CodecError, match=r"^exchanges\[2\].*rule"):
        decode(json.dumps(document).encode(), Exchange, "exchanges[2]")
