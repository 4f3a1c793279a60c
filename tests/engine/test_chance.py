"""Chance: the same draw whenever the same is asked, and otherwise another.

Reading: R21.
"""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine import plan as chance_module
from cloudsms_simulator.engine.plan import Chance

CHANCE = Chance(seed=42, recipient="85267000011", n=1)
MANY = [Chance(42, f"852670{index:05}", 1) for index in range(10_000)]

chances = st.builds(Chance, st.integers(), st.text(), st.integers(1))


def test_the_same_is_drawn_whenever_the_same_is_asked() -> None:
    assert CHANCE.draw("flaky") == Chance(42, "85267000011", 1).draw("flaky")


def test_a_draw_of_yesterday_comes_out_the_same_today() -> None:
    draws = [CHANCE.draw("flaky"), CHANCE.draw("flaky", "delay"), Chance(-1, "", 0).draw("")]
    assert draws == [0.8363110439439616, 0.20939074711089378, 0.5827439980556263]


@pytest.mark.parametrize(
    "change", [{"seed": 43}, {"recipient": "85267000012"}, {"n": 2}], ids=lambda change: next(iter(change))
)
def test_another_seed_recipient_or_place_draws_another_number(change: dict[str, object]) -> None:
    assert msgspec.structs.replace(CHANCE, **change).draw("flaky") != CHANCE.draw("flaky")


def test_rules_and_purposes_of_a_rule_draw_independently() -> None:
    draws = [CHANCE.draw(rule, purpose) for rule in ("flaky", "slow") for purpose in ("", "match", "delay")]
    assert len(set(draws)) == 6


def test_what_a_draw_depends_on_does_not_run_together() -> None:
    draws = {
        Chance(1, "23", 4).draw("5"),
        Chance(1, "2", 34).draw("5"),
        Chance(12, "3", 4).draw("5"),
        Chance(1, "3", 4).draw("52"),
        Chance(1, "23", 4).draw("", "5"),
    }
    assert len(draws) == 5


@given(chances, st.text(), st.text())
def test_every_draw_is_from_0_up_to_but_not_including_1(chance: Chance, rule: str, purpose: str) -> None:
    assert 0 <= chance.draw(rule, purpose) < 1


@pytest.mark.parametrize(("digest", "drawn"), [(b"\xff" * 8, 1 - 2**-53), (bytes(8), 0.0)], ids=["largest", "smallest"])
def test_the_largest_draw_is_below_1(monkeypatch: pytest.MonkeyPatch, digest: bytes, drawn: float) -> None:
    class Digest:
        def __init__(self, _said: bytes, digest_size: int) -> None:
            assert digest_size == len(digest)

        def digest(self) -> bytes:
            return digest

    monkeypatch.setattr(chance_module, "blake2b", Digest)
    assert CHANCE.draw("flaky") == drawn


def test_a_name_no_utf_8_can_hold_draws_too() -> None:
    assert 0 <= CHANCE.draw("\ud800") < 1


def test_the_draws_of_many_recipients_are_spread_evenly() -> None:
    tenths = [0] * 10
    for chance in MANY:
        tenths[int(chance.draw("flaky") * 10)] += 1
    assert all(900 < count < 1_100 for count in tenths)


def test_two_rules_that_draw_for_the_same_recipients_have_nothing_in_common() -> None:
    both = sum(chance.draw("flaky") < 0.5 and chance.draw("slow") < 0.5 for chance in MANY)
    assert 2_300 < both < 2_700
