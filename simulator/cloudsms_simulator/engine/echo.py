"""The echo: what an answer repeats of its request.

Spec: Response UIP Format. Reading: R4.
"""

from cloudsms_simulator.protocol import limits, uip
from cloudsms_simulator.protocol.answer import AnswerItem
from cloudsms_simulator.protocol.candidate import Candidate, unsigned
from cloudsms_simulator.protocol.request_checks import echo_of
from cloudsms_simulator.protocol.result_codes import ResultCode
from cloudsms_simulator.protocol.submission import Destination, Submission


def items_of(submission: Submission, uids: tuple[str, ...], verdicts: dict[int, ResultCode]) -> tuple[AnswerItem, ...]:
    """An item for each destination, with its SMS_UID and its verdict, OK where there is none."""
    told = zip(submission.destinations, uids, strict=True)
    return tuple(
        AnswerItem(each.country_code, each.msisdn, uid, verdicts.get(index, ResultCode.OK))
        for index, (each, uid) in enumerate(told)
    )


def echoed_serial(candidate: Candidate) -> int:
    """SERIAL, if it is an unsigned integer up to 65535, else 0."""
    if candidate.decoded.form != "object":
        return 0
    serial = unsigned(candidate.packet.serial, candidate.profile)
    return serial if serial is not None and serial <= limits.HIGHEST_SERIAL else 0


def echoes_of(candidate: Candidate) -> list[Destination]:
    """What a refusal of everything echoes: each entry of the array, unless there is none or it is too long."""
    if candidate.decoded.form != "object":
        return []
    return [echo_of(entry, candidate.profile) for entry in uip.listed(candidate.decoded)]
