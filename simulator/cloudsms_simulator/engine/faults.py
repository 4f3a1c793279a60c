"""Faults: what can go wrong between a request and its answer, and how a push or a TLS handshake can go wrong.

Each fault is one row of its class here: its name, and what the platform has to know of it. A fault that puts a page
in the place of the answer, or spoils what the answer says, is no more than its row; what any other does on the wire is
the function of its name, in small letters, in the services' `answer_faults`, or of one of pushes in `push.client`. A
certificate is flawed as its row says. `AnswerFault` is what befalls one answer.

Reading: R22.
"""

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from cloudsms_simulator.protocol import answer

LONGEST_HANG = timedelta(seconds=60)
"""How long ACCEPT_THEN_HANG holds a connection at most, and when nothing else is said."""


class FaultEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What a fault does to a request and its answer."""

    processed: bool = True
    """Whether the request has its effect, unless a rule says otherwise."""
    status: int | None = None
    """The HTTP status that the client gets; None when it gets none."""
    whole: bool = False
    """Whether the client gets the true answer all the same."""
    page: bytes | None = None
    """What arrives in place of any answer."""
    page_type: bytes = b"text/plain; charset=utf-8"
    """Its Content-Type."""
    spoil: Callable[[bytes], bytes] | None = None
    """Makes of the true answer one that is wrong in what it says."""
    lasts: bool = False
    """Whether a rule may say how long it takes, with `over`."""
    longest: timedelta | None = None
    """How long that may be at most."""


class Fault(StrEnum):
    """What can go wrong with the answer to a request."""

    effect: FaultEffect

    def __new__(cls, name: str, effect: FaultEffect) -> "Fault":
        fault = str.__new__(cls, name)
        fault._value_ = name
        fault.effect = effect
        return fault

    CONNECTION_RESET_BY_PEER = "CONNECTION_RESET_BY_PEER", FaultEffect(processed=False)
    EMPTY_RESPONSE = "EMPTY_RESPONSE", FaultEffect(processed=False)
    RANDOM_DATA_THEN_CLOSE = "RANDOM_DATA_THEN_CLOSE", FaultEffect(processed=False)
    MALFORMED_RESPONSE_CHUNK = "MALFORMED_RESPONSE_CHUNK", FaultEffect(status=200)
    DRIBBLE = "DRIBBLE", FaultEffect(status=200, whole=True, lasts=True)
    ACCEPT_THEN_HANG = "ACCEPT_THEN_HANG", FaultEffect(processed=False, lasts=True, longest=LONGEST_HANG)
    PROCESSED_NO_ANSWER = "PROCESSED_NO_ANSWER", FaultEffect()
    HTTP_500 = "HTTP_500", FaultEffect(processed=False, status=500, page=b"Internal Server Error")
    HTML_PAGE = (
        "HTML_PAGE",
        FaultEffect(
            processed=False,
            status=200,
            page=b"<!DOCTYPE html>\n<html>\n<head><title>Service temporarily unavailable</title></head>\n"
            b"<body><h1>Service temporarily unavailable</h1><p>Please try again later.</p></body>\n</html>\n",
            page_type=b"text/html; charset=utf-8",
        ),
    )
    BROKEN_JSON = "BROKEN_JSON", FaultEffect(status=200, spoil=answer.broken_json)
    NO_DETAIL_LIST = "NO_DETAIL_LIST", FaultEffect(status=200, spoil=answer.no_detail_list)
    SHUFFLED_ITEMS = "SHUFFLED_ITEMS", FaultEffect(status=200, spoil=answer.shuffled_items)
    CODE_AS_STRING = "CODE_AS_STRING", FaultEffect(status=200, spoil=answer.code_as_string)
    WRONG_SERIAL = "WRONG_SERIAL", FaultEffect(status=200, spoil=answer.wrong_serial)
    WRONG_METHOD = "WRONG_METHOD", FaultEffect(status=200, spoil=answer.wrong_method)


UNPROCESSED = frozenset(fault for fault in Fault if not fault.effect.processed)
"""Faults that strike before anything is processed, unless a rule says `processed`; all others spoil an answer."""


class PushFault(StrEnum):
    """What can go wrong with the push of a delivery report."""

    is_report: bool
    """Whether what arrives is a report, which is to be answered like one."""

    def __new__(cls, name: str, is_report: bool = True) -> "PushFault":
        fault = str.__new__(cls, name)
        fault._value_ = name
        fault.is_report = is_report
        return fault

    SLOW = "SLOW"
    CUT = "CUT"
    RESET = "RESET"
    MALFORMED = "MALFORMED", False
    BURST = "BURST"


Purpose = Literal["server", "client"]


class Flaw(msgspec.Struct, frozen=True):
    """What is wrong with a certificate; the file's name says it too."""

    name: str
    when: Literal["past", "present", "future"] = "present"
    elsewhere: bool = False
    """Good for a host that nobody calls alone."""
    foreign: bool = False
    """From an authority that nobody knows, and whose key is thrown away."""
    only_for: Purpose | None = None
    """For servers only, or for clients only."""


class Identity(StrEnum):
    """The certificate the platform shows when it pushes."""

    flaw: Flaw | None
    """What is wrong with it; None for nothing, and for none shown."""

    def __new__(cls, name: str, flaw: Flaw | None = None) -> "Identity":
        identity = str.__new__(cls, name)
        identity._value_ = name
        identity.flaw = flaw
        return identity

    VALID = "valid"
    EXPIRED = "expired", Flaw("trouble-expired", when="past")
    NOT_YET_VALID = "not_yet_valid", Flaw("trouble-not-yet-valid", when="future")
    UNKNOWN_CA = "unknown_ca", Flaw("trouble-unknown-ca", foreign=True)
    WRONG_USAGE = "wrong_usage", Flaw("trouble-servers-only", only_for="server")
    NONE = "none"


class TlsTrouble(StrEnum):
    """What is wrong with a listener that shows bad certificates, or ends handshakes."""

    flaw: Flaw | None
    """What is wrong with the certificate it shows; None for nothing."""

    def __new__(cls, name: str, flaw: Flaw | None = None) -> "TlsTrouble":
        trouble = str.__new__(cls, name)
        trouble._value_ = name
        trouble.flaw = flaw
        return trouble

    EXPIRED = "expired", Flaw("trouble-expired", when="past")
    NOT_YET_VALID = "not_yet_valid", Flaw("trouble-not-yet-valid", when="future")
    WRONG_HOST = "wrong_host", Flaw("trouble-wrong-host", elsewhere=True)
    UNKNOWN_CA = "unknown_ca", Flaw("trouble-unknown-ca", foreign=True)
    WRONG_USAGE = "wrong_usage", Flaw("trouble-clients-only", only_for="client")
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
