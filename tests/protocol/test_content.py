"""The text of a message: signature, byte rule, slips."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.protocol.segmentation import (
    Segmentation,
    byte_rule,
    counters,
    placeholders,
    signed_text,
    typed_signature,
)


@pytest.mark.parametrize("signature_type", [None, 5])
def test_a_signature_without_a_place_changes_nothing(signature_type: int | None) -> None:
    assert signed_text("Hello", "CloudSMS", signature_type) == "Hello"


@pytest.mark.parametrize("signature", [None, ""])
@pytest.mark.parametrize("signature_type", [None, 1, 2, 3, 4, 5])
def test_a_type_without_a_signature_changes_nothing(signature: str | None, signature_type: int | None) -> None:
    assert signed_text("Hello", signature, signature_type) == "Hello"


@pytest.mark.parametrize("signature_type", [0, 6, -1, 2**40])
def test_a_type_outside_the_table_changes_nothing(signature_type: int) -> None:
    assert signed_text("Hello", "CloudSMS", signature_type) == "Hello"


def test_brackets_already_typed_are_sent_as_they_are() -> None:
    assert signed_text("[CloudSMS] Hello", "CloudSMS", 3) == "[CloudSMS] [CloudSMS] Hello"


def test_braces_in_a_signature_are_no_format() -> None:
    assert signed_text("{0}", "{}%s", 1) == "【{}%s】{0}"


@given(st.text(), st.text(min_size=1), st.integers(1, 5))
def test_the_text_stays_whole_beside_its_signature(text: str, signature: str, signature_type: int) -> None:
    signed = signed_text(text, signature, signature_type)

    assert signed.startswith(text) or signed.endswith(text)
    assert len(signed) - len(text) == {3: len(signature) + 3, 5: 0}.get(signature_type, len(signature) + 2)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("", 0), ("A\n", 2), ("é", 2), ("aé", 4), ("😀", 4), ("a😀", 6), ("\x7f", 1), ("\x80", 2)],
)
def test_bytes_are_one_each_in_ascii_and_two_a_unit_otherwise(text: str, octets: int) -> None:
    assert byte_rule(text) == octets


@pytest.mark.parametrize(
    ("text", "doubled"),
    [
        ("[CloudSMS] Hello", "[CloudSMS]"),
        ("【CloudSMS】Hello", "【CloudSMS】"),
        ("Hello [cloudsms]", "[cloudsms]"),
        ("  [ CloudSMS ] Hello", "[ CloudSMS ]"),
        ("Hello ［CloudSMS］\n", "［CloudSMS］"),
        ("[CloudSMS][CloudSMS]", "[CloudSMS]"),
        ("Hello [ CLOUDSMS\t]", "[ CLOUDSMS\t]"),
        ("[CloudSMS", None),
        ("CloudSMS]", None),
        ("Hello", None),
        ("CloudSMS says hello", None),
        ("[Reminder] Hello", None),
        ("Ask [CloudSMS] for more", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("signature_type", [1, 2, 3, 4])
def test_a_signature_typed_into_the_text_is_named(text: str, doubled: str | None, signature_type: int) -> None:
    assert typed_signature(text, "CloudSMS", signature_type) == doubled


@pytest.mark.parametrize("signature", ["[CloudSMS]", "【CloudSMS】", "[]"])
def test_a_signature_with_its_own_brackets_is_named(signature: str) -> None:
    assert typed_signature("Hello", signature, 1) == signature


def test_a_signature_with_regular_expression_signs_is_read_as_it_is() -> None:
    assert typed_signature("[a.c+] Hello", "a.c+", 3) == "[a.c+]"
    assert typed_signature("[abcc] Hello", "a.c+", 3) is None


@pytest.mark.parametrize(
    ("signature", "signature_type"),
    [("CloudSMS", 5), ("CloudSMS", None), (None, 1), ("", 1), ("[X]", 5), ("[X]", None)],
)
def test_nothing_is_doubled_when_no_brackets_are_added(signature: str | None, signature_type: int | None) -> None:
    assert typed_signature("[CloudSMS] Hello", signature, signature_type) is None


@pytest.mark.parametrize(
    ("text", "placeholder"),
    [
        ("Your code is ${code}", "${code}"),
        ("Hi {{ user.name }}, ${code}", "{{ user.name }}"),
        ("{{{name}}}", "{{name}}"),
        ("${}", "${}"),
        ("Dear {name}, hello", "{name}"),
        ("{0} has sent you {1}", "{0}"),
        ("尊敬的{姓名}", "{姓名}"),
        ("Hi [first_name]!", "[first_name]"),
        ("Hi [FIRST_NAME]!", "[FIRST_NAME]"),
        ("Hi [name]!", "[name]"),
        ("Regards, [Your Company]", "[Your Company]"),
        ("Code <code> or <user_name>", "<code>"),
        ("您的验证码是#code#", "#code#"),
        ("Dear %first_name%", "%first_name%"),
        ("Your code is %s.", "%s"),
        ("Your code is %(code)s.", "%(code)s"),
        ("You have %1$s left", "%1$s"),
        ("Your code is undefined", "undefined"),
        ("Dear null, welcome", "Dear null"),
        ("Your code is null", "code is null"),
        ("Total [object Object]", "[object Object]"),
        ("It costs NaN", "NaN"),
        ("Please input your sms content", "Please input your sms content"),
        ("please input the text here", "please input the text here"),
        ("Use {{code}} now", "{{code}}"),
        ("Use {{1}} now", "{{1}}"),
        ("Use {{CODE}} now", "{{CODE}}"),
        ("Use {{SAVE10}} now", None),
        ("Use {{ SAVE10 }} or {SAVE10} now", None),
        ("Use [SAVE10] now", None),
        ("[CloudSMS] Hello", None),
        ("[Reminder] your parcel is here", None),
        ("50% sale, 100%sure, 5 %d'économie", None),
        ("Save 20%! Up to 50%off%", None),
        ("Please input your code 123456 within 5 minutes", None),
        ("Please enter your PIN", None),
        ("null Prozent Zinsen", None),
        ("I <3 you, #love and #sms", None),
        ('{"a":1}', None),
        ("{50 HKD}", None),
        ("${code", None),
        ("{{code}", None),
        ("", None),
    ],
)
def test_the_first_placeholder_nobody_filled_in_is_named(text: str, placeholder: str | None) -> None:
    assert placeholders(text) == placeholder


@pytest.mark.parametrize(
    "text",
    [
        "{{" * 2**19,
        "${" * 2**19,
        "$" * 2**20,
        "[ " * 2**19,
        " " * 2**20,
        "%" * 2**20,
        "[a_" * 2**18,
        "{a" * 2**19,
        "<a_" * 2**18,
        "%(a" * 2**18,
        "please input your " * 2**16,
        "1/" * 2**19,
    ],
)
def test_the_largest_text_is_searched(text: str) -> None:
    assert placeholders(text) is None
    assert typed_signature(text, "CloudSMS", 1) is None
    assert counters(text, Segmentation(0, len(text), 10)) == ()
