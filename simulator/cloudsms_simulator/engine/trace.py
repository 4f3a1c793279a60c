"""A trace: an exchange as it is held against others, with what was sent to whom, and what each was told.

Spec: Request UIP Format, Response UIP Format.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from cloudsms_simulator.engine.connection import Connection
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.subject import destinations_of
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.candidate import candidate_of, present
from cloudsms_simulator.protocol.customer import read_answer
from cloudsms_simulator.protocol.profile import SPEC
from cloudsms_simulator.protocol.result_codes import ResultCode

_HEARD = frozenset({None, "DELAY", "DRIBBLE"})
"""Faults after which the client has the answer."""
_CODES = {int(code): code for code in ResultCode}


class Trace(msgspec.Struct, frozen=True):
    """One exchange. Of an answer that never came, or came spoilt, the client knows no code, so `codes` is empty."""

    id: int
    at: datetime
    """On the account's clock."""
    connection: Connection | None
    code: ResultCode | None
    is_packet: bool
    content: str
    """SMS_CONTENT with SIGNATURE, "" if there is none."""
    time: str
    has_customer_body: bool
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
        """Whether it says the same as an earlier one."""
        return bool(self.content) and self.content == earlier.content


def trace_of(exchange: Exchange) -> Trace:
    """The trace of an exchange, read out of its kept bytes."""
    candidate = candidate_of(uip.decode(exchange.body), None, SPEC)
    packet = candidate.packet
    numbers = [destination.number for destination in destinations_of(candidate)]
    content, signature, time = packet.sms_content, packet.signature, packet.time
    return Trace(
        exchange.id,
        exchange.received_at,
        exchange.connection,
        exchange.code,
        candidate.decoded.form == "object",
        f"{signature or ''}\n{content}" if isinstance(content, str) and content else "",
        time if isinstance(time, str) else "",
        present(packet.customer_body),
        _codes_of(exchange, numbers),
    )


def _codes_of(exchange: Exchange, numbers: list[str]) -> Mapping[str, ResultCode]:
    if exchange.code is None or exchange.fault not in _HEARD:
        return {}
    answer = None if exchange.answer is None else read_answer(exchange.answer)
    if answer is None or len(answer.detail_list) != len(numbers):
        return dict.fromkeys(numbers, exchange.code)
    told = (_CODES.get(item.result_code, exchange.code) for item in answer.detail_list)
    return dict(zip(numbers, told, strict=True))
