"""Which regular expressions of rules may take very long, and which part of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.config.slow_regex import REGEX_ERRORS, slow_part


@pytest.mark.parametrize(
    ("expression", "part"),
    [
        (r"(a+)+$", "(a+)+"),
        (r"^code (a+)+$", "(a+)+"),
        (r"(a|a)*$", "(a|a)*"),
        (r"(a|b|ab)*c", "(a|b|ab)*"),
        (r"(.*)*", "(.*)*"),
        (r"(.*,)*x", "(.*,)*"),
        (r"(\s*\d+)*", r"(\s*\d+)*"),
        (r"^(\w+\s?)*$", r"(\w+\s?)*"),
        (r"(\d|\w)*x", r"(\d|\w)*"),
        (r"([a-z]+)*@", "([a-z]+)*"),
        (r"(x+x+)+y", "(x+x+)+"),
        (r"(?P<all>(a*b*)*)", "(a*b*)*"),
        (r"(?:a{1,5})*$", "(?:a{1,5})*"),
        (r"(?:a{2,})*$", "(?:a{2,})*"),
        (r"(?=(a+)+$)b", "(a+)+"),
        (r"(?i)(?:a+?)+$", "(?:a+?)+"),
        ("(?x) ( a+ # the letter (\n )+ $", "( a+ # the letter (\n )+"),
        (r"((?#why)a+)+$", "((?#why)a+)+"),
        (r"(?:[]a]+)+$", "(?:[]a]+)+"),
        (r"(?:[\]\-x]+)+$", r"(?:[\]\-x]+)+"),
        (r"(?:\x61+|b)+$", r"(?:\x61+|b)+"),
        (r"a*a*a*$", "a*a*"),
        (r"\w+\d+x", r"\w+\d+"),
        (r"\s*\s*x", r"\s*\s*"),
    ],
)
def test_an_expression_with_many_ways_to_take_a_text(expression: str, part: str) -> None:
    assert slow_part(expression) == part


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "code",
        r"\b[0-9]{6}\b",
        r"(?i)code is (\d+)",
        r"code.*\d+",
        r"(\d+,)*x",
        r"(?:[a-z]+\s)*end",
        r"(?:foo|far)*$",
        r"(?:验证码|code).{0,20}?(\d{4,8})",
        r"^\s*\S+\s*$",
        r"(?>a+)+$",
        r"(?:a++)+$",
        r"(?:a{2,3}){2,3}",
        r"[]a-]*x",
        r"([^\]]+])*x",
        r"\(a+\)+$",
        r"[(a+)+]$",
        r"(a?)*x",
        r"(?P<quote>['\"])[^'\"]*(?P=quote)",
        r"(a)(?(1)b+|c+)\1",
        r"a{b}",
        r"(?:\d{3})+$",
    ],
)
def test_an_expression_with_one_way_to_take_a_text(expression: str) -> None:
    assert slow_part(expression) is None


@given(st.text("ab(|)*+?{1,}[]^-\\d.$=:!<P>#xis", max_size=24))
def test_whatever_re_takes_can_be_read(expression: str) -> None:
    try:
        re.compile(expression)
    except REGEX_ERRORS:
        return
    part = slow_part(expression)
    assert part is None or part in expression


@pytest.mark.parametrize(
    ("expression", "slow"),
    [
        ("a" * 5000, None),
        ("(a|" * 90 + "b" + ")*" * 90, "(a|(a|b)*)*"),
        ("a|b" + "(?:c|d)*" * 400, None),
    ],
)
def test_a_long_expression_is_looked_at_no_longer_than_it_is_worth(expression: str, slow: str | None) -> None:
    assert slow_part(expression) == slow
