"""The history of a message: from its request to the answer to its last report, and what is to come. Reading: R25."""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.delivery import ForceRequest
from cloudsms_simulator.engine.diagnosis import findings_of
from cloudsms_simulator.engine.explanation import HistoryEntry, history_of
from cloudsms_simulator.engine.faults import Fault, PushFault
from cloudsms_simulator.engine.money import Money
from cloudsms_simulator.engine.plan import ReportOptions, Step, plan_of, step
from cloudsms_simulator.engine.records import PushResult
from cloudsms_simulator.engine.rules import CompiledRules, Condition, FaultRule, ReplyStep, Rule, RuleBook
from cloudsms_simulator.protocol.codes import ResultCode

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
URL = "http://127.0.0.1:59999/"
BODY = {"CUSTOMER_BODY": {"order": 1}}
BEGINNING = ["received", "checked", "decided", "priced", "debited", "answered"]


def told(here, sent, place: int = 0) -> tuple[HistoryEntry, ...]:
    """The history of one message of a submission."""
    account, message = here.accounts[0], sent.messages[place]
    findings = findings_of(message.sending, tuple(filter(None, sent.messages)), account, clock_is_real=False)
    reports = here.store.reports_of(account, message.uid)
    found = history_of(message, reports, here.ledger(), findings, here.now)
    assert [entry.at for entry in found] == sorted(entry.at for entry in found)
    return found


def kinds(entries: tuple[HistoryEntry, ...]) -> list[str]:
    return [entry.kind for entry in entries]


def text_of(entries: tuple[HistoryEntry, ...], kind: str) -> str:
    [text] = [entry.text for entry in entries if entry.kind == kind]
    return text


def pushed(*steps: Step, retries: tuple[timedelta, ...] = (), **account: object) -> Account:
    plan = plan_of(*steps) if steps else plan_of(step(2, SECOND))
    return Account(plan=plan, callback=Callback(url=URL, retries=retries), **account)


def test_it_begins_with_the_request_and_ends_with_the_answer_to_the_last_report(world, noon) -> None:
    here = world(pushed(step(1, SECOND), step(2, HOUR)))
    sent = here.send(**BODY)
    before = told(here, sent)
    assert kinds(before) == [*BEGINNING, "planned", "planned"]
    assert [entry.is_to_come for entry in before] == [False] * 6 + [True, True]
    assert [entry.text for entry in before] == [
        "Request 1 arrived from 127.0.0.1:50000.",
        "The packet and destination 1 of its list passed every check.",
        "What becomes of it was decided by default: no rule and no magic number has a say: the account's own report "
        "follows.",
        "1 segment at USD 0.05: USD 0.05.",
        "USD 0.05 was debited, which left a balance of USD 999.95.",
        "The request was answered, this destination with 0x01 OK.",
        "ENROUTE is due.",
        "DELIVERED is due.",
    ]
    here.advance(HOUR)
    after = told(here, sent)
    assert kinds(after) == [*BEGINNING, "reached", "report", "pushed", "reached", "report", "pushed"]
    assert [entry.at for entry in after] == [noon] * 6 + [noon + SECOND] * 3 + [noon + HOUR] * 3
    assert [entry.text for entry in after[6:]] == [
        "It reached ENROUTE.",
        f"Report {sent.uid}-1 tells ENROUTE.",
        f"Push 1, SERIAL 1, to {URL}: answered HTTP 200.",
        "It reached DELIVERED, its final state.",
        f"Report {sent.uid}-2 tells DELIVERED.",
        f"Push 1, SERIAL 2, to {URL}: answered HTTP 200.",
    ]
    assert [(entry.report, entry.attempt, entry.state) for entry in after[6:9]] == [
        (1, None, 1),
        (1, None, 1),
        (1, 1, 1),
    ]


def test_money_is_told_as_the_ledger_has_it(world) -> None:
    here = world(pushed(step(8, SECOND), prices={852: Decimal("0.0475")}, currency="HKD"))
    sent = here.send(SMS_CONTENT="a" * 161, **BODY)
    here.advance(SECOND)
    amounts = {entry.kind: entry.amount for entry in told(here, sent) if entry.amount is not None}
    cost = Decimal("0.0950")
    assert amounts == {
        "priced": Money(cost, "HKD"),
        "debited": Money(-cost, "HKD"),
        "refunded": Money(cost, "HKD"),
    }
    assert text_of(told(here, sent), "refunded") == (
        "HKD 0.0950 came back, since a message in this state is not charged, which left a balance of HKD 1000.0000."
    )


def test_on_an_unlimited_balance_nothing_is_debited(world) -> None:
    here = world(pushed(step(8, SECOND), balance="unlimited"))
    sent = here.send(**BODY)
    here.advance(SECOND)
    assert "debited" not in kinds(told(here, sent))
    assert text_of(told(here, sent), "refunded").endswith("in this state is not charged.")


def test_a_local_rejection_is_told_and_costs_nothing(world) -> None:
    here = world(pushed())
    sent = here.send((65, "61234567"), **BODY)
    assert kinds(told(here, sent)) == ["received", "finding", "checked", "rejected", "priced", "answered", "planned"]
    assert "decided by local rejection local-rejected: " in text_of(told(here, sent), "rejected")
    assert text_of(told(here, sent), "priced") == "It costs nothing: it was rejected locally."


def test_findings_about_other_destinations_are_not_its_own(world) -> None:
    here = world(pushed())
    sent = here.send((852, "67000011"), (65, "61234567"), TIME="now", **BODY)
    rules = [[entry.finding.rule for entry in told(here, sent, place) if entry.finding] for place in (0, 1)]
    assert rules == [["time-format"], ["time-format", "local-rejected"]]


def test_the_rule_that_decided_and_the_fault_that_befell_the_answer_are_told(world) -> None:
    book = RuleBook(
        name="both",
        rules=(Rule(id="steps", condition=Condition(to=("852*",)), replies=(ReplyStep(ResultCode.OK, None),)),),
        faults=(FaultRule(id="unheard", fault=Fault.PROCESSED_NO_ANSWER),),
    )
    here = world(pushed(rules=CompiledRules(book)))
    here.receive(here.packet(**BODY))
    [message] = here.store.messages(here.accounts[0])
    entries = history_of(message, (), here.ledger(), (), here.now)
    assert text_of(entries, "decided") == "What becomes of it was decided by rule steps: a rule of the scenario."
    assert text_of(entries, "answered") == 'PROCESSED_NO_ANSWER befell the answer, as "unheard" says.'


def test_of_a_push_that_went_out_twice_the_reason_is_told(world) -> None:
    here = world(pushed(step(2, SECOND)))
    here.customer = lambda _push: PushResult(200, repeated=True)
    sent = here.send(**BODY)
    here.advance(SECOND)
    [text] = [entry.text for entry in told(here, sent) if entry.kind == "pushed"]
    assert text == (
        f"Push 1, SERIAL 1, to {URL}: answered HTTP 200 without a body. It went out twice: "
        "the server had closed the connection it first went out on, and may have read it."
    )


def test_every_push_is_told_with_what_is_wrong_with_its_answer_and_the_next_one(world, noon) -> None:
    here = world(pushed(step(2, SECOND), retries=(SECOND, HOUR)))
    results = iter([PushResult(503), PushResult(failure="push-refused", error="connection refused"), PushResult(200)])
    here.customer = lambda _push: next(results)
    sent = here.send(**BODY)
    here.advance(2 * SECOND)
    entries = told(here, sent)[8:]
    assert [(entry.kind, entry.attempt, entry.at - noon) for entry in entries] == [
        ("pushed", 1, SECOND),
        ("finding", 1, SECOND),
        ("pushed", 2, 2 * SECOND),
        ("finding", 2, 2 * SECOND),
        ("retry", 3, 2 * SECOND + HOUR),
    ]
    assert entries[0].text == f"Push 1, SERIAL 1, to {URL}: answered HTTP 503 without a body."
    pushes = [entry.text for entry in entries if entry.kind == "pushed"]
    assert pushes[1] == f"Push 2, SERIAL 2, to {URL}: connection refused."
    assert text_of(entries, "retry") == f"Push 3 of report {sent.uid}-1 is due."
    here.advance(HOUR)
    assert told(here, sent)[-1].finding is not None, "an empty answer is none"


@pytest.mark.parametrize(
    ("retries", "kind", "text"),
    [((), "failed", "Report {0}-1 failed."), ((SECOND,), "abandoned", "Report {0}-1 was abandoned after 2 pushes.")],
)
def test_a_report_that_never_arrived_is_told_so(world, retries: object, kind: str, text: str) -> None:
    here = world(pushed(retries=retries))
    here.customer = lambda _push: PushResult(failure="push-refused", error="connection refused")
    sent = here.send(**BODY)
    here.advance(HOUR)
    assert (told(here, sent)[-1].kind, told(here, sent)[-1].text) == (kind, text.format(sent.uid))


def test_a_report_that_is_pushed_nowhere_is_told_so(world) -> None:
    here = world(pushed(step(1, SECOND, lost=True), step(2, 2 * SECOND)))
    sent = here.send(**BODY)
    assert text_of(told(here, sent)[:-1], "planned") == "ENROUTE is due, and its report is lost."
    here.advance(SECOND)
    here.replace(msgspec.structs.replace(here.accounts[0], callback=Callback()))
    here.advance(SECOND)
    assert text_of(told(here, sent), "lost") == "The report is lost: it is never pushed."
    assert text_of(told(here, sent), "no_callback") == "It was pushed nowhere: the account had no callback."


def test_a_push_that_is_on_the_way_is_not_over(world) -> None:
    fault = ReportOptions(fault=PushFault.RESET)
    here = world(pushed(Step(2, SECOND, True, manner=fault)))
    sent = here.send(**BODY)
    here.now += SECOND
    [push] = here.due()
    here.now += HOUR
    last = told(here, sent)[-1]
    assert (last.kind, last.at, last.is_to_come) == ("pushing", here.now, True)
    here.record(push, PushResult(failure="push-failed", error="cut off"))
    assert [entry.text for entry in told(here, sent) if entry.kind == "pushed"] == [
        f"Push 1, SERIAL 1, to {URL}: RESET befell it, cut off."
    ]


def test_what_comes_too_late_is_told_as_dropped(world, noon) -> None:
    here = world(pushed(step(2, 26 * HOUR)))
    sent = here.send(**BODY)
    expiry, dropped = told(here, sent)[-2:]
    assert (expiry.kind, expiry.text) == ("expiry", "It expires, without a final state by then.")
    assert (dropped.kind, dropped.at, dropped.is_to_come) == ("dropped", noon + 26 * HOUR, False)
    assert dropped.text == "DELIVERED would come now, and is dropped: the message has expired by then."


def force(here, uid: str, wish: ForceRequest) -> None:
    here.step(lambda transaction: here.platform.force(transaction, uid, wish, here.now), uid)


def test_what_was_done_by_hand_is_told(world, noon) -> None:
    here = world(pushed(step(2, HOUR)))
    sent = here.send(**BODY)
    force(here, sent.uid, ForceRequest(5, SECOND, True))
    [forced] = [entry for entry in told(here, sent) if entry.kind == "forced"]
    assert (forced.at, forced.report, forced.state) == (noon, 1, 5)
    assert forced.text == "UNDELIVERABLE was forced by hand, to be reached at 2026-11-22T12:00:01+08:00."
    here.advance(SECOND)
    here.step(lambda transaction: here.platform.resend(transaction, sent.uid, 1, here.now), sent.uid)
    force(here, sent.uid, ForceRequest(8, SECOND, True, again=True))
    here.advance(HOUR)
    entries = told(here, sent)
    assert [entry.text for entry in entries if entry.kind == "pushed"] == [
        f"Push 1, SERIAL 1, to {URL}: answered HTTP 200.",
        f"Push 2 by hand, SERIAL 2, to {URL}: answered HTTP 200.",
        f"Push 1, SERIAL 3, to {URL}: answered HTTP 200.",
    ]
    assert [entry.report for entry in entries if entry.kind == "reached"] == [1]
    assert [entry.report for entry in entries if entry.kind == "report"] == [1, 2]


def test_a_state_that_was_forced_too_late_is_told_as_dropped(world) -> None:
    here = world(pushed())
    sent = here.send(**BODY)
    force(here, sent.uid, ForceRequest(5, 26 * HOUR, True))
    assert kinds(told(here, sent))[6:] == ["forced", "expiry", "dropped"]
