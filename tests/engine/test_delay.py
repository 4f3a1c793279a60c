"""Delays: fixed, uniform, lognormal, and listed ones that come round again.

Reading: R21.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.plan import (
    EXPIRY,
    LONGEST_DRAWN_DELAY,
    Chance,
    Delay,
    Fixed,
    Listed,
    Lognormal,
    Uniform,
    draw_delay,
)

SECOND = timedelta(seconds=1)
MILLISECOND = timedelta(milliseconds=1)
OBSERVED = Lognormal(median=7 * SECOND, sigma=0.8, minimum=SECOND)


def draws(delay: Delay, count: int = 4_000, seed: int = 42) -> list[timedelta]:
    """Sorted, one for each of many recipients."""
    return sorted(draw_delay(delay, Chance(seed, f"852670{index:05}", 1), "slow") for index in range(count))


def test_a_fixed_delay_is_always_the_same() -> None:
    assert set(draws(Fixed(3 * SECOND), 100)) == {3 * SECOND}


def test_a_uniform_delay_is_anything_between_its_bounds_each_as_likely() -> None:
    all_of_them = draws(Uniform(200 * MILLISECOND, 900 * MILLISECOND))
    assert 200 * MILLISECOND <= all_of_them[0] < 205 * MILLISECOND
    assert 895 * MILLISECOND < all_of_them[-1] <= 900 * MILLISECOND
    assert 535 * MILLISECOND < all_of_them[2_000] < 565 * MILLISECOND


def test_a_uniform_delay_between_equal_bounds_is_that() -> None:
    assert set(draws(Uniform(SECOND, SECOND), 10)) == {SECOND}


def test_half_of_the_lognormal_draws_are_below_the_median() -> None:
    below = sum(delay < 7 * SECOND for delay in draws(OBSERVED))
    assert 1_900 < below < 2_100


def test_a_lognormal_delay_has_the_spread_its_sigma_says() -> None:
    all_of_them = draws(Lognormal(7 * SECOND, 0.8))
    # One standard deviation up and down is a factor of e ** 0.8.
    assert 6.2 < all_of_them[int(4_000 * 0.841)] / SECOND / 2.2255 < 7.8
    assert 6.2 < all_of_them[int(4_000 * 0.159)] / SECOND * 2.2255 < 7.8


def test_no_lognormal_delay_is_below_its_minimum_and_some_are_just_that() -> None:
    all_of_them = draws(OBSERVED)
    assert all_of_them[0] == SECOND
    assert all_of_them[1_000] > SECOND


def test_without_a_sigma_a_lognormal_delay_is_its_median() -> None:
    assert set(draws(Lognormal(7 * SECOND, 0.0), 100)) == {7 * SECOND}


def test_the_tail_of_a_lognormal_delay_is_cut_off_long_after_every_message_expired() -> None:
    all_of_them = draws(Lognormal(7 * SECOND, 1_000.0), 100)
    assert (all_of_them[0], all_of_them[-1]) == (timedelta(), LONGEST_DRAWN_DELAY)
    assert EXPIRY < LONGEST_DRAWN_DELAY


def test_a_minimum_holds_even_beyond_the_tail() -> None:
    assert set(draws(Lognormal(SECOND, 1.0, 2 * LONGEST_DRAWN_DELAY), 10)) == {2 * LONGEST_DRAWN_DELAY}


@pytest.mark.parametrize("number", [0.0, 2**-53, 0.5, 1 - 2**-53])
def test_no_draw_of_chance_is_too_small_or_too_large_for_a_delay(
    monkeypatch: pytest.MonkeyPatch, number: float
) -> None:
    monkeypatch.setattr(Chance, "draw", lambda _chance, _rule, _purpose: number)
    assert SECOND <= draw_delay(OBSERVED, Chance(1, "", 1), "slow") < timedelta(hours=2)


def test_listed_delays_come_one_after_the_other_and_then_again() -> None:
    listed = Listed((SECOND, 2 * SECOND, 9 * SECOND))
    told = [draw_delay(listed, Chance(42, "85267000011", n), "slow") / SECOND for n in range(1, 8)]
    assert told == [1, 2, 9, 1, 2, 9, 1]


def test_each_recipient_has_the_listed_delays_for_itself() -> None:
    assert set(draws(Listed((SECOND, 2 * SECOND)), 100)) == {SECOND}


delays = st.one_of(
    st.builds(Fixed, st.timedeltas(timedelta(), EXPIRY)),
    st.builds(Listed, st.lists(st.timedeltas(timedelta(), EXPIRY), min_size=1).map(tuple)),
    st.tuples(st.timedeltas(timedelta(), EXPIRY), st.timedeltas(timedelta(), EXPIRY)).map(
        lambda bounds: Uniform(min(bounds), max(bounds))
    ),
    st.builds(
        Lognormal,
        st.timedeltas(timedelta(), EXPIRY),
        st.floats(0, 1e6),
        st.timedeltas(timedelta(), EXPIRY),
    ),
)


@given(delays, st.integers(), st.text(), st.integers(1, 10_000))
def test_a_delay_is_never_negative_nor_endless_and_the_same_for_the_same_seed(
    delay: Delay, seed: int, recipient: str, n: int
) -> None:
    told = draw_delay(delay, Chance(seed, recipient, n), "slow")
    assert timedelta() <= told <= LONGEST_DRAWN_DELAY
    assert told == draw_delay(delay, Chance(seed, recipient, n), "slow")


def test_delays_of_one_rule_for_different_purposes_are_drawn_apart() -> None:
    chance = Chance(42, "85267000011", 1)
    assert draw_delay(OBSERVED, chance, "slow", "reply") != draw_delay(OBSERVED, chance, "slow", "delay")
