"""A submission: a request that is in order, ready for the platform to decide on.

Spec: SMS Dispatching, Request UIP Format.
"""

import msgspec

from cloudsms_simulator.protocol.packet_fields import CountryCode, Msisdn
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.segmentation import Segmentation


class Destination(msgspec.Struct, frozen=True, gc=False):
    """One entry of MULTI_MSISDN_LIST: a country calling code and a number without it.

    Of an entry that could not be read it holds what an answer echoes: 0 and "".
    """

    country_code: CountryCode = msgspec.field(name="COUNTRY_CODE")
    msisdn: Msisdn = msgspec.field(name="DEST_MSISDN")

    @property
    def number(self) -> str:
        """Country code and number in one, as blacklists and people write it: `85267000011`."""
        return f"{self.country_code}{self.msisdn}"


class Submission(msgspec.Struct, frozen=True):
    """What was asked for: the text as it will be sent, from whom, by which route, to whom."""

    serial: int
    route_id: str
    sender: str
    """ORIGINAL_ADDR, or "" for the account's default sender."""
    text: str
    """The signed text."""
    segmentation: Segmentation
    customer_body: bytes | None
    """CUSTOMER_BODY as it was written, byte for byte."""
    destinations: tuple[Destination, ...]
    verdicts: dict[int, ResultCode]
    """The result codes of the destinations that are refused, by index; all others are accepted so far."""
