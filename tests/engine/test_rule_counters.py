"""Rule counters: counts that are kept with a transaction, or not at all.

Reading: R21.
"""

from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.transaction import RuleCounter, RuleCounters

SEEN: RuleCounter = ("seen", "", "85267000011")
HITS: RuleCounter = ("hits", "flaky/busy", "")


def test_what_was_never_counted_is_0_and_asking_counts_nothing() -> None:
    tallies = RuleCounters({})
    assert tallies[SEEN] == 0
    assert tallies.written == {}


def test_counting_goes_on_from_what_is_kept_and_leaves_that_alone() -> None:
    kept = {SEEN: 4, HITS: 1}
    tallies = RuleCounters(MappingProxyType(kept))
    assert [tallies.add(SEEN), tallies.add(SEEN, 3), tallies[SEEN], tallies[HITS]] == [5, 8, 8, 1]
    assert (kept, tallies.written) == ({SEEN: 4, HITS: 1}, {SEEN: 8})


def test_a_count_can_be_set_even_to_0() -> None:
    tallies = RuleCounters({HITS: 3})
    tallies.put(HITS, 0)
    assert (tallies[HITS], tallies.written) == (0, {HITS: 0})
    assert tallies.add(HITS) == 1


@given(st.lists(st.tuples(st.sampled_from([SEEN, HITS]), st.integers(1, 5), st.booleans())))
def test_what_is_not_kept_was_never_counted(steps: list[tuple[RuleCounter, int, bool]]) -> None:
    kept: dict[RuleCounter, int] = {}
    expected = {SEEN: 0, HITS: 0}
    for tally, by, keep in steps:
        tallies = RuleCounters(kept)
        assert tallies.add(tally, by) == expected[tally] + by
        if keep:
            kept |= tallies.written
            expected[tally] += by
    assert {tally: RuleCounters(kept)[tally] for tally in expected} == expected
