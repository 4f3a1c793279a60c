"""The assigned country codes."""

import phonenumbers
import pytest

from cloudsms_simulator.protocol.codes import COUNTRY_CODES


def test_the_table_is_what_phonenumbers_knows() -> None:
    assert frozenset(phonenumbers.COUNTRY_CODE_TO_REGION_CODE) == COUNTRY_CODES


@pytest.mark.parametrize("code", [1, 7, 20, 65, 81, 86, 852, 853, 886, 998])
def test_a_country_that_texts_are_sent_to_has_its_code_in_the_table(code: int) -> None:
    assert code in COUNTRY_CODES


@pytest.mark.parametrize("code", [800, 808, 870, 878, 881, 882, 883, 888, 979])
def test_a_worldwide_service_has_its_code_in_the_table(code: int) -> None:
    assert code in COUNTRY_CODES


@pytest.mark.parametrize("code", [0, -1, 2, 21, 210, 384, 422, 671, 849, 999, 1242, 8610, 85267])
def test_an_unassigned_number_is_not_in_the_table(code: int) -> None:
    assert code not in COUNTRY_CODES


def test_the_bahamas_are_1_and_not_1242() -> None:
    assert 1 in COUNTRY_CODES
    assert 1242 not in COUNTRY_CODES


def test_no_code_begins_with_another_one() -> None:
    """E.164 is a prefix code, else a number could be read two ways."""
    written = [str(code) for code in COUNTRY_CODES]

    assert [one for one in written for other in written if one != other and one.startswith(other)] == []
