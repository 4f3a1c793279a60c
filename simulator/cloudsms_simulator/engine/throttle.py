"""The throttle: how many packets an account may send in a second, and how many reports may be outstanding.

Spec: RESULT_CODE and RESULT_DESC, Busy and Queue_too_large. Reading: R7, R15.
"""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.candidate import Candidate, Refusal, refused
from cloudsms_simulator.protocol.finding_rules import Told, found
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.result_codes import ResultCode


def within_rate(transaction: Transaction, account: Account, now: datetime) -> Refusal | None:
    """Counts a packet; the account's rate limit is in packets per second of its clock."""
    if account.rate_limit is None:
        return None
    standing = transaction.standing
    second = now.replace(microsecond=0)
    packets = standing.packets + 1 if standing.second == second else 1
    transaction.standing = msgspec.structs.replace(standing, second=second, packets=packets)
    if packets <= account.rate_limit:
        return None
    want = f"at most {account.rate_limit} packets a second"
    return refused(ResultCode.BUSY, found("rate-limited", "connection", Told(f"packet {packets} of this second"), want))


def refuse_beyond_queue(transaction: Transaction, limit: int, candidate: Candidate) -> None:
    """Refuses the destinations for which the queue of at most so many pending reports has no room."""
    room = limit - transaction.standing.outstanding
    for index in range(len(candidate.destinations)):
        if index in candidate.verdicts:
            continue
        room -= 1
        if room < 0:
            candidate.verdicts[index] = ResultCode.QUEUE_TOO_LARGE
            got, want = f"{transaction.standing.outstanding} reports pending", f"at most {limit}"
            candidate.findings.append(found("queue-full", f"$.MULTI_MSISDN_LIST[{index}]", Told(got), want))
