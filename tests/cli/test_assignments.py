"""KEY=VALUE, as a shell hands it over."""

import click
import pytest

from cloudsms_simulator.cli.account import assignments_of


def test_values_are_texts_or_json_and_dots_lead_into_tables() -> None:
    said = (
        "name=the shop", "seed=42", "balance=10.00", "prices.852=0.0500", "prices.*=1", 'routes=["a","b"]',
        "callback.url=https://localhost/?a=b", "callback.verify=false", "profile=null", "auth_key=007", 'x="1"', "e=",
    )  # fmt: skip
    assert assignments_of(said) == {
        "name": "the shop",
        "seed": 42,
        "balance": "10.00",
        "prices": {"852": "0.0500", "*": 1},
        "routes": ["a", "b"],
        "callback": {"url": "https://localhost/?a=b", "verify": False},
        "profile": None,
        "auth_key": "007",
        "x": "1",
        "e": "",
    }


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["balance"], "want KEY=VALUE"),
        (["=1"], "want KEY=VALUE"),
        (["callback..url=x"], "want KEY=VALUE"),
        (["a=1", "a=2"], "a was said already"),
        (["a=1", "a.b=2"], "a was given a value already"),
        (["a.b=1", "a=2"], "a was said already"),
    ],
)
def test_what_is_no_assignment_is_wrong_usage(said: list[str], told: str) -> None:
    with pytest.raises(click.UsageError, match=told):
        assignments_of(said)
