"""The hostile corpus is answered as the platform answers it, and `make attack` sees what does not hold."""

import random
from collections.abc import Iterator
from decimal import Decimal

import chaos
import pytest
from corpus import BODIES, HEADS, Attack, Head, padded

import attack

SIZE = 16 * attack.KIB


@pytest.fixture(scope="module")
def assault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[attack.Assault]:
    with attack.attacked(tmp_path_factory.mktemp("attacked")) as (server, pulse, customer):
        yield attack.Assault(server, pulse, customer)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_hostile_body_gets_the_code_of_the_first_check_it_fails(body: Attack, assault: attack.Assault) -> None:
    assert assault.send(body, body.make(SIZE)) == ""


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_a_hostile_head_gets_an_answer(head: Head, assault: attack.Assault) -> None:
    assert assault.send_head(head, SIZE) == ""


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.name)
def test_a_hostile_body_is_as_large_as_it_is_asked_to_be(body: Attack) -> None:
    assert 0.9 * SIZE < len(body.make(SIZE)) <= SIZE


def test_every_view_of_an_input_is_an_outcome(assault: attack.Assault) -> None:
    outcomes = list(assault.run([2 * attack.KIB], [Attack("a packet in order", padded, 1)], HEADS[:1]))
    views = [outcome.view for outcome in outcomes]
    assert views == ["sent", "list", "alone", "explained", "page", "asked", "answered", "pages", "pages", "head"]
    assert [outcome.wrong for outcome in outcomes] == [""] * len(views)
    assert all(outcome.cost.wall > 0 for outcome in outcomes)
    # What the system counts for one quick answer may be nothing.
    assert sum(outcome.cost.cpu for outcome in outcomes) > 0
    assert sum(outcome.allowed for outcome in outcomes) > 0


def test_every_sixteen_inputs_and_the_last_ones_are_looked_at_on_the_page_of_the_list(assault: attack.Assault) -> None:
    bodies = [Attack(f"packet {number}", padded, 1) for number in range(1, 19)]
    outcomes = [outcome for outcome in assault.run([2 * attack.KIB], bodies, []) if outcome.view == "pages"]
    assert [outcome.name for outcome in outcomes] == ["packet 16, and before"] * 2 + ["packet 18, and before"] * 2


def test_a_wrong_answer_is_an_outcome_that_did_not_hold(assault: attack.Assault) -> None:
    wrong = Attack("a packet in order", padded, 4)
    outcome = next(assault.run([2 * attack.KIB], [wrong], []))
    assert outcome.complaints[0] == "RESULT_CODE is 0x1 instead of 0x4"


@pytest.mark.parametrize(
    ("cost", "complaints"),
    [
        (attack.Cost(0.1, 9.0, 0.1), []),
        (attack.Cost(0.1, 9.0, 0.1004), ["/livez took 100.4 ms beside it"]),
        (attack.Cost(0.1004, 9.0, 0.1), ["100.4 ms of CPU, 100.0 ms are allowed"]),
    ],
)
def test_an_outcome_is_held_to_its_limits(cost: attack.Cost, complaints: list[str]) -> None:
    assert attack.Outcome("an input", "sent", 1, cost, 0.1).complaints == complaints


def test_the_program_says_what_did_not_hold_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attack, "BODIES", (Attack("a packet in order", padded, 4),))
    assert attack.main(["--only", "in order", "--size", "2048"]) == 1
    told = capsys.readouterr().out
    assert "RESULT_CODE is 0x1 instead of 0x4" in told
    assert "1 inputs, 9 answers; 1 wrong" in told


def test_chaos_leaves_money_order_states_and_reports_as_they_must_be(capsys: pytest.CaptureFixture[str]) -> None:
    code = chaos.main(["--messages", "1000"])
    told = capsys.readouterr().out
    assert (code, "1000 messages, 0 things wrong" in told) == (0, True), told


ATTEMPT: dict[str, object] = {"at": "12:00", "status": 200, "resent": False, "repeated": False}


def test_chaos_tells_what_is_wrong_with_money() -> None:
    customer = chaos.Customer("shop", "", "1s", 1, random.Random(1))
    messages = {"A": {"state": 2}, "B": {"state": 8}}
    ledger = [
        {"reason": reason, "uid": uid, "amount": {"amount": amount}}
        for reason, uid, amount in [("opening", None, "100000"), ("debit", "A", "-0.05"), ("debit", "B", "-0.05")]
    ]
    assert chaos.wrong_with_money(customer, messages, ledger, Decimal("99999.90")) == [
        "the balance is 99999.90; opening, credits and 1 charged messages make 99999.95",
        "B in state 8 was refunded []",
    ]


def test_chaos_tells_what_is_wrong_with_a_message() -> None:
    message = {"state": 2, "state_name": "DELIVERED", "final": True}
    reports = [
        {"state": state, "outcome": outcome, "attempts": [ATTEMPT | {"at": at}]}
        for state, outcome, at in [(1, "answered", "12:00"), (2, "failed", "11:00")]
    ]
    assert chaos.wrong_with_message(message, reports, [2, 5]) == [
        "its reports ended as ['failed']",
        "the customer never heard of {1}",
        "the customer heard of {5}, which it never was in",
        "its reports were first pushed at ['12:00', '11:00']",
    ]
    assert chaos.wrong_with_message(message | {"final": False}, [], []) == ["it has no final state, but DELIVERED"]


@pytest.mark.parametrize(
    ("attempt", "wrong"),
    [
        (ATTEMPT, ["the customer heard of [1, 2, 1] in this order"]),
        (ATTEMPT | {"status": None}, []),
        (ATTEMPT | {"repeated": True}, []),
        (ATTEMPT | {"resent": True}, []),
    ],
    ids=["answered", "given up", "went out twice", "asked for"],
)
def test_chaos_tells_of_reports_out_of_order_where_nothing_excuses_it(
    attempt: dict[str, object], wrong: list[str]
) -> None:
    message = {"state": 2, "state_name": "DELIVERED", "final": True}
    reports = [{"state": state, "outcome": "answered", "attempts": [attempt]} for state in (1, 2)]
    assert chaos.wrong_with_message(message, reports, [1, 2, 1]) == wrong
