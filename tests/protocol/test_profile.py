"""The switches, and what they are in the two profiles."""

import msgspec
import pytest

from cloudsms_simulator.protocol.profile import OBSERVED, PROFILES, SPEC, Profile, StateSet

ALL_BUT_8_AND_60 = StateSet(frozenset({8, 60}), all_but=True)

# switch, its value in `spec`, its value in `observed`
TABLE: list[tuple[str, object, object]] = [
    ("answer_shape", "document", "wire"),
    ("desc_style", "table", "wire"),
    ("uid_style", "x4", "x3h"),
    ("missing_key_code", 0x10000001, 0x05),
    ("versions", ("2021-01-01",), ("2021-01-01", "2020-07-12")),
    ("digit_strings", "reject", "accept"),
    ("trailing_bytes", "reject", "ignore"),
    ("unpriced", "sync", "report"),
    ("mixed_batch", "any_ok", "any_ok"),
    ("segmentation", "table", "table"),
    ("dr_serial_wrap", 128, 128),
    ("dr_auth_key", False, False),
    ("charged_states", ALL_BUT_8_AND_60, ALL_BUT_8_AND_60),
]


@pytest.mark.parametrize(("switch", "spec", "observed"), TABLE)
def test_a_switch_has_its_value_in_each_profile(switch: str, spec: object, observed: object) -> None:
    assert getattr(SPEC, switch) == spec
    assert getattr(OBSERVED, switch) == observed


def test_the_table_has_every_switch() -> None:
    assert [field.name for field in msgspec.structs.fields(Profile)] == ["name", *(row[0] for row in TABLE)]


def test_profiles_go_by_their_names_and_spec_is_the_default() -> None:
    assert dict(PROFILES) == {"spec": SPEC, "observed": OBSERVED}
    assert Profile() == SPEC


@pytest.mark.parametrize(
    ("switch", "value"),
    [
        ("answer_shape", "wire"),
        ("desc_style", "wire"),
        ("uid_style", "x3h"),
        ("missing_key_code", 5),
        ("versions", ("2030-01-01",)),
        ("digit_strings", "accept"),
        ("trailing_bytes", "ignore"),
        ("unpriced", "report"),
        ("mixed_batch", "first_error"),
        ("mixed_batch", "all_or_nothing"),
        ("segmentation", "packed"),
        ("dr_serial_wrap", 65535),
        ("dr_auth_key", True),
        ("charged_states", StateSet(frozenset({2}))),
    ],
)
def test_each_switch_can_be_set_alone(switch: str, value: object) -> None:
    changed = msgspec.structs.replace(SPEC, **{switch: value})

    rest = [field.name for field in msgspec.structs.fields(Profile) if field.name != switch]
    assert getattr(changed, switch) == value
    assert [getattr(changed, name) for name in rest] == [getattr(SPEC, name) for name in rest]


@pytest.mark.parametrize("state", [1, 2, 3, 4, 5, 6, 7, 9, 0, 61, 1000])
def test_every_state_but_rejected_and_local_rejected_is_charged(state: int) -> None:
    assert state in SPEC.charged_states
    assert 8 not in SPEC.charged_states
    assert 60 not in SPEC.charged_states


def test_a_set_of_states_holds_those_it_names() -> None:
    some = StateSet(frozenset({2, 6}))

    assert [state for state in range(100) if state in some] == [2, 6]
