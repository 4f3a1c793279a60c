"""Values as people read them: nothing hides, nothing turns what stands beside it."""

import pytest

from cloudsms_simulator.server.inbox.typography import as_code, between_tags, state_name, visible


def test_control_characters_are_pictures_of_themselves() -> None:
    assert visible("a\x00b\x7fc\n\td") == "a␀b␡c\n\td"


@pytest.mark.parametrize("character", ["\u202e", "\u2066", "\u200f", "\u061c"])
def test_code_shows_what_would_turn_its_direction(character: str) -> None:
    assert as_code(f"a{character}b\x01") == f"a\\u{ord(character):04x}b␁"
    assert visible(character) == character, "a phone turns"


def test_a_text_between_tags_is_no_element() -> None:
    assert between_tags('<b a="1">&amp;') == '&lt;b a="1"&gt;&amp;amp;'


@pytest.mark.parametrize(("state", "name"), [(2, "DELIVERED"), (42, "UNKNOWN"), (None, "")])
def test_a_state_has_a_name_as_soon_as_there_is_one(state: int | None, name: str) -> None:
    assert state_name(state) == name
