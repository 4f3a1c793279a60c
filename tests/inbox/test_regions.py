"""The table of regions is that of the package `phonenumbers`, as far as there are countries."""

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from cloudsms_simulator.inbox.templates import REGIONS
from cloudsms_simulator.protocol.codes import COUNTRY_CODES

NOWHERE = "001"


def test_every_country_code_has_the_largest_of_its_countries() -> None:
    known = {code: regions[0] for code, regions in COUNTRY_CODE_TO_REGION_CODE.items() if regions[0] != NOWHERE}
    assert dict(REGIONS) == {code: region for code, region in known.items() if code in COUNTRY_CODES}
