"""Packed bodies: the bodies of accepted requests, as small as they can be kept without costing much.

Bodies of one message are alike: the same keys, and much of the same values. Deflate with a dictionary of those leaves
about a quarter of one. A body that many messages share is small for each of them already, and stays as it is.

Reading: R17.
"""

import zlib

WORTH_PACKING = 1024
"""Octets of the longest body that is packed."""

_WINDOW = -11
"""Raw deflate over 2 KiB: dictionary and body fit, and there is little to set up."""
_LEVEL = 3
_MEMORY = 4
_PACKED = b"\0"
"""Begins a packed body; no JSON begins so."""

_DICTIONARY = (
    b'{"METHOD":"SMS_SEND_REQUEST","TYPE":"REQUEST","SERIAL":1,"TIME":"2026-","AUTH_KEY":"key-","VERSION":"2021-01-01",'
    b'"ROUTE_ID":"VerifyCode_516","ORIGINAL_ADDR":"","SIGNATURE":"","SIGNATURE_TYPE":1,"PRIORITY":0,"REPEAT":0,'
    b'"SMS_CONTENT":"","MULTI_MSISDN_LIST":[{"COUNTRY_CODE":852,"DEST_MSISDN":""}],"CUSTOMER_BODY":{}}'
    b'"ROUTE_ID": "Notification_516", "Marketing_516", \\u3010\\u3011", "SIGNATURE": "", "SIGNATURE_TYPE": 1, '
    b'"PRIORITY": 0, "ORIGINAL_ADDR": "", "VERSION": "2021-01-01", "REPEAT": 0, "CUSTOMER_BODY": {}}'
    b'{"METHOD": "SMS_SEND_REQUEST", "TYPE": "REQUEST", "SERIAL": 1, "TIME": "2026-01-01 12:00:00", "AUTH_KEY": "key-'
    b'", "ROUTE_ID": "VerifyCode_516", "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "6", "COUNTRY_CODE": '
    b'852}], "SMS_CONTENT": "Your verification code is '
)


def packed(body: bytes) -> bytes:
    """A body as it is kept; the same bytes when packing would not make it smaller."""
    if len(body) > WORTH_PACKING or body.startswith(_PACKED):
        return body
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, _DICTIONARY)
    small = _PACKED + deflate.compress(body) + deflate.flush()
    return small if len(small) < len(body) else body


def unpacked(kept: bytes) -> bytes:
    """The body that was given to `packed`. What never was a JSON text, and begins with NUL, must not come here."""
    if not kept.startswith(_PACKED):
        return kept
    return zlib.decompressobj(_WINDOW, _DICTIONARY).decompress(kept[1:])
