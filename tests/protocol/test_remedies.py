"""Remedies: what each puts in the place of what came. Reading: R24."""

from datetime import datetime

import msgspec
import pytest

from cloudsms_simulator.protocol.correction import REMEDIES, CorrectionContext, Draft
from cloudsms_simulator.protocol.profile import OBSERVED, SPEC
from cloudsms_simulator.protocol.timestamps import HONG_KONG

MODEL = CorrectionContext(SPEC, "VerifyCode_516", datetime(2026, 11, 22, 12, tzinfo=HONG_KONG))
GONE = msgspec.UNSET
LONG = "【" * 671


def remedied(
    rule: str, name: str, members: dict[str, object], model: CorrectionContext = MODEL
) -> tuple[object, str | None]:
    """What a field became, and why it did not."""
    draft = Draft(msgspec.json.decode(msgspec.json.encode(members), type=dict[str, msgspec.Raw]))
    why = REMEDIES[rule](draft, f"$.{name}", model)
    return msgspec.json.decode(draft.body).get(name, GONE), why


@pytest.mark.parametrize(
    ("rule", "name", "came", "becomes"),
    [
        ("method-wrong", "METHOD", "SMS_PUSH_REPORT", "SMS_SEND_REQUEST"),
        ("type-wrong", "TYPE", 1, "REQUEST"),
        ("serial-wrong", "SERIAL", "0042", 42),
        ("serial-wrong", "SERIAL", 42.0, 42),
        ("serial-wrong", "SERIAL", 0, 1),
        ("serial-wrong", "SERIAL", 65536, 1),
        ("time-wrong", "TIME", 1633060800, "2026-11-22 12:00:00"),
        ("version-unknown", "VERSION", "2.3", "2021-01-01"),
        ("route-unknown", "ROUTE_ID", "516", "VerifyCode_516"),
        ("sender-wrong", "ORIGINAL_ADDR", "云", GONE),
        ("signature-wrong", "SIGNATURE", 7, "7"),
        ("signature-wrong", "SIGNATURE", "云" * 22, "云" * 21),
        ("signature-wrong", "SIGNATURE", ["x"], GONE),
        ("signature-type-wrong", "SIGNATURE_TYPE", "3", 3),
        ("signature-type-wrong", "SIGNATURE_TYPE", 6, GONE),
        ("priority-wrong", "PRIORITY", "1", 1),
        ("priority-wrong", "PRIORITY", -1, GONE),
        ("priority-wrong", "PRIORITY", 2**32, GONE),
        ("repeat-wrong", "REPEAT", True, GONE),
        ("customer-body-wrong", "CUSTOMER_BODY", '{"id":7}', {"id": 7}),
        ("customer-body-wrong", "CUSTOMER_BODY", "{}", {}),
        ("customer-body-wrong", "CUSTOMER_BODY", "order-1", {"id": "order-1"}),
        ("customer-body-wrong", "CUSTOMER_BODY", {"a": 1, "b": "x" * 255, "c": 2}, {"a": 1, "c": 2}),
        ("customer-body-wrong", "CUSTOMER_BODY", {"b": "x" * 255}, GONE),
        ("content-wrong", "SMS_CONTENT", 123345, "123345"),
        ("content-too-long", "SMS_CONTENT", LONG, "[" * 671),
    ],
)
def test_a_remedy_puts_what_would_be_right(rule: str, name: str, came: object, becomes: object) -> None:
    assert remedied(rule, name, {name: came}) == (becomes, None)


@pytest.mark.parametrize(
    ("rule", "members"),
    [
        ("content-wrong", {"SMS_CONTENT": ["text"]}),
        ("content-wrong", {"SMS_CONTENT": True}),
        ("content-too-long", {"SMS_CONTENT": "A" * 1531}),
        ("content-too-long", {"SMS_CONTENT": "云" * 671 + "’"}),
        ("content-too-long", {"SMS_CONTENT": LONG + "A" * 188, "SIGNATURE": "S", "SIGNATURE_TYPE": 4}),
    ],
)
def test_a_text_is_never_made_up_or_cut(rule: str, members: dict[str, object]) -> None:
    after, why = remedied(rule, "SMS_CONTENT", members)
    assert (after, bool(why)) == (members["SMS_CONTENT"], True)


def test_the_version_is_the_profiles_own() -> None:
    model = msgspec.structs.replace(MODEL, profile=msgspec.structs.replace(OBSERVED, versions=("2020-07-12",)))
    assert remedied("version-missing", "VERSION", {}, model) == ("2020-07-12", None)
