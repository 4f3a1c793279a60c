"""The kinds of values that faults are written in.

Spec: none; the names are those that users of HTTP test doubles know. Reading: R22.
"""

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from cloudsms_simulator.engine.fault import UNPROCESSED, Fault, TlsTrouble
from cloudsms_simulator.engine.rule_book import FaultRule
from cloudsms_simulator.server.compound_kinds import Entry, RecordKind
from cloudsms_simulator.server.condition_kinds import MATCH, PROBABILITY
from cloudsms_simulator.server.delay_kinds import DELAY
from cloudsms_simulator.server.kinds import UNFIT, ListKind
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.rule_kinds import RULE_ID
from cloudsms_simulator.server.setting_kinds import COUNT, ON_OFF, POSITIVE_DURATION
from cloudsms_simulator.server.word_kinds import word_of

LONGEST_HANG = timedelta(seconds=60)

_LASTING = frozenset({Fault.DRIBBLE, Fault.ACCEPT_THEN_HANG})


def _fault(taken: Mapping[str, object], place: Place) -> object:
    changes = {_FIELDS.get(key, key): value for key, value in taken.items() if key != "probability"}
    rule = msgspec.structs.replace(FaultRule(id=""), **changes)
    if rule.fault is None and rule.delay is None:
        place.complain("got neither fault nor delay, want one of them or both")
        return UNFIT
    if not _processed_fits(rule, place) or not _over_fits(rule, place):
        return UNFIT
    if "probability" not in taken:
        return rule
    if rule.condition.probability is not None:
        (place / "probability").complain("got one beside that of match, want one of the two")
        return UNFIT
    condition = msgspec.structs.replace(rule.condition, probability=taken["probability"])
    return msgspec.structs.replace(rule, condition=condition)


def _processed_fits(rule: FaultRule, place: Place) -> bool:
    if rule.processed is None or rule.fault in UNPROCESSED or (rule.processed and rule.fault is not None):
        return True
    what = "a delay alone" if rule.fault is None else rule.fault
    (place / "processed").complain(
        f"got it with {what}, which wants a request that was processed; want it with {', '.join(sorted(UNPROCESSED))}"
    )
    return False


def _over_fits(rule: FaultRule, place: Place) -> bool:
    if rule.over is None:
        return True
    if rule.fault not in _LASTING:
        what = "a delay alone" if rule.fault is None else rule.fault
        (place / "over").complain(f"got it with {what}, want it only with {' or '.join(sorted(_LASTING))}")
        return False
    if rule.fault is Fault.ACCEPT_THEN_HANG and rule.over > LONGEST_HANG:
        (place / "over").complain(
            f"got more than {LONGEST_HANG.seconds}s, want that at most: no connection hangs longer"
        )
        return False
    return True


_FIELDS: Mapping[str, str] = {"match": "condition"}
_FAULT: Mapping[str, Entry] = {
    "id": Entry(RULE_ID, "What the fault is called in the journal; by its place in the file unless said."),
    "match": Entry(MATCH, "Which requests it befalls: those of which a destination fits; all without it."),
    "probability": Entry(PROBABILITY, "The chance, from 0 to 1; short for a match that says only this."),
    "fault": Entry(
        word_of({fault.value: fault for fault in Fault}), "What goes wrong; without it the answer is only late."
    ),
    "delay": Entry(DELAY, "How long it takes before the answer, or before the fault, in wall time."),
    "processed": Entry(ON_OFF, "true: the request has its effect before a fault that usually comes first."),
    "times": Entry(COUNT, "How many requests with the same first recipient it befalls; all that fit unless said."),
    "over": Entry(
        POSITIVE_DURATION, "How long a DRIBBLE takes, or ACCEPT_THEN_HANG holds the connection, in wall time."
    ),
}
FAULT = RecordKind(
    want="a table such as {example}",
    entries=lambda: _FAULT,
    make=_fault,
    title="fault",
    example={"fault": "EMPTY_RESPONSE", "probability": 1},
    more={"anyOf": [{"required": ["fault"]}, {"required": ["delay"]}]},
)
"""A `FaultRule`; its id is empty when none is said."""

TLS = ListKind(
    want="one of {example}, or a list of them",
    item=word_of({trouble.value: trouble for trouble in TlsTrouble}),
    gather=lambda troubles: tuple(dict.fromkeys(troubles)),
    single=True,
    example=[trouble.value for trouble in TlsTrouble],
)
"""`TlsTrouble`s, each once."""
