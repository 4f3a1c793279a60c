"""Faults: what can go wrong between a request and its answer, and how a push or a TLS handshake can go wrong.

These are names, and what befalls one answer (`AnswerFault`). What each does is a function elsewhere: those of answers
in the services' `answer_faults` and in `protocol.answer` (`MANGLED`), those of pushes in `push.faults`, flawed
certificates in `net.flawed_certificates`.

Reading: R22.
"""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

import msgspec


class Fault(StrEnum):
    """What can go wrong with the answer to a request."""

    CONNECTION_RESET_BY_PEER = "CONNECTION_RESET_BY_PEER"
    EMPTY_RESPONSE = "EMPTY_RESPONSE"
    RANDOM_DATA_THEN_CLOSE = "RANDOM_DATA_THEN_CLOSE"
    MALFORMED_RESPONSE_CHUNK = "MALFORMED_RESPONSE_CHUNK"
    DRIBBLE = "DRIBBLE"
    ACCEPT_THEN_HANG = "ACCEPT_THEN_HANG"
    PROCESSED_NO_ANSWER = "PROCESSED_NO_ANSWER"
    HTTP_500 = "HTTP_500"
    HTML_PAGE = "HTML_PAGE"
    BROKEN_JSON = "BROKEN_JSON"
    NO_DETAIL_LIST = "NO_DETAIL_LIST"
    SHUFFLED_ITEMS = "SHUFFLED_ITEMS"
    CODE_AS_STRING = "CODE_AS_STRING"
    WRONG_SERIAL = "WRONG_SERIAL"
    WRONG_METHOD = "WRONG_METHOD"


UNPROCESSED = frozenset(
    {
        Fault.CONNECTION_RESET_BY_PEER,
        Fault.EMPTY_RESPONSE,
        Fault.RANDOM_DATA_THEN_CLOSE,
        Fault.ACCEPT_THEN_HANG,
        Fault.HTTP_500,
        Fault.HTML_PAGE,
    }
)
"""Faults that strike before anything is processed, unless a rule says `processed`; all others spoil an answer."""

MANGLING_FAULTS = frozenset(
    {
        Fault.BROKEN_JSON,
        Fault.NO_DETAIL_LIST,
        Fault.SHUFFLED_ITEMS,
        Fault.CODE_AS_STRING,
        Fault.WRONG_SERIAL,
        Fault.WRONG_METHOD,
    }
)
"""Faults whose answer arrives as HTTP 200 and is wrong in what it says."""

FAULT_PAGES: Mapping[Fault, bytes] = MappingProxyType(
    {
        Fault.HTTP_500: b"Internal Server Error",
        Fault.HTML_PAGE: b"<!DOCTYPE html>\n<html>\n<head><title>Service temporarily unavailable</title></head>\n"
        b"<body><h1>Service temporarily unavailable</h1><p>Please try again later.</p></body>\n</html>\n",
    }
)
"""What arrives in place of any answer, by fault."""


class PushFault(StrEnum):
    """What can go wrong with the push of a delivery report."""

    SLOW = "SLOW"
    CUT = "CUT"
    RESET = "RESET"
    MALFORMED = "MALFORMED"
    BURST = "BURST"


class Identity(StrEnum):
    """The certificate the platform shows when it pushes."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    UNKNOWN_CA = "unknown_ca"
    WRONG_USAGE = "wrong_usage"
    NONE = "none"


class TlsTrouble(StrEnum):
    """What is wrong with a listener that shows bad certificates, or ends handshakes."""

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_HOST = "wrong_host"
    UNKNOWN_CA = "unknown_ca"
    WRONG_USAGE = "wrong_usage"
    CUT_HANDSHAKE = "cut_handshake"


class AnswerFault(msgspec.Struct, frozen=True):
    """What befalls one answer: it is late, spoilt, or both.

    `delay` is wall time. `processed`: the request has its effect although the answer is spoilt. `over` is how long a
    DRIBBLE takes, or how long ACCEPT_THEN_HANG holds the connection.
    """

    rule: str
    fault: Fault | None = None
    delay: timedelta = timedelta()
    processed: bool = True
    over: timedelta | None = None
