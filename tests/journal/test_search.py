"""Searches: what each field finds, what a search that is none is told, and that printing one loses nothing.

Reading: R17.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.plan import plan_of, step
from cloudsms_simulator.engine.records import Attempt, ConnectionFacts, Exchange, Message, ReachedState, Report, Sending
from cloudsms_simulator.journal.search import parse_search
from cloudsms_simulator.journal.search_fields import ALIASES, SEARCH_FIELDS, JournalKind, JournalRecord, SearchContext
from cloudsms_simulator.journal.search_syntax import LONGEST_SEARCH, SearchError
from cloudsms_simulator.models.journal import Difference
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.findings import Told, found
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.segmentation import segment
from cloudsms_simulator.protocol.timestamps import HONG_KONG

NOON = datetime(2026, 11, 22, 12, 0, 0, tzinfo=HONG_KONG)
SECOND = timedelta(seconds=1)
TEXT = "Your code is 123345 [Shop] 50% *off*"
BODY = {
    "SERIAL": 7,
    "ROUTE_ID": "VerifyCode_516",
    "ORIGINAL_ADDR": "My Shop",
    "SMS_CONTENT": TEXT,
    "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}, {"COUNTRY_CODE": 65, "DEST_MSISDN": "8"}],
}
PEER = ConnectionFacts(4, "127.0.0.1", 50_000)
FINDING = found("report-late", "report", Told("late"), "24 hours")


def refused(body: bytes) -> Exchange:
    """A request that was refused."""
    code = ResultCode.CHANNEL_NOT_EXIST
    return Exchange(9, "shop", "uip", NOON, PEER, (), 200, code, body, b"{}", (FINDING,), rule="busy", fault="DRIBBLE")


@pytest.fixture(scope="module")
def request_kept() -> Exchange:
    return refused(msgspec.json.encode(BODY))


@pytest.fixture(scope="module")
def message() -> Message:
    sending = Sending(
        9,
        "shop",
        "uip",
        NOON,
        PEER,
        (),
        200,
        ResultCode.OK,
        msgspec.json.encode(BODY),
        None,
        None,
        "00AB",
        fault="DRIBBLE",
        serial=7,
        route_id="VerifyCode_516",
        source="My Shop",
        segmentation=segment(TEXT, "table"),
        currency="HKD",
        profile=SPEC,
        kept_text=TEXT,
    )
    passages = (ReachedState(2, NOON + SECOND),)
    return Message("00AB", sending, 852, "67000011", Decimal("0.05"), plan_of(step(2, SECOND)), passages, rule="busy")


@pytest.fixture(scope="module")
def report() -> Report:
    attempt = Attempt(3, NOON, "http://127.0.0.1/", b"", 500, findings=(FINDING,))
    return Report("00AB", 1, "shop", 2, NOON + SECOND, "failed", attempts=(attempt,))


@pytest.fixture(scope="module")
def finds(message: Message, request_kept: Exchange, report: Report) -> Callable[[str], str]:
    """The first letters of the kinds a search finds, of one message, its report, and a request that was refused."""
    values: dict[str, JournalRecord] = {"m": message, "q": request_kept, "r": report}

    def letters(text: str) -> str:
        search = parse_search(text, NOON)
        return "".join(letter for letter, value in values.items() if search.matches(value, SearchContext(message)))

    return letters


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", "mqr"),
        ("  ", "mqr"),
        ("to:852*", "mqr"),
        ("to:+85267000011", "mqr"),
        ("to:65*", "q"),
        ("to:852?700001[12]", "mqr"),
        ("-to:86*", "mqr"),
        ("-to:852*", ""),
        ("to:852", ""),
        ("msisdn:67000011", "mqr"),
        ("number:8", "q"),
        ("country:852", "mqr"),
        ("country:+65", "q"),
        ("uid:00ab", "mr"),
        ("uid:*B", "mr"),
        ("sender:my*", "mqr"),
        ('source:"My Shop"', "mqr"),
        ("from:Shop", ""),
        ("route:verifycode_516", "mqr"),
        ("route:Verify*", "mqr"),
        ("code", "mqr"),
        ("CODE 123345", "mqr"),
        ('"code is"', "mqr"),
        ('"is code"', ""),
        ('content:"code"', "mqr"),
        ("text:your*123", "mqr"),
        ("text:123*your", ""),
        ("[shop]", "mqr"),
        (r"50%*\*off\*", "mqr"),
        (r"text:\*o*f\*", "mqr"),
        (r"text:\**\**\*", ""),
        ("-code", ""),
        ("state:DELIVERED", "mr"),
        ("state:delivered", "mr"),
        ("state:2", "mr"),
        ("state:DEL*", "mr"),
        ("state:none", "q"),
        ("-state:EXPIRED", "mqr"),
        ("code:OK", "mr"),
        ("code:0x01", "mr"),
        ("code:5", "q"),
        ("code:0x05", "q"),
        ("code:channel_not_exist", "q"),
        ("code:Empty_data", ""),
        ("rule:busy", "mqr"),
        ("rule:none", ""),
        ("otp:123345", "mr"),
        ("otp:*", "mr"),
        ("otp:none", "q"),
        ("fault:DRIBBLE", "mq"),
        ("fault:none", "r"),
        ("finding:report-*", "qr"),
        ("finding:none", "m"),
        ("account:shop", "mqr"),
        ("kind:uip", "q"),
        ("outcome:failed", "r"),
        ("segments:1", "mr"),
        ("segments:>=1 segments:<2", "mr"),
        ("segments>1", ""),
        ("segments:1..3", "mr"),
        ("dcs:=0", "mr"),
        ("cost:>0.04", "mr"),
        ("index:0", "mr"),
        ("request:9", "mqr"),
        ("serial:7", "mq"),
        ("serial:3", "r"),
        ("status:>=500", "r"),
        ("status:200", "q"),
        ("attempts:1", "r"),
        ("connection:4", "q"),
        ("peer:127.0.0.1*", "q"),
        ('body:"MULTI_MSISDN_LIST"', "q"),
        ("reason:none", "mqr"),
        ("is:final", "mr"),
        ("final:no", ""),
        ("-is:refunded", "mqr"),
        ("refunded:false", "mr"),
        ("after:2026-11-22", "mqr"),
        ("after:2026-11-22T12:00:00", "mqr"),
        ("after:2026-11-22T04:00:01Z", "r"),
        ("before:2026-11-22T12:00:01+08:00", "mq"),
        ("since:0s", "mqr"),
        ("until:1s", ""),
    ],
)
def test_a_search_finds(finds: Callable[[str], str], text: str, kinds: str) -> None:
    assert finds(text) == kinds
    assert finds(str(parse_search(text, NOON))) == kinds


@pytest.mark.parametrize(
    ("text", "search", "finds"),
    [
        ("Le café est prêt", "cafe\u0301", True),
        ("Le cafe\u0301 est prêt", "café", True),
        ("Le café est prêt", "cafe", False),
        ("Welcome to İstanbul", "istanbul", True),
        ("Welcome to istanbul", "İSTANBUL", True),
        ("Ｆｕｌｌ price", "full", True),
        ("full price", "Ｆｕｌｌ", True),
        ("full price", "route:ｖｅｒｉｆｙcode_516", True),
        ("full price", "route:ｖｅｒｉｆｙ*", True),
        ("full price", "route:?ｅｒｉｆｙ*[0-6]", True),
        ("Really?", "text:？", True),
        ("Really", "route:verifycode_51？", False),
    ],
)
def test_spellings_of_the_same_letters_find_each_other(message: Message, text: str, search: str, finds: bool) -> None:
    sending = msgspec.structs.replace(message.sending, kept_text=text)
    assert parse_search(search, NOON).matches(msgspec.structs.replace(message, sending=sending)) is finds


def test_every_field_is_among_those_tried() -> None:
    (mark,) = [mark for mark in test_a_search_finds.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    tried = {term.field for text, _ in mark.args[1] for term in parse_search(text, NOON).terms}
    assert tried == set(SEARCH_FIELDS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rout:x", 'search, column 1: unknown field "rout"; did you mean "route"?'),
        ("code to:65* sourec:x", 'search, column 13: unknown field "sourec"; did you mean "source"?'),
        ("wss://x", 'search, column 1: unknown field "wss"; there is uid, to, country'),
        ('say "this', "search, column 5: the quote that begins here is not closed"),
        ("a - b", 'search, column 3: got "-" alone, want a term after it'),
        ("a OR b", 'search, column 3: got OR; all terms must hold, and "-" excludes.'),
        ("to:", 'search, column 1: "to:" has no value; want one right after the colon'),
        ("a\\", "search, column 2: nothing follows the backslash"),
        (
            'to:"+852 6700"',
            'search, column 1: to: got "+852 6700", want digits, and * or ?, such as "852*"; did you mean "8526700"?',
        ),
        ("state:DELIVRED", 'want a state by name or number; did you mean "DELIVERED"?'),
        ("code:0x06", "want one of the 15 result codes"),
        ("code:Bussy", 'or its name; did you mean "Busy"?'),
        ("segments:many", 'segments: got "many", want a number, such as "2", ">=2" or "2..5"'),
        ("outcome:lots", 'did you mean "lost"?'),
        ("is:finl", 'want one of final, refunded; did you mean "final"?'),
        ("final:maybe", "want true or false"),
        ("after:soon", "want a moment such as"),
        ("after:9999-99-99", "want a moment such as"),
        ("before:9999-12-31T23:59:59Z", "want a moment that is in the years 1 to 9999 in Hong Kong"),
        ("after:0001-01-01T00:00:00+14:00", "want a moment that is in the years 1 to 9999 in Hong Kong"),
        ("x" * (LONGEST_SEARCH + 1), f"column {LONGEST_SEARCH + 1}: got 2,001 characters, want at most 2,000"),
    ],
)
def test_a_search_that_is_none_is_told_where_and_what_would_be_right(text: str, told: str) -> None:
    with pytest.raises(SearchError) as caught:
        parse_search(text, NOON)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("outcome:lost", "messages", '"outcome" is a field of reports, not of messages'),
        ("kind:uip", "reports", '"kind" is a field of requests, not of reports'),
        ("-state:2", "requests", '"state" is a field of messages and reports, not of requests'),
    ],
)
def test_a_field_that_a_kind_has_not_got_is_told_when_the_kind_is_known(
    text: str, kind: JournalKind, told: str
) -> None:
    with pytest.raises(SearchError, match=told):
        parse_search(text, NOON, kind)


@pytest.mark.parametrize("alias", ALIASES)
def test_other_names_stand_for_fields(alias: str) -> None:
    assert ALIASES[alias] in SEARCH_FIELDS
    assert alias not in SEARCH_FIELDS


def test_durations_count_back_from_now() -> None:
    assert str(parse_search("after:10m before:PT1H", NOON)) == (
        "after:2026-11-22T11:50:00+08:00 before:2026-11-22T11:00:00+08:00"
    )


def test_misses_name_the_terms_and_differences_what_there_is_instead(message: Message) -> None:
    search = parse_search('to:86* code state:EXPIRED -route:Verify* reason:"no route"', NOON)
    assert search.misses(message) == ("to:86*", "state:EXPIRED", "-route:Verify*", 'reason:"no route"')
    assert search.differences(message) == (
        Difference("to:86*", "85267000011"),
        Difference("state:EXPIRED", "DELIVERED"),
        Difference("-route:Verify*", "VerifyCode_516"),
        Difference('reason:"no route"', None),
    )
    assert parse_search("", NOON).misses(message) == ()


@pytest.mark.parametrize(
    ("text", "recipient", "uid"),
    [
        ("to:85267000011 code", "85267000011", None),
        ("to:+85267000011", "85267000011", None),
        ("to:852*", None, None),
        ("-to:85267000011", None, None),
        ("uid:00ab to:8*", None, "00AB"),
        ("uid:00?b", None, None),
        ("", None, None),
    ],
)
def test_a_search_may_demand_one_recipient_or_one_uid(text: str, recipient: str | None, uid: str | None) -> None:
    search = parse_search(text, NOON)
    assert (search.recipient, search.uid) == (recipient, uid)


@pytest.mark.parametrize(
    ("text", "awaits"),
    [
        ("state:DELIVERED", True),
        ("is:refunded", True),
        ("-state:none", True),
        ("-final:no", True),
        ("to:852* code", False),
        ("-state:DELIVERED", False),
        ("state:none", False),
        ("-is:final", False),
    ],
)
def test_a_search_may_ask_for_what_only_time_brings(text: str, awaits: bool) -> None:
    assert parse_search(text, NOON).awaits_outcome is awaits


def test_what_is_wrong_with_an_accepted_request_is_worked_out_when_a_search_asks(request_kept: Exchange) -> None:
    unjudged = msgspec.structs.replace(request_kept, findings=None)
    search = parse_search("finding:report-late", NOON)
    assert not search.matches(unjudged)
    assert search.matches(unjudged, SearchContext(findings=lambda _exchange: (FINDING,)))


def test_a_body_that_cannot_be_read_is_searched_as_it_is() -> None:
    broken = refused(b'{"SMS_CONTENT": "half a te\xff')
    assert parse_search("half \\\\xff -to:*", NOON).matches(broken)


_PIECES = st.sampled_from(
    [*SEARCH_FIELDS, *ALIASES, *'-:"\\*?[]=<>', " ", "is:", "none", "85", "OK", "é", "true", "3s", "1..2"]
)
_TEXTS = st.text(max_size=40) | st.lists(_PIECES, max_size=12).map("".join)


@pytest.mark.fuzz
@given(_TEXTS)
def test_any_text_is_a_search_or_told_why_not_and_printing_loses_nothing(text: str) -> None:
    try:
        search = parse_search(text, NOON)
    except SearchError as complaint:
        told = complaint
    else:
        again = parse_search(str(search), NOON + SECOND)
        assert (again, str(again), hash(again)) == (search, str(search), hash(search))
        return
    assert 1 <= told.column <= len(text)


@given(st.text(min_size=1, max_size=20), st.sampled_from(["sender", "text", "route"]))
def test_any_text_finds_itself_in_quotes_and_escaped(message: Message, value: str, field: str) -> None:
    escaped = "".join(f"\\{each}" if each in '\\*?[]"' else each for each in value)
    sending = msgspec.structs.replace(message.sending, source=value, route_id=value, kept_text=value)
    search = parse_search(f'{field}:"{escaped}"', NOON)
    assert search.matches(msgspec.structs.replace(message, sending=sending))
