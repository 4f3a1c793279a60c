"""What the list offers beside its rows: terms to search for, and values to narrow it by."""

import pytest

from cloudsms_simulator.inbox.list_page import facets_of, search_suggestions
from cloudsms_simulator.journal.search import parse_search
from cloudsms_simulator.protocol.codes import RESULT_CODES, STATES
from cloudsms_simulator.protocol.timestamps import EPOCH


def test_every_state_and_code_can_be_chosen_and_is_a_search() -> None:
    by_state, by_code = facets_of("")
    assert (len(by_state.options), len(by_code.options)) == (len(STATES), len(RESULT_CODES))
    for _, search in (*by_state.options, *by_code.options):
        parse_search(search, EPOCH)


@pytest.mark.parametrize(
    ("query", "state", "without"),
    [
        ("", None, ""),
        ("state:DELIVERED", "DELIVERED", ""),
        ('to:852* state:EXPIRED content:"state: of things"', "EXPIRED", 'to:852* content:"state: of things"'),
        ("-state:DELIVERED is:final", None, "is:final"),
        ('state:"DELIVERED" a', None, "a"),
        ("state:2 state:3", None, ""),
    ],
)
def test_the_rest_of_a_search_stays(query: str, state: str | None, without: str) -> None:
    by_state, by_code = facets_of(query)
    assert (by_state.chosen, by_state.without) == (state, without)
    assert dict(by_state.options)["UNDELIVERABLE"] == f"{without} state:UNDELIVERABLE".strip()
    assert (by_code.chosen, by_code.without) == (None, query)


def test_every_suggestion_but_a_bare_field_is_a_search_and_none_comes_twice(door) -> None:
    offered = search_suggestions(door.context)
    assert {"state:EXPIRED", "code:Busy", "is:final", "kind:handshake", "account:shop", "to:"} <= set(offered)
    assert len(offered) == len(set(offered))
    for term in offered:
        if not term.endswith(":"):
            parse_search(term, EPOCH)
