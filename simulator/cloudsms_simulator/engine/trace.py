"""A trace: an exchange as it is held against others, with what was sent to whom, and what each was told.

Spec: Request UIP Format, Response UIP Format.
"""

from collections.abc import Mapping, Sequence

import msgspec

from cloudsms_simulator.engine.connection import Connection
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.otp import announces_otp, otp_in
from cloudsms_simulator.engine.subject import destinations_of
from cloudsms_simulator.protocol import limits, uip
from cloudsms_simulator.protocol.candidate import candidate_of, present
from cloudsms_simulator.protocol.customer import read_answer
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.result_codes import ResultCode

_HEARD = frozenset({None, "DELAY", "DRIBBLE"})
"""Faults after which the client has the answer."""
_LIST = "MULTI_MSISDN_LIST"
_CODES = {int(code): code for code in ResultCode}


class Program(msgspec.Struct, frozen=True):
    """What tells the programs of one customer apart, as far as that shows: address, User-Agent, client certificate."""

    host: str
    user_agent: bytes
    certificate: str


class Trace(msgspec.Struct, frozen=True):
    """One exchange. Of an answer that never came, or came spoilt, the client knows no code, so `codes` is empty."""

    id: int
    at: datetime
    """On the account's clock."""
    connection: Connection | None
    program: Program
    code: ResultCode | None
    is_packet: bool
    body: bytes
    content: str
    """SMS_CONTENT with SIGNATURE, "" if there is none."""
    password: str | None
    """The one-time password that the text announces."""
    customer_body: bytes
    """CUSTOMER_BODY as it was written, empty if there is none."""
    time: str
    numbers: tuple[str, ...]
    """Country code and number of each destination, in the order of the list."""
    codes: Mapping[str, ResultCode]
    """By country code and number, in the order of the list; of a number that is there twice, the last."""

    @property
    def accepted(self) -> list[str]:
        """The numbers that were accepted."""
        return [number for number, code in self.codes.items() if code is ResultCode.OK]

    @property
    def refused(self) -> list[str]:
        """The numbers that were refused."""
        return [number for number, code in self.codes.items() if code is not ResultCode.OK]

    @property
    def is_mixed(self) -> bool:
        """Whether some of a batch was accepted and some refused."""
        return bool(self.accepted) and bool(self.refused)

    def repeats(self, earlier: "Trace") -> bool:
        """Whether it says the same as an earlier one, about the same thing: another CUSTOMER_BODY is another event."""
        return bool(self.content) and self.content == earlier.content and self.customer_body == earlier.customer_body

    def resends(self, earlier: "Trace") -> bool:
        """Whether it is an earlier packet again, to all of its destinations or to some.

        Nothing but SERIAL and TIME has changed, and those only from one that is in order to another.
        """
        if not self.repeats(earlier):
            return False
        members, before = _members_of(self.body), _members_of(earlier.body)
        mine, theirs = members.pop(_LIST, uip.ABSENT), before.pop(_LIST, uip.ABSENT)
        return members == before and (mine == theirs or _entries_of(mine) <= _entries_of(theirs))


def trace_of(exchange: Exchange) -> Trace:
    """The trace of an exchange, read out of its kept bytes."""
    body = exchange.body
    candidate = candidate_of(uip.decode(body), None, SPEC)
    packet = candidate.packet
    numbers = tuple([destination.number for destination in destinations_of(candidate)])
    content, signature, time = packet.sms_content, packet.signature, packet.time
    said = content if isinstance(content, str) else ""
    return Trace(
        exchange.id,
        exchange.received_at,
        exchange.connection,
        program_of(exchange),
        exchange.code,
        candidate.decoded.form == "object",
        body,
        f"{signature or ''}\n{said}" if said else "",
        otp_in(said) if announces_otp(said) else None,
        bytes(packet.customer_body) if present(packet.customer_body) else b"",
        time if isinstance(time, str) else "",
        numbers,
        _codes_of(exchange, numbers),
    )


def program_of(exchange: Exchange) -> Program:
    """The program that an exchange came from."""
    connection = exchange.connection
    tls = None if connection is None else connection.tls
    agent = next((value for name, value in exchange.headers if name.lower() == b"user-agent"), b"")
    certificate = "" if tls is None or tls.peer is None else tls.peer.fingerprint_sha256
    return Program("" if connection is None else connection.host, agent, certificate)


def _members_of(body: bytes) -> dict[str, msgspec.Raw]:
    """The members of a packet, without a SERIAL and a TIME that are in order: those change from request to request."""
    members = dict(uip.members_of(body) or {})
    serial, time = uip.value_of(members.get("SERIAL", uip.ABSENT)), uip.value_of(members.get("TIME", uip.ABSENT))
    if type(serial) is int and 1 <= serial <= limits.HIGHEST_SERIAL:
        del members["SERIAL"]
    if isinstance(time, str) and 0 < limits.octets(time) <= limits.TIME_OCTETS:
        del members["TIME"]
    return members


def _entries_of(destinations: msgspec.Raw) -> frozenset[bytes]:
    return frozenset(bytes(entry) for entry in uip.entries_of(destinations) or [])


def _codes_of(exchange: Exchange, numbers: Sequence[str]) -> Mapping[str, ResultCode]:
    if exchange.code is None or exchange.fault not in _HEARD:
        return {}
    answer = None if exchange.answer is None else read_answer(exchange.answer)
    if answer is None or len(answer.detail_list) != len(numbers):
        return dict.fromkeys(numbers, exchange.code)
    told = (_CODES.get(item.result_code, exchange.code) for item in answer.detail_list)
    return dict(zip(numbers, told, strict=True))
