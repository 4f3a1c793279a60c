"""Conditions: which destinations one is for, each key alone, and keys and conditions together.

Reading: R21.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, timezone
from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.plan import Chance
from cloudsms_simulator.engine.rules import (
    Condition,
    FaultRule,
    MemberMatch,
    Ordinal,
    ReplyStep,
    Rule,
    RuleSubject,
    TextMatch,
    TimeWindow,
    matcher_of,
    subject_of,
)
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import candidate_of
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG

Destination = tuple[object, object]
Fits = Callable[..., list[bool]]

HONG_KONG_MOBILE, SINGAPORE_MOBILE = (852, "67000011"), (65, "81234567")
NOON = datetime(2026, 11, 22, 12, tzinfo=HONG_KONG)


@pytest.fixture(scope="module")
def fits(court) -> Fits:
    """Tells which destinations of a request a condition is for."""

    def told(condition: Condition, *destinations: Destination, **fields: object) -> list[bool]:
        return [
            rule == "it" for rule in court(Rule(id="it", condition=condition)).evaluate(*destinations, **fields).rules
        ]

    return told


def test_a_condition_that_says_nothing_is_for_everything(fits: Fits) -> None:
    assert fits(Condition(), HONG_KONG_MOBILE, SINGAPORE_MOBILE) == [True, True]


# The destination


@pytest.mark.parametrize(
    ("globs", "fitting"),
    [
        (("852*",), [True, False]),
        (("85267000011",), [True, False]),
        (("8526700001",), [False, False]),
        (("67*",), [False, False]),
        (("*11",), [True, False]),
        (("*",), [True, True]),
        (("8526700001?",), [True, False]),
        (("85267[0-4]*",), [True, False]),
        (("85267[!0-4]*",), [False, False]),
        (("65*", "853*"), [False, True]),
        (("65*", "*0011"), [True, True]),
        (("*67*",), [True, True]),
        (("652*", "[69]581234567"), [False, True]),
        (("65?1234567", "652*"), [False, True]),
    ],
)
def test_to_is_one_of_several_globs_on_country_code_and_number(
    fits: Fits, globs: tuple[str, ...], fitting: list[bool]
) -> None:
    assert fits(Condition(to=globs), HONG_KONG_MOBILE, SINGAPORE_MOBILE) == fitting


@given(st.lists(st.text("8526*?[]!-", min_size=1), min_size=1, max_size=3), st.text("8526", max_size=6))
def test_a_number_fits_when_fnmatch_says_so_of_a_glob(globs: list[str], number: str) -> None:
    test = matcher_of(Condition(to=tuple(globs)), "it").of_destination
    assert test is not None
    assert test(subject(to=number)) is any(fnmatchcase(number, glob) for glob in globs)


def test_country_is_one_of_several_codes(fits: Fits) -> None:
    assert fits(Condition(country=frozenset({852, 86})), HONG_KONG_MOBILE, SINGAPORE_MOBILE) == [True, False]


@pytest.mark.parametrize(
    ("item", "fitting"),
    [
        (Ordinal(every=3), [False, False, True, False, False, True, False]),
        (Ordinal(every=1), [True] * 7),
        (Ordinal(nth=frozenset({1, 7})), [True, False, False, False, False, False, True]),
        (Ordinal(nth=frozenset({1}), every=3), [True, False, True, False, False, True, False]),
        (Ordinal(every=8), [False] * 7),
    ],
    ids=["every third", "every", "first and seventh", "first and every third", "none"],
)
def test_item_is_a_place_in_the_batch(fits: Fits, item: Ordinal, fitting: list[bool]) -> None:
    assert fits(Condition(item=item), *[HONG_KONG_MOBILE] * 7) == fitting


# Texts of the request

TEXT = "Ihr Code für STRASSE ist 123345"


@pytest.mark.parametrize(
    ("words", "fit"),
    [
        (TextMatch(equals=TEXT), True),
        (TextMatch(equals=TEXT.lower()), False),
        (TextMatch(equals=TEXT.lower(), ignore_case=True), True),
        (TextMatch(equals="Ihr Code"), False),
        (TextMatch(contains="Code"), True),
        (TextMatch(contains="code"), False),
        (TextMatch(contains="code", ignore_case=True), True),
        (TextMatch(contains="straße", ignore_case=True), True),
        (TextMatch(starts="Ihr"), True),
        (TextMatch(starts="Code"), False),
        (TextMatch(starts="IHR", ignore_case=True), True),
        (TextMatch(ends="345"), True),
        (TextMatch(ends="34"), False),
        (TextMatch(ends="IST 123345", ignore_case=True), True),
        (TextMatch(glob=("*Code*",)), True),
        (TextMatch(glob=("Code*",)), False),
        (TextMatch(glob=("Ihr*",)), True),
        (TextMatch(glob=("ihr*",)), False),
        (TextMatch(glob=("ihr*",), ignore_case=True), True),
        (TextMatch(glob=("nothing", "*[0-9]")), True),
        (TextMatch(regex=r"\d{6}$"), True),
        (TextMatch(regex=r"^\d{6}"), False),
        (TextMatch(regex="code"), False),
        (TextMatch(regex="code", ignore_case=True), True),
        (TextMatch(), True),
        (TextMatch(ignore_case=True), True),
        (TextMatch(starts="Ihr", ends="45", contains="Code"), True),
        (TextMatch(starts="Ihr", ends="46", contains="Code"), False),
        (TextMatch(starts="Ihr", regex="x"), False),
        (TextMatch(starts="ihr", glob=("*code*",), ignore_case=True), True),
        (TextMatch(starts="ihr", glob=("*kode*",), ignore_case=True), False),
    ],
)
def test_content_is_like_the_words(fits: Fits, words: TextMatch, fit: bool) -> None:
    assert fits(Condition(content=words), SMS_CONTENT=TEXT) == [fit]


def test_content_may_have_several_lines(fits: Fits) -> None:
    assert fits(Condition(content=TextMatch(glob=("Your*now",))), SMS_CONTENT="Your code\nis here\nnow") == [True]
    assert fits(Condition(content=TextMatch(glob=("Your*",))), SMS_CONTENT="Your\ncode") == [True]


@pytest.mark.parametrize(
    ("condition", "field", "like", "unlike"),
    [
        (Condition(route=TextMatch(starts="Verify")), "ROUTE_ID", "VerifyCode_516", "Marketing_516"),
        (Condition(sender=TextMatch(equals="Bank")), "ORIGINAL_ADDR", "Bank", "Shop"),
        (Condition(signature=TextMatch(contains="Bank")), "SIGNATURE", "My Bank", "Shop"),
        (Condition(content=TextMatch(contains="Bank")), "SMS_CONTENT", "My Bank", "Shop"),
        (Condition(priority=frozenset({1, 2})), "PRIORITY", 2, 0),
        (Condition(version=frozenset({"2021-01-01"})), "VERSION", "2021-01-01", "2020-07-12"),
    ],
    ids=["route", "sender", "signature", "content", "priority", "version"],
)
def test_each_key_of_the_request_asks_its_own_field(
    fits: Fits, condition: Condition, field: str, like: object, unlike: object
) -> None:
    assert [fits(condition, **{field: value}) for value in (like, unlike)] == [[True], [False]]


@pytest.mark.parametrize("sender", [..., None, ""])
def test_without_a_sender_the_accounts_own_is_asked(fits: Fits, sender: object) -> None:
    assert fits(Condition(sender=TextMatch(equals="CloudSMS")), ORIGINAL_ADDR=sender) == [True]


def test_content_is_asked_without_its_signature(fits: Fits) -> None:
    condition = Condition(content=TextMatch(equals="Hello"))
    assert fits(condition, SMS_CONTENT="Hello", SIGNATURE="Bank", SIGNATURE_TYPE=1) == [True]


@pytest.mark.parametrize("priority", [..., None, 0])
def test_a_priority_that_is_not_said_is_0(fits: Fits, priority: object) -> None:
    assert fits(Condition(priority=frozenset({0})), PRIORITY=priority) == [True]


@pytest.mark.parametrize(
    ("field", "condition"),
    [
        ("ROUTE_ID", Condition(route=TextMatch(regex="."))),
        ("SMS_CONTENT", Condition(content=TextMatch(regex="."))),
        ("SIGNATURE", Condition(signature=TextMatch(regex="."))),
        ("VERSION", Condition(version=frozenset({"2021-01-01"}))),
        ("PRIORITY", Condition(priority=frozenset({1}))),
        ("CUSTOMER_BODY", Condition(customer_body=(MemberMatch("order"),))),
    ],
)
@pytest.mark.parametrize("value", [17, ["x"], {"x": 1}, True, 1.0, None, ...])
def test_a_field_that_is_not_in_order_is_like_nothing(
    fits: Fits, field: str, condition: Condition, value: object
) -> None:
    assert fits(condition, **{field: value}) == [False]


# CUSTOMER_BODY


@pytest.mark.parametrize(
    ("member", "fit"),
    [
        (MemberMatch("order"), True),
        (MemberMatch("nothing"), True),
        (MemberMatch("missing"), False),
        (MemberMatch("order", TextMatch(equals="A-17")), True),
        (MemberMatch("order", TextMatch(equals='"A-17"')), False),
        (MemberMatch("count", TextMatch(equals="3")), True),
        (MemberMatch("paid", TextMatch(equals="true")), True),
        (MemberMatch("nothing", TextMatch(equals="null")), True),
        (MemberMatch("tags", TextMatch(equals='["a",{"b":1}]')), True),
        (MemberMatch("tags", TextMatch(contains='"b"')), True),
        (MemberMatch("missing", TextMatch(equals="")), False),
        (MemberMatch("missing", TextMatch()), False),
        (MemberMatch("empty", TextMatch(equals="")), True),
    ],
)
def test_a_member_of_customer_body_is_like_the_words(fits: Fits, member: MemberMatch, fit: bool) -> None:
    body = {"order": "A-17", "count": 3, "paid": True, "nothing": None, "tags": ["a", {"b": 1}], "empty": ""}
    assert fits(Condition(customer_body=(member,)), CUSTOMER_BODY=body) == [fit]


def test_several_members_must_all_be_there(fits: Fits) -> None:
    both = Condition(customer_body=(MemberMatch("order"), MemberMatch("count", TextMatch(equals="3"))))
    assert fits(both, CUSTOMER_BODY={"order": "A-17", "count": 3}) == [True]
    assert fits(both, CUSTOMER_BODY={"order": "A-17", "count": 4}) == [False]


@pytest.mark.parametrize("number", ["0.10", "1e2", "12345678901234567890123", "1e400", "-0"])
def test_a_number_is_compared_as_it_is_spelled(number: str) -> None:
    candidate = candidate_of(packet.decode(b'{"CUSTOMER_BODY": {"amount" :\t%s }}' % number.encode()), None, SPEC)
    seen = subject_of(
        candidate, account="default", default_sender="", request=1, now=NOON, elapsed=timedelta(), state=""
    )
    assert seen.customer_body == {"amount": number}


# The account, its clock, its counters


def test_account_is_one_of_several_names(fits: Fits) -> None:
    assert fits(Condition(account=frozenset({"default", "shop"}))) == [True]
    assert fits(Condition(account=frozenset({"shop"}))) == [False]


@pytest.mark.parametrize(
    ("request_", "fitting"),
    [
        (Ordinal(nth=frozenset({2, 5})), [False, True, False, False, True]),
        (Ordinal(every=2), [False, True, False, True, False]),
    ],
    ids=["nth", "every"],
)
def test_requests_are_counted_in_the_order_they_arrive(court, request_: Ordinal, fitting: list[bool]) -> None:
    here = court(Rule(id="it", condition=Condition(request=request_)))
    told = [here.evaluate(HONG_KONG_MOBILE, HONG_KONG_MOBILE).rules for _ in range(5)]
    assert told == [["it" if fit else None] * 2 for fit in fitting]


def at(court, hours: TimeWindow, moment: datetime) -> bool:
    here = court(Rule(id="it", condition=Condition(time=hours)))
    here.now = moment
    return here.evaluate().rules == ["it"]


TICK = timedelta(microseconds=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("hours", "elapsed", "fit"),
    [
        (TimeWindow(after=MINUTE), MINUTE - TICK, False),
        (TimeWindow(after=MINUTE), MINUTE, True),
        (TimeWindow(after=MINUTE), 1_000 * MINUTE, True),
        (TimeWindow(before=MINUTE), MINUTE - TICK, True),
        (TimeWindow(before=MINUTE), MINUTE, False),
        (TimeWindow(after=MINUTE, before=2 * MINUTE), 2 * MINUTE - TICK, True),
        (TimeWindow(after=MINUTE, before=2 * MINUTE), 2 * MINUTE, False),
        (TimeWindow(), timedelta(), True),
    ],
)
def test_time_since_the_rules_were_put_to_use_is_from_a_moment_on_and_before_another(
    court, hours: TimeWindow, elapsed: timedelta, fit: bool
) -> None:
    assert at(court, hours, NOON + elapsed) is fit


EVENING, MORNING = TimeWindow(since=time(20)), TimeWindow(until=time(8))
NIGHT, DAY = TimeWindow(since=time(20), until=time(8)), TimeWindow(since=time(8), until=time(20))
LAST = time(23, 59, 59, 999_999)


@pytest.mark.parametrize(
    ("hours", "of_day", "fit"),
    [
        (DAY, time(8), True),
        (DAY, time(7, 59, 59, 999_999), False),
        (DAY, time(19, 59, 59, 999_999), True),
        (DAY, time(20), False),
        (NIGHT, time(20), True),
        (NIGHT, time(19, 59, 59, 999_999), False),
        (NIGHT, LAST, True),
        (NIGHT, time(0), True),
        (NIGHT, time(7, 59, 59, 999_999), True),
        (NIGHT, time(8), False),
        (EVENING, LAST, True),
        (EVENING, time(0), False),
        (MORNING, time(0), True),
        (MORNING, time(8), False),
        (TimeWindow(since=time(20), until=time(0)), LAST, True),
        (TimeWindow(since=time(20), until=time(0)), time(0), False),
    ],
)
def test_a_span_of_the_day_may_go_over_midnight(court, hours: TimeWindow, of_day: time, fit: bool) -> None:
    assert at(court, hours, datetime.combine(NOON.date() + timedelta(days=1), of_day, HONG_KONG)) is fit


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-5))], ids=str)
def test_the_time_of_day_is_that_of_hong_kong(court, zone: timezone) -> None:
    half_past_eight_in_the_evening = NOON + timedelta(hours=8, minutes=30)
    assert at(court, EVENING, half_past_eight_in_the_evening.astimezone(zone))
    assert not at(court, DAY, half_past_eight_in_the_evening.astimezone(zone))


def test_elapsed_time_and_time_of_day_must_both_be_right(court) -> None:
    hours = TimeWindow(after=timedelta(hours=2), since=time(13))
    assert [at(court, hours, NOON + timedelta(hours=passed)) for passed in (1, 2, 13)] == [False, True, False]


def test_state_is_one_of_several(court) -> None:
    down = Rule(id="down", condition=Condition(state=frozenset({"down", "out"})))
    assert court(down, states=("up", "down")).evaluate().rules == [None]
    assert court(down, states=("down", "up")).evaluate().rules == ["down"]


# Chance


def test_a_probability_of_0_is_never_and_one_of_1_always(fits: Fits) -> None:
    batch = [(852, f"670{index:05}") for index in range(200)]
    assert not any(fits(Condition(probability=0.0), *batch))
    assert all(fits(Condition(probability=1.0), *batch))


def share(court, condition: Condition) -> float:
    here = court(Rule(id="it", condition=condition))
    batches = [[(852, f"67{tens:03}{ones:03}") for ones in range(200)] for tens in range(20)]
    return sum(here.evaluate(*batch).rules.count("it") for batch in batches) / 4_000


HALF = Condition(probability=0.5)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition(probability=0.05), 0.05),
        (HALF, 0.5),
        (Condition(all=(HALF, HALF)), 0.25),
        (Condition(probability=0.5, all=(HALF,)), 0.25),
        (Condition(any=(HALF, HALF)), 0.75),
        (Condition(none=(HALF, HALF)), 0.25),
        (Condition(any=(Condition(all=(HALF, HALF)), Condition(all=(HALF, HALF)))), 0.4375),
    ],
)
def test_probabilities_come_true_over_many_recipients_each_drawn_by_itself(
    court, condition: Condition, expected: float
) -> None:
    assert share(court, condition) == pytest.approx(expected, abs=0.025)


def test_the_destinations_of_a_batch_are_drawn_one_by_one_and_a_fault_is_drawn_once(court) -> None:
    batch = [(852, f"670{index:05}") for index in range(200)]
    assert 70 < court(Rule(id="it", condition=HALF)).evaluate(*batch).rules.count("it") < 130
    here = court(FaultRule(id="late", condition=HALF))
    struck = [here.evaluate(*batch).fault is not None for _ in range(200)]
    assert 70 < struck.count(True) < 130


# Together

TO = Condition(to=("852*",))
SAYS_CODE = Condition(content=TextMatch(contains="code"))
NO, YES = Condition(country=frozenset({999})), Condition()


@pytest.mark.parametrize(
    ("condition", "fitting"),
    [
        (Condition(to=("852*",), content=TextMatch(contains="code")), [True, False]),
        (Condition(to=("852*",), content=TextMatch(contains="other")), [False, False]),
        (Condition(to=("852*",), country=frozenset({65})), [False, False]),
        (Condition(all=(TO, SAYS_CODE)), [True, False]),
        (Condition(all=(TO, NO)), [False, False]),
        (Condition(to=("65*",), all=(SAYS_CODE,)), [False, True]),
        (Condition(any=(TO, NO)), [True, False]),
        (Condition(any=(NO, SAYS_CODE)), [True, True]),
        (Condition(any=(NO, NO)), [False, False]),
        (Condition(country=frozenset({65}), any=(TO, SAYS_CODE)), [False, True]),
        (Condition(none=(TO,)), [False, True]),
        (Condition(none=(NO,)), [True, True]),
        (Condition(none=(NO, SAYS_CODE)), [False, False]),
        (Condition(none=(YES,)), [False, False]),
        (Condition(any=(YES,), none=(TO,)), [False, True]),
        (Condition(none=(Condition(none=(TO,)),)), [True, False]),
        (Condition(none=(Condition(all=(TO, SAYS_CODE)),)), [False, True]),
        (Condition(all=(Condition(any=(TO, NO)), Condition(none=(NO,)), SAYS_CODE)), [True, False]),
        (Condition(any=(Condition(all=(TO, SAYS_CODE)), Condition(to=("65*",)))), [True, True]),
    ],
)
def test_conditions_hold_together(fits: Fits, condition: Condition, fitting: list[bool]) -> None:
    destinations = (HONG_KONG_MOBILE, SINGAPORE_MOBILE)
    assert fits(condition, *destinations, SMS_CONTENT="Your code is 123345") == fitting


leaves = st.sampled_from([TO, SAYS_CODE, NO, YES, Condition(item=Ordinal(every=2)), Condition(priority=frozenset({1}))])
conditions = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda leaf, together, either, neither: msgspec.structs.replace(leaf, all=together, any=either, none=neither),
        leaves,
        *[st.lists(inner, max_size=2).map(tuple)] * 3,
    ),
    max_leaves=8,
)


@given(conditions, conditions, st.sampled_from(["852", "65"]), st.integers(1, 4), st.integers(0, 1))
def test_what_is_asked_once_and_what_of_each_destination_come_to_the_same(
    one: Condition, other: Condition, country: str, item: int, priority: int
) -> None:
    seen = subject(to=f"{country}67000011", country_code=int(country), item=item, priority=priority)

    def holds(condition: Condition) -> bool:
        matcher = matcher_of(condition, "it")
        return all(test is None or test(seen) for test in (matcher.of_request, matcher.of_destination))

    assert holds(Condition(all=(one, other))) is (holds(one) and holds(other))
    assert holds(Condition(any=(one, other))) is (holds(one) or holds(other))
    assert holds(Condition(none=(one, other))) is not (holds(one) or holds(other))


def subject(**said: object) -> RuleSubject:
    usual = {
        "account": "default",
        "to": "85267000011",
        "country_code": 852,
        "item": 1,
        "request": 1,
        "route": "VerifyCode_516",
        "sender": "CloudSMS",
        "content": "Your code is 123345",
        "signature": "",
        "priority": 0,
        "version": "2021-01-01",
        "customer_body": {},
        "now": NOON,
        "elapsed": timedelta(),
        "state": "",
        "chance": Chance(0, "85267000011", 1),
    }
    return RuleSubject(**(usual | said))


def test_only_what_changes_from_destination_to_destination_is_asked_of_each() -> None:
    once = Condition(content=TextMatch(contains="x"), any=(Condition(route=TextMatch(equals="x")),), none=(SAYS_CODE,))
    assert matcher_of(once, "it").of_destination is None
    of_each = Condition(to=("852*",), item=Ordinal(every=2), state=frozenset({"up"}), any=(TO, SAYS_CODE))
    assert matcher_of(of_each, "it").of_request is None
    assert matcher_of(HALF, "it").of_request is None
    assert matcher_of(HALF, "it", drawn_once=True).of_destination is None


def test_a_rule_without_a_fit_leaves_the_destination_to_the_next(court) -> None:
    here = court(
        Rule(id="first", condition=Condition(to=("65*",)), replies=(ReplyStep(),)),
        Rule(id="second", condition=TO),
        Rule(id="third"),
    )
    assert here.evaluate(HONG_KONG_MOBILE, SINGAPORE_MOBILE, (86, "13800000000")).rules == ["second", "first", "third"]
