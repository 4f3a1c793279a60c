"""Decisions of rules, as verdicts, delays, and what is kept of a spoilt answer.

Reading: R21, R22.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.evaluation import (
    NO_DECISIONS,
    Decision,
    Evaluation,
    answer_received,
    deciding_rule,
    evaluate,
    name_of_fault,
    reported_before,
    status_received,
    with_longest_delay,
)
from cloudsms_simulator.engine.faults import AnswerFault, Fault
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, Plan, ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.rules import CompiledRules, Condition, ReplyStep, Rule, RuleBook, TimeWindow
from cloudsms_simulator.protocol import packet
from cloudsms_simulator.protocol.candidate import Candidate, candidate_of
from cloudsms_simulator.protocol.checks import list_is_an_array
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.profile import SPEC

MANGLING_FAULTS = frozenset(fault for fault in Fault if fault.effect.spoil is not None)
FAULT_PAGES = {fault: fault.effect.page for fault in Fault if fault.effect.page is not None}

SECOND = timedelta(seconds=1)
OK, BUSY, INTERCEPT, INVALID = ResultCode.OK, ResultCode.BUSY, ResultCode.INTERCEPT, ResultCode.INVALID_PARAMETER
ANNA, BEN, SINGAPORE, MAGIC_BUSY = (852, "67000011"), (852, "67000012"), (65, "81234567"), (852, "67555103")
TO_SINGAPORE = Condition(to=("65*",))
ANSWER = (
    b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"ANSWER","SERIAL":7,"RESULT_CODE":1,"RESULT_DESC":"OK",'
    b'"DETAIL_LIST":[{"SMS_UID":"A","RESULT_CODE":1},{"SMS_UID":"B","RESULT_CODE":1}]}'
)


# What is evaluated


def begun(world, noon: datetime, *rules: Rule, since: datetime | None = None):
    """A transaction of an account with these rules, and the evaluation of a packet of it at noon."""
    account = Account(rules=CompiledRules(RuleBook(rules=rules)))
    here = world(account)
    transaction = here.transaction(account)
    transaction.standing = msgspec.structs.replace(transaction.standing, rules_since=since)
    candidate = candidate_of(packet.decode(here.packet()), account, SPEC)
    assert list_is_an_array(candidate) is None
    return transaction, evaluate(transaction, account, candidate, noon)


def test_without_rules_nothing_is_evaluated_and_nothing_counted(world) -> None:
    here = world()
    judged = here.platform.check(here.platform.identify(here.packet()), here.packet())
    assert not judged.needs_evaluation
    transaction, _ = here.decide(here.packet())
    assert transaction.tallied is None


def test_a_magic_number_where_there_are_no_rules_leaves_no_count(world) -> None:
    here = world()
    sent = here.send((852, "67555302"))
    assert sent.message.rule == "magic 555302"
    assert here.store.tallies(here.accounts[0]) == {}


def test_what_an_evaluation_counts_is_written_by_the_transaction(world, noon: datetime) -> None:
    transaction, _ = begun(world, noon, Rule(id="it"))
    assert transaction.tallied == {
        ("requests", "", ""): 1,
        ("seen", "", "85267000011"): 1,
        ("hits", "/it", ""): 1,
        ("messages", "", ""): 1,
    }
    assert transaction.tallies == {}, "nothing is kept before the step is whole"


@pytest.mark.parametrize(("since", "decided"), [(None, None), (timedelta(), None), (-SECOND, "later")])
def test_rules_go_by_the_moment_they_were_put_to_use(
    world, noon: datetime, since: timedelta | None, decided: str | None
) -> None:
    later = Rule(id="later", condition=Condition(time=TimeWindow(after=SECOND)))
    _, evaluation = begun(world, noon, later, since=None if since is None else noon + since)
    assert evaluation.rule == decided


# Verdicts


def evaluated(
    court,
    *destinations: tuple[int, str],
    rules: tuple[Rule, ...] = (),
    refused: Mapping[int, ResultCode] = MappingProxyType({}),
) -> tuple[Evaluation, Candidate]:
    """The evaluation of a packet whose list was read, of which some destinations are refused already."""
    here = court(*rules)
    candidate = here.candidate(*destinations)
    assert list_is_an_array(candidate) is None
    candidate.verdicts.update(refused)
    found = here.evaluation_of(candidate)
    assert found is not None
    return found, candidate


def test_a_refusal_is_a_verdict_with_a_finding_that_names_its_rule(court) -> None:
    closed = Rule(id="closed", condition=TO_SINGAPORE, replies=(ReplyStep(BUSY),))
    here, candidate = evaluated(court, ANNA, SINGAPORE, rules=(closed,))
    assert here.decisions == {
        0: Decision(OK, DELIVERED_AFTER_A_SECOND),
        1: Decision(BUSY, None, "closed"),
    }
    assert candidate.verdicts == {1: BUSY}
    [finding] = candidate.findings
    assert (finding.rule, finding.path) == ("scripted-code", "$.MULTI_MSISDN_LIST[1]")
    assert finding.got == 'Busy, as "closed" says'


def test_a_magic_number_is_named_where_no_rule_decides(court) -> None:
    _, candidate = evaluated(court, MAGIC_BUSY)
    assert [finding.got for finding in candidate.findings] == ['Busy, as "magic 555103" says']


def test_a_destination_that_is_refused_already_keeps_its_verdict_and_uses_up_no_turn(court) -> None:
    once = Rule(id="once", replies=(ReplyStep(BUSY, times=1), ReplyStep(INTERCEPT)))
    here, candidate = evaluated(court, ANNA, ANNA, rules=(once,), refused={0: INVALID})
    assert list(here.decisions) == [1]
    assert candidate.verdicts == {0: INVALID, 1: BUSY}


def test_with_the_scope_packet_one_refusal_is_that_of_all_that_were_not_refused(court) -> None:
    shut = Rule(id="shut", condition=TO_SINGAPORE, replies=(ReplyStep(BUSY),), scope="packet")
    closed = Rule(id="closed", condition=Condition(to=("85267000012",)), replies=(ReplyStep(INTERCEPT),))
    _, candidate = evaluated(court, ANNA, BEN, SINGAPORE, (852, "x"), rules=(shut, closed), refused={3: INVALID})
    assert candidate.verdicts == {0: BUSY, 1: INTERCEPT, 2: BUSY, 3: INVALID}
    assert {finding.path: finding.got for finding in candidate.findings} == {
        "$.MULTI_MSISDN_LIST[0]": 'Busy, as "shut" says',
        "$.MULTI_MSISDN_LIST[1]": 'Intercept, as "closed" says',
        "$.MULTI_MSISDN_LIST[2]": 'Busy, as "shut" says',
    }


def test_with_the_scope_packet_a_reply_of_ok_refuses_nobody(court) -> None:
    rule = Rule(id="open", condition=TO_SINGAPORE, scope="packet")
    _, candidate = evaluated(court, ANNA, SINGAPORE, rules=(rule,))
    assert candidate.verdicts == {}


def test_the_rule_of_an_exchange_is_the_first_that_decided() -> None:
    nobody, first, second = Decision(OK, None), Decision(OK, None, "first"), Decision(BUSY, None, "second")
    assert deciding_rule(NO_DECISIONS) is None
    assert deciding_rule({0: nobody}) is None
    assert deciding_rule({0: nobody, 2: first, 3: second}) == "first"


# Delays


def late(seconds: int, rule: str | None = "slow") -> Decision:
    return Decision(OK, None, rule, seconds * SECOND)


def test_an_answer_is_as_late_as_the_latest_reply() -> None:
    decisions = {0: late(1, "a"), 1: late(3, "b"), 2: late(2, "c")}
    assert with_longest_delay(None, decisions) == AnswerFault("b", delay=3 * SECOND)


def test_a_reply_comes_as_much_later_as_the_fault_does() -> None:
    fault = AnswerFault("fault", Fault.BROKEN_JSON, SECOND)
    assert with_longest_delay(fault, {0: late(1), 1: late(3)}) == AnswerFault("fault", Fault.BROKEN_JSON, 4 * SECOND)


@pytest.mark.parametrize("fault", [None, AnswerFault("fault", Fault.BROKEN_JSON, SECOND)])
@pytest.mark.parametrize("decisions", [{}, {0: late(0), 1: late(0)}])
def test_without_a_delay_nothing_is_later(fault: AnswerFault | None, decisions: dict[int, Decision]) -> None:
    assert with_longest_delay(fault, decisions) is fault


# Reports before the answer


FIRST = ReportOptions(before_answer=True)


@pytest.mark.parametrize(
    ("plan", "before"),
    [
        (plan_of(step(2, timedelta())), False),
        (plan_of(Step(2, timedelta(), True, manner=ReportOptions(copies=2))), False),
        (plan_of(Step(2, timedelta(), True, manner=FIRST)), True),
        (plan_of(step(1, timedelta()), Step(2, timedelta(), True, manner=FIRST)), True),
        (plan_of(Step(1, timedelta(), False, manner=FIRST), step(2, SECOND)), True),
    ],
    ids=["plain", "other options", "before", "before, as the second step", "before, as the first step"],
)
def test_an_answer_waits_for_messages_of_which_any_report_comes_before_it(world, plan: Plan, before: bool) -> None:
    messages = tuple(world(Account(plan=plan)).send(ANNA, BEN).messages)
    assert reported_before(messages) == (tuple(message.uid for message in messages) if before else ())


def test_an_answer_does_not_wait_for_a_message_that_is_rejected_locally(world) -> None:
    account = Account(plan=plan_of(Step(2, timedelta(), True, manner=FIRST)))
    accepted, rejected = world(account).send(SINGAPORE, (65, "61234567")).messages
    assert rejected.reason is not None
    assert reported_before((accepted, rejected)) == (accepted.uid,)


# What the client gets


@pytest.mark.parametrize("fault", [None, *Fault])
def test_an_exchange_says_what_befell_it(fault: Fault | None) -> None:
    assert name_of_fault(AnswerFault("it", fault)) == ("DELAY" if fault is None else fault.name)


@pytest.mark.parametrize("fault", [None, Fault.DRIBBLE])
def test_an_answer_that_is_only_slow_arrives_as_it_is(fault: Fault | None) -> None:
    assert (answer_received(AnswerFault("it", fault), ANSWER), status_received(AnswerFault("it", fault))) == (
        ANSWER,
        200,
    )


@pytest.mark.parametrize("fault", sorted(MANGLING_FAULTS))
def test_an_answer_that_is_wrong_in_meaning_is_kept_as_it_arrives(fault: Fault) -> None:
    assert answer_received(AnswerFault("it", fault), ANSWER) == fault.effect.spoil(ANSWER) != ANSWER
    assert status_received(AnswerFault("it", fault)) == 200


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.CONNECTION_RESET_BY_PEER, None),
        (Fault.EMPTY_RESPONSE, None),
        (Fault.RANDOM_DATA_THEN_CLOSE, None),
        (Fault.ACCEPT_THEN_HANG, None),
        (Fault.PROCESSED_NO_ANSWER, None),
        (Fault.MALFORMED_RESPONSE_CHUNK, 200),
    ],
)
def test_of_all_other_faults_the_status_is_kept_if_one_arrives_and_no_answer(fault: Fault, status: int | None) -> None:
    assert (answer_received(AnswerFault("it", fault), ANSWER), status_received(AnswerFault("it", fault))) == (
        None,
        status,
    )


@pytest.mark.parametrize(("fault", "status"), [(Fault.HTTP_500, 500), (Fault.HTML_PAGE, 200)])
@pytest.mark.parametrize("answer", [ANSWER, None])
def test_what_arrives_in_place_of_an_answer_is_kept(fault: Fault, status: int, answer: bytes | None) -> None:
    assert (answer_received(AnswerFault("it", fault), answer), status_received(AnswerFault("it", fault))) == (
        FAULT_PAGES[fault],
        status,
    )


@pytest.mark.parametrize("fault", [None, *(fault for fault in Fault if fault not in FAULT_PAGES)])
def test_where_there_was_no_answer_none_arrives(fault: Fault | None) -> None:
    assert answer_received(AnswerFault("it", fault), None) is None
