"""Evaluations: which rule decides, whose turn a reply is, what befalls answers, and what is counted.

Reading: R21, R22, R23.
"""

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.evaluation import Decision, hits_counter
from cloudsms_simulator.engine.faults import UNPROCESSED, AnswerFault, Fault
from cloudsms_simulator.engine.plan import (
    DELIVERED_AFTER_A_SECOND,
    Fixed,
    Listed,
    Lognormal,
    Mix,
    PlanTemplate,
    StepTemplate,
    Uniform,
    plan_of,
    step,
)
from cloudsms_simulator.engine.rules import (
    Condition,
    FaultRule,
    Ordinal,
    ReplyStep,
    Rule,
    RuleBook,
    RuleBookChange,
    TextMatch,
    TimeWindow,
    destinations_of,
)
from cloudsms_simulator.protocol.checks import list_is_an_array
from cloudsms_simulator.protocol.codes import ResultCode

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
OK, BUSY, QUEUE, INTERCEPT = 1, 3, 0x10000005, 0x10000006

ANNA, BEN, SINGAPORE = (852, "67000011"), (852, "67000012"), (65, "81234567")
MAGIC_BUSY, MAGIC_LOST, MAGIC_RESET = (852, "67555103"), (852, "67555301"), (852, "67555401")
TO_HONG_KONG = Condition(to=("852*",))
REJECTED = plan_of(step(8, 3 * SECOND))


def replying(*codes: int | tuple[int, int], id: str = "it", **said: object) -> Rule:
    """A rule that replies codes, each for ever or, with a number, so many times."""
    pairs = [code if isinstance(code, tuple) else (code, None) for code in codes]
    return Rule(id=id, replies=tuple(ReplyStep(ResultCode(code), times) for code, times in pairs), **said)


# Whether there is an evaluation at all


def test_without_rules_there_is_no_evaluation(court) -> None:
    assert court().evaluation(ANNA) is None
    assert court(outlook=REJECTED).evaluation(ANNA) is None
    assert court(states=("up",)).evaluation(*[ANNA] * 200) is None


@pytest.mark.parametrize(
    "book", [{"timeline": (RuleBookChange(book=RuleBook(), at=MINUTE),)}, {"rules": (Rule(id="it"),)}]
)
def test_with_rules_there_is_one(court, book: dict[str, object]) -> None:
    assert court(**book).evaluation(ANNA) is not None


def test_an_account_whose_own_reports_are_drawn_has_one(court) -> None:
    mix = Mix(((2, Decimal(50)), (5, Decimal(50))), Fixed(SECOND))
    outcome = court(account=Account(plan=mix)).evaluate(*[(852, f"670{index:05}") for index in range(200)])
    assert {state for [state] in outcome.states} == {2, 5}
    assert set(outcome.rules) == {None}


# Which rule decides


def test_the_first_rule_that_fits_decides(court) -> None:
    here = court(
        replying(BUSY, id="singapore", condition=Condition(to=("65*",))),
        replying(INTERCEPT, id="everybody"),
        replying(QUEUE, id="nobody"),
    )
    assert here.evaluate(ANNA, SINGAPORE).rules == ["everybody", "singapore"]


def test_a_refusal_has_its_code_and_no_plan(court) -> None:
    assert court(replying(BUSY)).evaluate(ANNA).decisions == (Decision(ResultCode.BUSY, None, "it"),)


@pytest.mark.parametrize("code", [*ResultCode], ids=lambda code: code.name)
def test_every_result_code_can_be_replied(court, code: ResultCode) -> None:
    [decision] = court(replying(code)).evaluate(ANNA).decisions
    assert (decision.code, decision.plan is None) == (code, code != OK)


def test_a_rule_that_says_nothing_of_reports_leaves_them_to_the_book_and_the_book_to_the_account(court) -> None:
    account = Account(plan=plan_of(step(5, SECOND)))
    own = Rule(id="own", condition=Condition(to=("65*",)), outlook=REJECTED)
    silent = Rule(id="silent", condition=Condition(to=("85267000012",)))
    assert court(own, silent, account=account).evaluate(SINGAPORE, BEN, ANNA).states == [[8], [5], [5]]
    booked = court(own, silent, account=account, outlook=plan_of(step(4, SECOND)))
    assert booked.evaluate(SINGAPORE, BEN, ANNA).states == [[8], [4], [4]]


def test_rules_come_before_magic_numbers_and_these_before_the_defaults(court) -> None:
    here = court(replying(INTERCEPT, condition=Condition(to=("85267555103",))), outlook=REJECTED)
    outcome = here.evaluate(MAGIC_BUSY, (852, "68555103"), MAGIC_LOST, ANNA)
    assert outcome.rules == ["it", "magic 555103", "magic 555301", None]
    assert outcome.codes == [INTERCEPT, BUSY, OK, OK]
    assert outcome.states == [[], [], [2], [8]]


def test_a_rule_used_up_leaves_a_magic_number_its_meaning(court) -> None:
    here = court(replying((INTERCEPT, 1)))
    assert [here.evaluate(MAGIC_BUSY).codes for _ in range(2)] == [[INTERCEPT], [BUSY]]


def test_magic_numbers_that_mean_nothing_are_ordinary(court) -> None:
    here = court(Rule(id="it", condition=Condition(to=("65*",))), magic=False)
    outcome = here.evaluate(MAGIC_BUSY, MAGIC_LOST, MAGIC_RESET)
    assert (outcome.fault, outcome.rules) == (None, [None, None, None])
    assert [decision.plan for decision in outcome.decisions] == [DELIVERED_AFTER_A_SECOND] * 3
    assert court(magic=False).evaluation(MAGIC_RESET) is None


# Sequences


def test_a_sequence_is_replied_in_turn_and_its_last_reply_holds_for_ever(court) -> None:
    here = court(replying((BUSY, 2), (QUEUE, 1), OK))
    assert [here.evaluate(ANNA).codes for _ in range(6)] == [[BUSY], [BUSY], [QUEUE], [OK], [OK], [OK]]


def test_each_recipient_has_the_sequence_for_itself(court) -> None:
    here = court(replying((BUSY, 1), OK))
    assert [here.evaluate(ANNA).codes, here.evaluate(BEN).codes, here.evaluate(ANNA, BEN).codes] == [
        [BUSY],
        [BUSY],
        [OK, OK],
    ]


def test_each_rule_counts_for_itself(court) -> None:
    code, other = Condition(content=TextMatch(contains="code")), Condition(content=TextMatch(contains="other"))
    here = court(replying((BUSY, 1), OK, id="code", condition=code), replying((QUEUE, 1), OK, condition=other))
    texts = ["code", "other", "code", "other"]
    assert [here.evaluate(ANNA, SMS_CONTENT=text).codes for text in texts] == [[BUSY], [QUEUE], [OK], [OK]]


def test_a_sequence_that_is_used_up_leaves_the_destination_to_the_next_rule(court) -> None:
    here = court(replying((BUSY, 1), id="one"), replying((QUEUE, 1), id="two"))
    assert [here.evaluate(ANNA).rules for _ in range(3)] == [["one"], ["two"], [None]]
    assert here.evaluate(BEN).rules == ["one"]


def test_a_rule_before_it_that_fits_uses_up_nothing(court) -> None:
    here = court(replying(OK, id="code", condition=Condition(content=TextMatch(contains="code"))), replying((BUSY, 1)))
    assert [here.evaluate(ANNA, SMS_CONTENT=text).codes for text in ["code", "code", "x", "x"]] == [
        [OK],
        [OK],
        [BUSY],
        [OK],
    ]


def test_a_number_that_is_in_a_batch_twice_has_two_turns(court) -> None:
    assert court(replying((BUSY, 1), OK)).evaluate(ANNA, BEN, ANNA).codes == [BUSY, BUSY, OK]


def test_a_reply_of_its_own_time_is_that_late(court) -> None:
    late = Rule(id="it", replies=(ReplyStep(ResultCode.BUSY, 1, Fixed(3 * SECOND)), ReplyStep()))
    here = court(late)
    assert [here.evaluate(ANNA).decisions[0].delay for _ in range(2)] == [3 * SECOND, timedelta()]


def test_replies_draw_their_delays_for_each_recipient(court) -> None:
    late = Rule(id="it", replies=(ReplyStep(delay=Uniform(SECOND, 2 * SECOND)),))
    outcome = court(late).evaluate(*[(852, f"670{index:05}") for index in range(50)])
    assert len({decision.delay for decision in outcome.decisions}) == 50


def test_only_a_refusal_of_a_rule_for_packets_refuses_all(court) -> None:
    here = court(replying((BUSY, 1), OK, scope="packet", condition=Condition(to=("65*",))))
    assert [decision.refuses_all for decision in here.evaluate(ANNA, SINGAPORE).decisions] == [False, True]
    assert [decision.refuses_all for decision in here.evaluate(ANNA, SINGAPORE).decisions] == [False, False]
    assert not court(replying(BUSY)).evaluate(ANNA).decisions[0].refuses_all


# Named states

UP, DOWN = Condition(state=frozenset({"up"})), Condition(state=frozenset({"down"}))


def test_a_state_begins_where_the_book_says_and_changes_with_the_rule_that_decides(court) -> None:
    here = court(
        replying(BUSY, id="fall", condition=UP, then="down"),
        replying(QUEUE, id="rise", condition=DOWN, then="up"),
        states=("up", "down"),
    )
    assert [here.evaluate(ANNA).rules for _ in range(3)] == [["fall"], ["rise"], ["fall"]]


def test_a_transition_holds_for_the_destinations_after_it_in_the_same_batch(court) -> None:
    here = court(
        replying(BUSY, id="fall", condition=Condition(state=frozenset({"up"}), to=("65*",)), then="down"),
        replying(INTERCEPT, id="fallen", condition=DOWN),
        states=("up", "down"),
    )
    assert here.evaluate(ANNA, SINGAPORE, ANNA, BEN).rules == [None, "fall", "fallen", "fallen"]
    assert here.evaluate(ANNA).rules == ["fallen"]


def test_a_request_that_is_not_kept_changes_no_state(court) -> None:
    here = court(replying(BUSY, condition=UP, then="down"), states=("up", "down"))
    assert [here.evaluate(ANNA, keep=False).rules, here.evaluate(ANNA).rules, here.evaluate(ANNA).rules] == [
        ["it"],
        ["it"],
        [None],
    ]


def test_a_rule_may_name_the_first_state_again(court) -> None:
    here = court(
        replying(BUSY, id="back", condition=DOWN, then="up"),
        replying(OK, id="stay", condition=UP, then="up"),
        states=("up", "down"),
    )
    assert [here.evaluate(ANNA).rules for _ in range(2)] == [["stay"], ["stay"]]


# Timelines


def test_a_timeline_by_time_puts_other_rules_in_force(court) -> None:
    blackout = RuleBook(name="blackout", rules=(replying(BUSY, id="dark"),))
    here = court(
        timeline=(
            RuleBookChange(book=blackout, at=10 * MINUTE),
            RuleBookChange(book=RuleBook(name="end"), at=20 * MINUTE),
        )
    )
    told = []
    for _ in range(3):
        told.append(here.evaluate(ANNA).rules)
        here.now += 10 * MINUTE
    assert told == [[None], ["dark"], [None]]


def test_a_timeline_by_messages_counts_those_that_were_accepted(court) -> None:
    to_singapore = Condition(to=("65*",))
    blackout = RuleBook(name="blackout", rules=(replying(BUSY, id="dark"),))
    here = court(replying(INTERCEPT, condition=to_singapore), timeline=(RuleBookChange(book=blackout, messages=3),))
    told = [here.evaluate(*batch).rules for batch in ([ANNA, SINGAPORE], [ANNA], [ANNA, ANNA], [ANNA])]
    assert told == [[None, "it"], [None], [None, None], ["dark"]]


def test_rules_of_the_same_name_in_two_books_count_for_themselves(court) -> None:
    later = RuleBook(name="later", rules=(replying((QUEUE, 1), OK, id="it"),), states=("a", "b"))
    here = court(replying((BUSY, 1), OK), name="first", timeline=(RuleBookChange(book=later, at=MINUTE),))
    told = [here.evaluate(ANNA).codes for _ in range(2)]
    here.now += MINUTE
    assert [*told, here.evaluate(ANNA).codes, here.evaluate(ANNA).codes] == [[BUSY], [OK], [QUEUE], [OK]]


def test_time_in_the_books_of_a_timeline_counts_from_the_beginning_of_the_first(court) -> None:
    later = RuleBook(name="later", rules=(replying(BUSY, condition=Condition(time=TimeWindow(after=2 * MINUTE))),))
    here = court(timeline=(RuleBookChange(book=later, at=MINUTE),))
    told = []
    for _ in range(3):
        told.append(here.evaluate(ANNA).codes)
        here.now += MINUTE
    assert told == [[OK], [OK], [BUSY]]


# Faults


def faulty(fault: Fault | None = Fault.EMPTY_RESPONSE, id: str = "fault", **said: object) -> FaultRule:
    return FaultRule(id=id, fault=fault, **said)


def test_the_first_fault_that_fits_befalls_the_answer(court) -> None:
    here = court(
        faulty(Fault.HTTP_500, "singapore", condition=Condition(to=("65*",))),
        faulty(Fault.DRIBBLE, "dribble", over=5 * SECOND),
        faulty(Fault.BROKEN_JSON, "broken"),
    )
    assert here.evaluate(SINGAPORE).fault == AnswerFault("singapore", Fault.HTTP_500, processed=False)
    assert here.evaluate(ANNA).fault == AnswerFault("dribble", Fault.DRIBBLE, over=5 * SECOND)


def test_a_fault_befalls_a_batch_of_which_one_destination_fits(court) -> None:
    here = court(faulty(condition=Condition(to=("65*",))))
    assert here.evaluate(ANNA, BEN).fault is None
    assert here.evaluate(ANNA, BEN, SINGAPORE).fault == AnswerFault("fault", Fault.EMPTY_RESPONSE, processed=False)


def test_all_keys_of_a_fault_must_fit_the_same_destination(court) -> None:
    here = court(faulty(condition=Condition(to=("65*",), item=Ordinal(nth=frozenset({2})))))
    assert here.evaluate(SINGAPORE, ANNA).fault is None
    assert here.evaluate(ANNA, SINGAPORE).fault is not None


@pytest.mark.parametrize("fault", [*Fault], ids=str)
@pytest.mark.parametrize("processed", [None, True, False])
def test_a_fault_strikes_before_processing_or_after_as_is_usual_or_as_it_says(
    court, fault: Fault, processed: bool | None
) -> None:
    outcome = court(faulty(fault, processed=processed)).evaluate(ANNA)
    expected = fault not in UNPROCESSED if processed is None else processed
    assert outcome.fault == AnswerFault("fault", fault, processed=expected)
    assert len(outcome.decisions) == expected


def test_a_fault_may_be_nothing_but_a_delay(court) -> None:
    here = court(faulty(None, "slow", delay=Listed((SECOND, 2 * SECOND))))
    told = [here.evaluate(ANNA).fault for _ in range(3)]
    assert told == [AnswerFault("slow", delay=seconds * SECOND) for seconds in (1, 2, 1)]


def test_a_fault_befalls_so_many_requests_of_a_first_recipient_and_then_the_next_fault_does(court) -> None:
    here = court(faulty(Fault.HTTP_500, "first", times=2), faulty(Fault.HTML_PAGE, "second", times=1))
    told = [here.evaluate(ANNA, BEN).fault for _ in range(4)]
    assert [fault and fault.rule for fault in told] == ["first", "first", "second", None]
    assert here.evaluate(BEN, ANNA).fault is not None


def test_a_fault_on_the_nth_request_strikes_once(court) -> None:
    here = court(faulty(Fault.EMPTY_RESPONSE, condition=Condition(request=Ordinal(nth=frozenset({2})))))
    assert [here.evaluate(ANNA).fault is not None for _ in range(4)] == [False, True, False, False]


def test_a_fault_before_processing_uses_up_no_reply_and_no_state(court) -> None:
    here = court(
        faulty(Fault.HTTP_500, times=1),
        replying((BUSY, 1), (QUEUE, 1), condition=UP, then="up"),
        states=("up",),
    )
    assert [here.evaluate(ANNA).codes for _ in range(4)] == [[], [BUSY], [QUEUE], [OK]]


def test_a_fault_before_processing_leaves_every_draw_of_a_recipient_as_it_was(court) -> None:
    drawn = Rule(id="it", outlook=Mix(((2, Decimal(50)), (5, Decimal(50))), Lognormal(SECOND, 1.0)))
    struck, spared = court(faulty(times=3), drawn), court(drawn)
    assert [here.evaluate(ANNA).decisions for here in [struck] * 3] == [()] * 3
    assert [struck.evaluate(ANNA).decisions for _ in range(5)] == [spared.evaluate(ANNA).decisions for _ in range(5)]


def test_a_fault_after_processing_uses_up_a_reply(court) -> None:
    here = court(faulty(Fault.PROCESSED_NO_ANSWER, times=1), replying((BUSY, 1), OK))
    assert [here.evaluate(ANNA).codes for _ in range(2)] == [[BUSY], [OK]]


def test_a_fault_may_wait_for_a_state_that_a_reply_brings_about(court) -> None:
    here = court(faulty(condition=DOWN), replying(BUSY, condition=UP, then="down"), states=("up", "down"))
    assert [here.evaluate(ANNA).fault is not None for _ in range(3)] == [False, True, True]


def test_requests_tried_again_draw_their_fault_again(court) -> None:
    here = court(faulty(condition=Condition(probability=0.5)))
    struck = [here.evaluate(ANNA).fault is not None for _ in range(200)]
    assert 70 < struck.count(True) < 130


def test_the_faults_of_a_scenario_come_before_that_of_a_magic_number(court) -> None:
    here = court(faulty(Fault.HTML_PAGE, times=1))
    told = [here.evaluate(MAGIC_RESET).fault for _ in range(2)]
    assert [fault.rule for fault in told] == ["fault", "magic 555401"]


def test_of_several_magic_faults_in_a_batch_the_first_strikes(court) -> None:
    fault = court().evaluate(ANNA, (65, "81555407"), MAGIC_RESET).fault
    assert fault == AnswerFault("magic 555407", Fault.HTTP_500, processed=False)


def test_a_magic_fault_does_not_strike_where_a_rule_decides(court) -> None:
    here = court(replying((BUSY, 2), condition=TO_HONG_KONG))
    assert [here.evaluate(MAGIC_RESET).codes for _ in range(3)] == [[BUSY], [BUSY], []]
    assert here.evaluate(MAGIC_BUSY, (65, "81555402")).fault == AnswerFault(
        "magic 555402", Fault.EMPTY_RESPONSE, processed=False
    )


def test_a_magic_fault_gives_way_to_a_rule_of_chance_exactly_when_that_decides(court) -> None:
    rule = replying(BUSY, condition=Condition(probability=0.5))
    numbers = [(852, f"{index:02}555402") for index in range(100)]
    outcomes = [court(rule).evaluate(number) for number in numbers]
    assert {(each.fault is None, tuple(each.codes)) for each in outcomes} == {(True, (BUSY,)), (False, ())}


# Requests that are not in order


def test_a_fault_befalls_a_request_without_destinations_that_fits_otherwise(court) -> None:
    here = court(faulty(condition=Condition(content=TextMatch(contains="code"))))
    for destinations in (..., None, "x", [], [{}] * 201):
        evaluation = here.evaluation(MULTI_MSISDN_LIST=destinations)
        assert evaluation.fault is not None


@pytest.mark.parametrize(
    "condition",
    [
        TO_HONG_KONG,
        Condition(country=frozenset({852})),
        Condition(item=Ordinal(every=1)),
        Condition(to=("852*", "65*")),
    ],
)
def test_a_fault_for_some_destinations_does_not_befall_a_request_without_any(court, condition: Condition) -> None:
    assert court(faulty(condition=condition)).evaluation(MULTI_MSISDN_LIST=[]).fault is None


def test_of_destinations_that_are_not_in_order_what_can_be_read_is_asked(court) -> None:
    here = court(faulty(condition=TO_HONG_KONG))
    unreadable = [17, {"COUNTRY_CODE": "852", "DEST_MSISDN": "67"}, {"COUNTRY_CODE": 65}]
    readable = [17, {"COUNTRY_CODE": 852, "DEST_MSISDN": "67-x"}]
    assert here.evaluation(MULTI_MSISDN_LIST=unreadable).fault is None
    assert here.evaluation(MULTI_MSISDN_LIST=readable).fault is not None


def test_a_batch_is_the_same_before_its_list_was_checked_and_after(court) -> None:
    candidate = court().candidate(ANNA, SINGAPORE)
    before = destinations_of(candidate)
    assert list_is_an_array(candidate) is None
    assert destinations_of(candidate) == before == candidate.destinations


def test_destinations_that_are_refused_are_not_seen(court) -> None:
    here = court(replying((BUSY, 1), OK))
    candidate = here.candidate(ANNA, BEN, SINGAPORE)
    candidate.verdicts[1] = INTERCEPT
    evaluation = here.evaluation_of(candidate)
    assert (evaluation.fault, [*evaluation.decisions]) == (None, [0, 2])
    assert ("seen", "", "85267000012") not in here.counts


# What is counted


def test_everything_a_request_counts_is_written_and_nothing_is_kept_by_itself(court) -> None:
    here = court(
        faulty(None, "slow", times=9),
        replying((BUSY, 1), OK, condition=Condition(to=("65*",)), then="down"),
        Rule(id="idle", condition=Condition(to=("86*",))),
        name="book",
        states=("up", "down"),
        timeline=(RuleBookChange(book=RuleBook(), messages=100),),
    )
    assert here.evaluation(SINGAPORE, ANNA, SINGAPORE, keep=False).fault is not None
    assert here.counts == {}
    here.evaluation(SINGAPORE, ANNA, SINGAPORE)
    assert here.counts == {
        ("requests", "", ""): 1,
        ("asked", "", "6581234567"): 1,
        ("fault book", "slow", "6581234567"): 1,
        ("seen", "", "6581234567"): 2,
        ("seen", "", "85267000011"): 1,
        ("rule book", "it", "6581234567"): 2,
        ("state", "book", ""): 1,
        ("messages", "", ""): 2,
        hits_counter("book", "slow"): 1,
        hits_counter("book", "it"): 2,
    }


def test_a_request_that_is_not_kept_counts_nothing(court) -> None:
    said = faulty(None, times=2), replying((BUSY, 2), OK)
    here, spared = court(*said), court(*said)
    for _ in range(3):
        here.evaluate(ANNA, keep=False)
    assert [here.evaluate(ANNA) for _ in range(4)] == [spared.evaluate(ANNA) for _ in range(4)]


def test_a_fault_that_strikes_before_processing_counts_only_the_request_and_itself(court) -> None:
    here = court(faulty(times=1), replying((BUSY, 1)), name="book")
    here.evaluate(ANNA)
    assert here.counts == {
        ("requests", "", ""): 1,
        ("asked", "", "85267000011"): 1,
        ("fault book", "fault", "85267000011"): 1,
        hits_counter("book", "fault"): 1,
    }


def test_a_rule_that_never_decided_has_no_hits(court) -> None:
    here = court(replying((BUSY, 1), id="one"), Rule(id="two"), Rule(id="idle"), name="book")
    for _ in range(3):
        here.evaluate(ANNA)
    assert [here.counts.get(hits_counter("book", rule), 0) for rule in ("one", "two", "idle")] == [1, 2, 0]


# Repeatability

CHANCY = (
    replying((BUSY, 1), OK, id="flaky", condition=Condition(probability=0.3)),
    replying((QUEUE, 2), id="full", condition=Condition(content=TextMatch(contains="code"), to=("*1", "*2"))),
    Rule(
        id="mixed",
        condition=Condition(any=(Condition(probability=0.4), Condition(to=("*3",)))),
        replies=(ReplyStep(delay=Uniform(SECOND, 9 * SECOND)),),
        outlook=Mix(((2, Decimal(60)), (5, Decimal(40))), Lognormal(7 * SECOND, 0.8)),
    ),
)
CHANCY_FAULTS = (
    faulty(Fault.HTTP_500, "down", condition=Condition(probability=0.2)),
    faulty(None, "slow", condition=Condition(probability=0.5), delay=Uniform(SECOND, 9 * SECOND)),
    faulty(Fault.BROKEN_JSON, "broken", times=2, condition=Condition(probability=0.5)),
)
USUAL = PlanTemplate(
    (StepTemplate(1, Uniform(SECOND, 2 * SECOND), False), StepTemplate(2, Lognormal(7 * SECOND, 0.8, SECOND), True))
)

recipients = st.sampled_from([(852, f"6700001{digit}") for digit in range(5)])
orders = st.lists(recipients, max_size=30).flatmap(lambda sent: st.tuples(st.just(sent), st.permutations(sent)))


@given(orders, st.integers(0, 3))
def test_what_befalls_the_nth_request_of_a_recipient_does_not_depend_on_the_others(court, orders, seed: int) -> None:
    def outcomes(order) -> dict[object, list[object]]:
        here = court(*CHANCY_FAULTS, *CHANCY, outlook=USUAL, account=Account(seed=seed))
        told = defaultdict(list)
        for recipient in order:
            told[recipient].append(here.evaluate(recipient))
        return told

    sent, arrived = orders
    assert outcomes(sent) == outcomes(arrived)


@given(orders, st.lists(st.integers(1, 10), min_size=30, max_size=30))
def test_what_a_recipients_nth_destination_gets_does_not_depend_on_the_batches_it_is_in(court, orders, sizes) -> None:
    sent, arrived = orders
    one_by_one, in_batches = court(*CHANCY, outlook=USUAL), court(*CHANCY, outlook=USUAL)
    single, batched = defaultdict(list), defaultdict(list)
    for recipient in sent:
        single[recipient] += one_by_one.evaluate(recipient).decisions
    for size in sizes:
        batch, arrived = arrived[:size], arrived[size:]
        if batch:
            for recipient, decision in zip(batch, in_batches.evaluate(*batch).decisions, strict=True):
                batched[recipient].append(decision)
    assert single == batched


def test_the_same_seed_brings_the_same_and_another_seed_another(court) -> None:
    def outcomes(seed: int) -> list[object]:
        here = court(*CHANCY_FAULTS, *CHANCY, outlook=USUAL, account=Account(seed=seed))
        return [here.evaluate((852, f"670000{index % 50:02}")) for index in range(200)]

    assert outcomes(1) == outcomes(1) != outcomes(2)


def test_two_accounts_with_the_same_seed_have_the_same_fate(court) -> None:
    one, other = (court(*CHANCY, account=Account(name=name)) for name in ("one", "other"))
    assert one.evaluate(ANNA, BEN, SINGAPORE) == other.evaluate(ANNA, BEN, SINGAPORE)
