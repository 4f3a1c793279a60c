"""Drafts: one value changes, the others keep their bytes."""

import msgspec

from cloudsms_simulator.protocol.correction import Change, Draft

BODY = b'{"SERIAL":1.0,"MULTI_MSISDN_LIST":[{"COUNTRY_CODE": "852", "x": 1e2},7],"HUGE":1e999}'


def draft() -> Draft:
    return Draft(msgspec.json.decode(BODY, type=dict[str, msgspec.Raw]))


def test_an_untouched_draft_is_what_it_was() -> None:
    assert (draft().body, draft().changes) == (BODY, [])


def test_values_are_read_by_the_paths_of_findings() -> None:
    one = draft()
    assert one.value("$.SERIAL") == 1.0
    assert one.value("$.MULTI_MSISDN_LIST[0].COUNTRY_CODE") == "852"
    assert one.value("$.MULTI_MSISDN_LIST[1]") == 7
    assert one.value("$.MULTI_MSISDN_LIST[0].DEST_MSISDN") is None
    assert one.value("$.TIME") is None


def test_a_field_of_an_entry_changes_alone() -> None:
    one = draft()
    one.put("$.MULTI_MSISDN_LIST[0].COUNTRY_CODE", 852, "an integer")
    assert one.body == BODY.replace(b'{"COUNTRY_CODE": "852", "x": 1e2}', b'{"COUNTRY_CODE":852,"x":1e2}')
    assert one.changes == [Change(path="$.MULTI_MSISDN_LIST[0].COUNTRY_CODE", was='"852"', to="852", why="an integer")]


def test_an_entry_that_is_no_object_is_replaced() -> None:
    one = draft()
    one.put("$.MULTI_MSISDN_LIST[1]", {"COUNTRY_CODE": 1}, "an object")
    assert one.body == BODY.replace(b",7]", b',{"COUNTRY_CODE":1}]')


def test_what_was_not_there_was_nothing_and_what_goes_becomes_nothing() -> None:
    one = draft()
    one.put("$.TIME", "now", "why")
    one.remove("$.HUGE", "too much")
    assert [(change.was, change.to) for change in one.changes] == [
        ("nothing", '"now"'),
        ("a number out of range", "nothing"),
    ]
    assert one.body == BODY.replace(b'"HUGE":1e999', b'"TIME":"now"')


def test_the_same_value_again_and_what_is_filled_in_are_no_changes() -> None:
    one = draft()
    one.put("$.MULTI_MSISDN_LIST[1]", 7, "why")
    one.fill_in("$.SERIAL", 2)
    assert (one.changes, one.value("$.SERIAL")) == ([], 2)


def test_a_change_says_from_and_to_in_json() -> None:
    change = Change(path="$.A", was="1", to="2", why="so")
    assert msgspec.json.encode(change) == b'{"path":"$.A","from":"1","to":"2","why":"so"}'


def test_entries_that_were_changed_are_seen_in_the_list_and_in_the_packet() -> None:
    draft = Draft(msgspec.json.decode(b'{"MULTI_MSISDN_LIST":[{"A":1},{"A":2}],"X":1}', type=dict[str, msgspec.Raw]))
    draft.put("$.MULTI_MSISDN_LIST[1].A", 3, "")
    draft.put("$.MULTI_MSISDN_LIST[0]", {"A": 4}, "")

    assert draft.value("$.MULTI_MSISDN_LIST") == [{"A": 4}, {"A": 3}]
    draft.put("$.MULTI_MSISDN_LIST[0].A", 5, "")
    draft.remove("$.X", "")
    assert draft.body == b'{"MULTI_MSISDN_LIST":[{"A":5},{"A":3}]}'
    draft.put("$.MULTI_MSISDN_LIST[0].A", 6, "")
    draft.put("$.MULTI_MSISDN_LIST", [], "")
    assert draft.body == b'{"MULTI_MSISDN_LIST":[]}'


def test_a_field_whose_name_is_like_an_entry_with_thousands_of_digits_is_a_field() -> None:
    name = f"MULTI_MSISDN_LIST[{'1' * 5000}]"
    draft = Draft({name: msgspec.Raw(b"1")})

    assert draft.value(f"$.{name}") == 1
