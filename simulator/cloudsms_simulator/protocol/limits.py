"""The limits of the fields, in octets of UTF-8 where they are lengths.

Spec: Request UIP Format, LMAX. Reading: R6.
"""

METHOD = "SMS_SEND_REQUEST"
REPORT_METHOD = "SMS_PUSH_REPORT"
TYPE = "REQUEST"
ANSWER_TYPE = "ANSWER"
WHITE_SPACE = " \t\r\n"
"""What may stand around METHOD and TYPE: that of JSON."""

HIGHEST_UINT = 2**32 - 1
"""Every UINT of the tables has 4 octets."""
HIGHEST_SERIAL = 65535
TIME_OCTETS = 32
AUTH_KEY_OCTETS = 128
ROUTE_OCTETS = 255
SENDER_OCTETS = 32
SIGNATURE_OCTETS = 64
CUSTOMER_BODY_OCTETS = 255
MSISDN_OCTETS = 32
MOST_DESTINATIONS = 200
MOST_SEGMENTS = 10
"""The tables end here; a text that takes more is refused as too long."""
LONGEST_COUNTED = 10_000
"""Characters of a text whose segments are counted; six times as many as the longest text that fits."""
NUMBER_IN_MAINLAND_CHINA = 11
MAINLAND_CHINA = 86
HIGHEST_ECHOED_COUNTRY = 9999


def octets(text: str) -> int:
    """The length of a text in octets of UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
