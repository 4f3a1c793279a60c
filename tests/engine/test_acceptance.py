"""Acceptance: batches, debits in their order, and what is rejected locally.

Spec: SMS Dispatching. Spec: RESULT_CODE and RESULT_DESC. Reading: R7, R8, R9.
"""

from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.acceptance import refused_with_others
from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.plan import DELIVERED_AFTER_A_SECOND, LOCAL_REJECTION, plan_of, step
from cloudsms_simulator.engine.rules import CompiledRules, Condition, Rule, RuleBook
from cloudsms_simulator.protocol.candidate import overall_code
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC
from cloudsms_simulator.protocol.segmentation import segment, signed_text

OK, INVALID, INTERCEPT, UNPRICED = 1, 0x10000001, 0x10000006, 0x1000000F
HONG_KONG, SINGAPORE_LANDLINE = (852, "67000011"), (65, "61234567")


def priced(balance: str, **prices: str) -> Account:
    """An account with prices by country, such as c852="0.05"."""
    return Account(
        balance=Decimal(balance), prices={int(country[1:]): Decimal(price) for country, price in prices.items()}
    )


# mixed_batch


@pytest.mark.parametrize(
    ("mixed_batch", "codes"),
    [
        ("any_ok", [OK, OK, INVALID, OK, UNPRICED]),
        ("first_error", [INVALID, OK, INVALID, OK, UNPRICED]),
        ("all_or_nothing", [INVALID, INVALID, INVALID, INVALID, UNPRICED]),
    ],
)
def test_a_mixed_batch_is_judged_as_the_profile_says(world, mixed_batch: str, codes: list[int]) -> None:
    profile = msgspec.structs.replace(SPEC, mixed_batch=mixed_batch)
    here = world(Account(prices={852: Decimal("0.05")}, balance=Decimal(1), profile=profile))
    sent = here.send(HONG_KONG, (852, "67-00"), HONG_KONG, (44, "7911123456"))

    assert sent.codes == codes
    accepted = [index for index, code in enumerate(codes[1:]) if code == OK]
    assert [index for index, message in enumerate(sent.messages) if message is not None] == accepted
    assert here.balance() == 1 - len(accepted) * Decimal("0.05")
    assert len({item["SMS_UID"] for item in sent.items}) == 4


def test_what_is_refused_only_because_of_others_says_so(world) -> None:
    here = world(Account(profile=msgspec.structs.replace(SPEC, mixed_batch="all_or_nothing")))
    here.send(HONG_KONG, (852, ""), HONG_KONG)

    [exchange] = here.store.exchanges(here.accounts[0])
    told = [(finding.rule, finding.path) for finding in exchange.findings if finding.severity == "error"]
    assert told == [
        ("msisdn-missing", "$.MULTI_MSISDN_LIST[1].DEST_MSISDN"),
        ("batch-refused", "$.MULTI_MSISDN_LIST[0]"),
        ("batch-refused", "$.MULTI_MSISDN_LIST[2]"),
    ]


@pytest.mark.parametrize("mixed_batch", ["any_ok", "first_error", "all_or_nothing"])
def test_a_batch_in_order_is_ok_and_one_that_is_refused_whole_has_its_first_code(mixed_batch: str) -> None:
    profile = msgspec.structs.replace(SPEC, mixed_batch=mixed_batch)
    assert overall_code({}, 3, profile) == (ResultCode.OK, {})
    all_refused = {1: ResultCode.INTERCEPT, 0: ResultCode.UNPRICED_AREA}
    assert overall_code(all_refused, 2, profile) == (ResultCode.UNPRICED_AREA, all_refused)


verdicts = st.dictionaries(st.integers(0, 9), st.sampled_from([*ResultCode][1:]))


@given(verdicts, st.sampled_from(["any_ok", "first_error", "all_or_nothing"]))
def test_no_verdict_is_ever_taken_back(own: dict[int, ResultCode], mixed_batch: str) -> None:
    code, final = overall_code(own, 10, msgspec.structs.replace(SPEC, mixed_batch=mixed_batch))
    assert own.items() <= final.items()
    assert len(final) == (10 if own and mixed_batch == "all_or_nothing" else len(own))
    assert code == (ResultCode.OK if not own or (mixed_batch == "any_ok" and len(own) < 10) else own[min(own)])
    assert len(refused_with_others(own, final)) == len(final) - len(own)


# Debits


def test_a_batch_is_debited_in_the_order_of_the_request_until_the_money_is_gone(world) -> None:
    here = world(priced("0.12", c852="0.05", c44="0.02"))
    sent = here.send(HONG_KONG, HONG_KONG, HONG_KONG, (44, "7911123456"), (44, "7911123457"))

    assert sent.codes == [OK] * 6
    assert [message.reason for message in sent.messages] == [
        None,
        None,
        "it costs 0.05 USD, and 0.02 is left",
        None,
        "it costs 0.02 USD, and 0.00 is left",
    ]
    assert [(entry.reason, entry.amount, entry.balance) for entry in here.ledger()] == [
        ("opening", Decimal("0.12"), Decimal("0.12")),
        ("debit", Decimal("-0.05"), Decimal("0.07")),
        ("debit", Decimal("-0.05"), Decimal("0.02")),
        ("debit", Decimal("-0.02"), Decimal("0.00")),
    ]


def test_a_message_that_costs_exactly_what_is_left_is_accepted(world) -> None:
    here = world(priced("0.10", c852="0.05"))
    assert here.send(HONG_KONG, HONG_KONG).messages[1].reason is None
    assert here.balance() == 0


def test_the_credit_limit_is_how_far_below_zero_the_balance_goes(world) -> None:
    account = msgspec.structs.replace(priced("0.05", c852="0.05"), credit_limit=Decimal("0.05"))
    here = world(account)
    sent = here.send(HONG_KONG, HONG_KONG, HONG_KONG)
    assert [message.reason for message in sent.messages] == [None, None, "it costs 0.05 USD, and 0.00 is left"]
    assert here.balance() == Decimal("-0.05")


def test_a_whole_message_is_debited_for_all_its_segments(world) -> None:
    here = world(priced("1.00", c852="0.0333"))
    message = here.send(HONG_KONG, SMS_CONTENT="验" * 135).message
    assert (message.price, message.cost) == (Decimal("0.0333"), Decimal("0.0999"))
    assert here.balance() == Decimal("0.9001")


def test_nothing_is_rounded_however_small(world) -> None:
    here = world(priced("999999999999.99999999", c852="0.00000001"))
    here.send(*[HONG_KONG] * 200)
    assert here.balance() == Decimal("999999999999.99999799")


def test_a_price_of_zero_is_a_price(world) -> None:
    here = world(priced("0", c852="0"))
    sent = here.send(HONG_KONG)
    assert (sent.codes, sent.message.reason, here.balance()) == ([OK, OK], None, 0)


def test_on_an_unlimited_balance_nothing_moves_and_messages_still_carry_their_cost(world) -> None:
    here = world(Account(balance="unlimited"))
    sent = here.send(*[HONG_KONG] * 200)
    assert {message.cost for message in sent.messages} == {Decimal("0.05")}
    assert (here.balance(), here.ledger()) == (None, ())


# Local rejection


def test_a_message_rejected_locally_is_accepted_on_the_wire_and_costs_nothing(world) -> None:
    here = world(Account(balance=Decimal(1)))
    sent = here.send(SINGAPORE_LANDLINE, HONG_KONG)
    rejected, accepted = sent.messages

    assert sent.codes == [OK, OK, OK]
    assert (rejected.cost, rejected.reason) == (0, "a Singapore number starts with 8 or 9, not 6")
    assert (accepted.cost, accepted.reason) == (Decimal("0.05"), None)
    assert [(entry.uid, entry.amount) for entry in here.ledger()] == [(None, 1), (accepted.uid, Decimal("-0.05"))]


def test_an_unpriced_country_is_refused_at_once_or_by_report_as_the_profile_says(world) -> None:
    sync = priced("1.00", c852="0.05")
    assert world(sync).send((44, "7911123456")).codes == [UNPRICED, UNPRICED]

    by_report = msgspec.structs.replace(sync, profile=msgspec.structs.replace(SPEC, unpriced="report"))
    here = world(by_report)
    sent = here.send((44, "7911123456"))
    assert sent.codes == [OK, OK]
    assert (sent.message.reason, sent.message.cost) == ("the account has no price for country 44", 0)
    assert here.balance() == Decimal("1.00")


def test_a_message_without_a_sender_has_the_accounts_default_one(world) -> None:
    account = Account(default_sender="Shop")
    assert world(account).send().message.sending.source == "Shop"
    assert world(account).send(ORIGINAL_ADDR="").message.sending.source == "Shop"
    assert world(account).send(ORIGINAL_ADDR="Other").message.sending.source == "Other"


# Plans


REJECTED = plan_of(step(8, timedelta(seconds=3)))
UNDELIVERABLE = plan_of(step(5, timedelta(minutes=1)))


def test_a_script_decides_on_its_own_destination_and_the_account_on_the_others(world) -> None:
    rule = Rule(id="it", condition=Condition(to=("44*",)), outlook=REJECTED)
    here = world(Account(plan=UNDELIVERABLE, rules=CompiledRules(RuleBook(rules=(rule,)))))
    sent = here.send((852, "x"), HONG_KONG, (44, "7911123456"), HONG_KONG)
    assert [message and (message.plan, message.rule) for message in sent.messages] == [
        None,
        (UNDELIVERABLE, None),
        (REJECTED, "it"),
        (UNDELIVERABLE, None),
    ]


def test_what_is_scripted_is_debited_like_anything_else(world) -> None:
    here = world(Account(balance=Decimal(1), rules=CompiledRules(RuleBook(rules=(Rule(id="it"),)))))
    message = here.send(SMS_CONTENT="验" * 135).message
    assert (message.rule, message.cost) == ("it", Decimal("0.15"))
    assert [(entry.uid, entry.amount, entry.balance) for entry in here.ledger()] == [
        (None, 1, 1),
        (message.uid, Decimal("-0.15"), Decimal("0.85")),
    ]


def test_a_local_rejection_beats_what_was_scripted(world) -> None:
    rule = Rule(id="it", outlook=REJECTED)
    sent = world(Account(balance=Decimal("0.05"), rules=CompiledRules(RuleBook(rules=(rule,))))).send(
        HONG_KONG, SINGAPORE_LANDLINE, HONG_KONG
    )
    assert [(message.plan, message.rule, message.reason is None) for message in sent.messages] == [
        (REJECTED, "it", True),
        (LOCAL_REJECTION, None, False),
        (LOCAL_REJECTION, None, False),
    ]


def test_what_a_rule_book_says_of_all_comes_before_what_the_account_does(world) -> None:
    account = Account(plan=UNDELIVERABLE, rules=CompiledRules(RuleBook(outlook=REJECTED)))
    assert (account.usual_plan, world(account).send().message.plan) == (REJECTED, REJECTED)
    assert Account(plan=UNDELIVERABLE).usual_plan == UNDELIVERABLE
    assert Account().usual_plan == DELIVERED_AFTER_A_SECOND


# What is kept


KEY = "a-key/of-the-account+0123456789"
pieces = st.sampled_from(
    ["Hello ", KEY, KEY[:20], "abc", "AUTH_KEY", '"AUTH_KEY":"', "=", "0123456789ab", '"', "\\", "验"]
)


@given(
    key=st.sampled_from([KEY, "abc", "AUTH_KEY", "plain-key-0123456789"]),
    content=st.lists(pieces, min_size=1, max_size=4).map("".join),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "SIGNATURE": st.sampled_from(["Shop", KEY, "abc", ""]),
            "SIGNATURE_TYPE": st.sampled_from([1, 3, 5, "4"]),
            "CUSTOMER_BODY": st.sampled_from([{}, {"a": KEY}, {"auth-key": "0123456789ab"}]),
            "ORIGINAL_ADDR": st.sampled_from(["", "abc"]),
        },
    ),
    slashes=st.booleans(),
    any_key=st.booleans(),
)
def test_the_text_of_a_message_is_what_was_signed_but_for_keys_however_much_of_the_body_is_masked(
    world, key: str, content: str, fields: dict[str, object], slashes: bool, any_key: bool
) -> None:
    here = world(Account(auth_key="*" if any_key else key, profile=OBSERVED))
    body = here.packet(SMS_CONTENT=content, AUTH_KEY=key, **fields)
    here.receive(body.replace(b"/", b"\\/") if slashes else body)

    [message] = here.store.messages(here.accounts[0])
    kind = fields.get("SIGNATURE_TYPE")
    signed = signed_text(content, str(fields.get("SIGNATURE", "")), None if kind is None else int(str(kind)))
    assert message.sending.text == (signed.replace(key, fingerprint(key)) if len(key) >= 8 else signed)
    assert message.sending.segmentation == segment(signed, "table")


def test_only_a_text_that_masking_has_changed_or_many_share_is_kept_beside_its_body(world) -> None:
    here = world()
    assert here.send().message.sending.kept_text is None
    assert here.send(HONG_KONG, HONG_KONG).message.sending.kept_text == "Your code is 123345"
    key = here.accounts[0].auth_key
    assert here.send(SMS_CONTENT=f"the key is {key}").message.sending.kept_text == f"the key is {fingerprint(key)}"


def test_messages_share_what_is_the_same(world) -> None:
    here = world()
    first, second = (here.send(CUSTOMER_BODY={}).message for _ in range(2))
    assert first.sending.route_id is second.sending.route_id
    assert first.sending.segmentation is second.sending.segmentation
    assert first.sending.customer_body is second.sending.customer_body
    assert first.country_code is second.country_code
    assert first.price is second.price
    assert first.plan is second.plan


def test_messages_beside_refused_ones_keep_their_place(world) -> None:
    sent = world().send((852, "x"), HONG_KONG, (852, ""), SINGAPORE_LANDLINE)
    assert [None if message is None else message.index for message in sent.messages] == [None, 1, None, 3]
    assert world().send((852, "x"), HONG_KONG).messages[1].index == 1
