"""What asserts growth finds work that grows faster, on a clock which only that work moves."""

import time
from collections.abc import Callable

import pytest
from growth import KIB, Case, assert_linear

Spent = Callable[[int], float]
MICRO = 1e-6


@pytest.fixture
def costing(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Spent], Case[int]]:
    """Makes a case whose work takes so many seconds for a size."""
    now = 0.0
    monkeypatch.setattr(time, "process_time", lambda: now)

    def case(name: str, spent: Spent) -> Case[int]:
        def work(size: int) -> None:
            nonlocal now
            now += spent(size)

        return Case(name, work, lambda size: size)

    return case


@pytest.mark.parametrize(
    "spent",
    [
        pytest.param(lambda size: MICRO * size, id="a straight line"),
        pytest.param(lambda size: 0.1 + MICRO * size, id="a straight line that begins high"),
        pytest.param(lambda size: MICRO * min(size, 2000), id="work that ends"),
        pytest.param(lambda size: MICRO * size * (3 if size > 100 * KIB else 1), id="a step within what is allowed"),
    ],
)
def test_linear_work_is_let_pass(spent: Spent, costing: Callable[[str, Spent], Case[int]]) -> None:
    assert_linear([costing("work", spent)])


@pytest.mark.parametrize(
    "spent",
    [
        pytest.param(lambda size: MICRO * size * size, id="at once"),
        pytest.param(lambda size: MICRO * size + MICRO * size * size / 100_000, id="beside linear work"),
        pytest.param(lambda size: 0.01 + MICRO * size * size / 50_000, id="behind a high beginning"),
        pytest.param(lambda size: MICRO / 100 * (size + size * size / 50_000), id="in what takes little at 64 KiB"),
    ],
)
def test_quadratic_work_is_found_beside_what_costs_more(
    spent: Spent, costing: Callable[[str, Spent], Case[int]]
) -> None:
    dearer = costing("linear", lambda size: 1000 * MICRO * size)

    with pytest.raises(AssertionError, match=r"^quadratic: .* more than linear"):
        assert_linear([dearer, costing("quadratic", spent)])


def test_the_dearest_case_is_measured_at_1_mib_whatever_its_first_steps_say(
    costing: Callable[[str, Spent], Case[int]],
) -> None:
    late = costing("late", lambda size: MICRO * size * (5 if size > 100 * KIB else 1))

    with pytest.raises(AssertionError, match=r"^late: 65,536 characters took .* 1,048,576 took"):
        assert_linear([costing("early", lambda size: MICRO * size / 2), late])
