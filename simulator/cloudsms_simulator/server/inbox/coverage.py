"""Coverage: what of the protocol was exercised by what is kept, what was not, and how it would be.

Reading: R8, R20, R21, R22, R23, R26.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from cloudsms_simulator.engine.fault import Fault, PushFault
from cloudsms_simulator.engine.magic import OMENS
from cloudsms_simulator.protocol.finding_rules import FINDING_RULES
from cloudsms_simulator.protocol.result_codes import RESULT_CODES, ResultCode, desc_of, written
from cloudsms_simulator.protocol.states import STATES
from cloudsms_simulator.server.inbox.reasons import REASONS
from cloudsms_simulator.server.inbox.survey import Sight, Survey
from cloudsms_simulator.server.playing import Counted
from cloudsms_simulator.server.search_words import written as quoted

NUMBER = "85267"
"""What magic suffixes are put behind, to show them: with it they make a number in Hong Kong."""
EVERY_STATE, EVERY_CODE, LOCALLY = "every-state", "every-result-code", "local-rejected"
"""Bundled scenarios that bring all of a kind."""


class Item(msgspec.Struct, frozen=True):
    """One thing there is to exercise. Without `seen` it was not, and the rest says how it can be."""

    name: str
    about: str = ""
    seen: Sight | None = None
    number: str | None = None
    """Country code and number of a magic recipient that brings it."""
    scenario: str | None = None
    """The bundled scenario that brings it."""
    call: str | None = None
    """A POST of the admin API that brings it, as its path and JSON."""


class Group(msgspec.Struct, frozen=True):
    """Everything of one kind."""

    name: str
    items: tuple[Item, ...]

    @property
    def seen(self) -> int:
        """How many were exercised."""
        return sum(item.seen is not None for item in self.items)


def coverage_of(survey: Survey, looked_back: Mapping[str, int], counted: Iterable[Counted]) -> tuple[Group, ...]:
    """The groups, in the order in which a test plan would have them.

    `looked_back` has the newest accepted request under each rule of a finding, `counted` the rules that are played.
    """
    return (
        Group("codes", tuple(_codes(survey))),
        Group("states", tuple(_states(survey))),
        Group("reasons", tuple(_reasons(survey))),
        Group("faults", tuple(_faults(survey))),
        Group("rules", tuple(map(_rule, counted))),
        Group("findings", tuple(_findings(survey, looked_back))),
    )


def _codes(survey: Survey) -> Iterator[Item]:
    numbers: dict[ResultCode, str] = {
        omen.code: suffix for suffix, omen in OMENS.items() if omen.code is not ResultCode.OK
    }
    for row in RESULT_CODES:
        times = sum(survey.codes[row.code].values()) if row.code in survey.codes else 0
        seen = Sight(f"code:{written(row.code)}", times) if times else survey.item_codes.get(row.code)
        suffix = numbers.get(row.code)
        number = None if suffix is None else NUMBER + suffix
        yield Item(f"{desc_of(row.code)} {written(row.code)}", row.description, seen, number, EVERY_CODE)


def _states(survey: Survey) -> Iterator[Item]:
    for row in STATES:
        seen = survey.state_sights.get(row.state)
        if seen is not None:
            seen = msgspec.structs.replace(seen, times=sum(survey.states[row.state].values()))
        number = f"{NUMBER}5550{row.state:02}"
        yield Item(f"{row.state.name} {int(row.state)}", row.description, seen, number, EVERY_STATE)


def _reasons(survey: Survey) -> Iterator[Item]:
    for kind, said in REASONS.items():
        times = survey.reasons.get(kind)
        seen = Sight(f'reason:"{said}"', times) if times else None
        yield Item(kind, "", seen, scenario=None if kind == "price" else LOCALLY)


def _faults(survey: Survey) -> Iterator[Item]:
    numbers = {omen.fault: suffix for suffix, omen in OMENS.items() if omen.fault is not None}
    faults: Sequence[Fault | PushFault] = (*Fault, *PushFault)
    for fault in faults:
        suffix = numbers.get(fault) if isinstance(fault, Fault) else None
        number = None if suffix is None else NUMBER + suffix
        call = f'/api/v1/faults {{"fault": "{fault}"}}'
        if isinstance(fault, PushFault):
            call = f'/api/v1/rules {{"report": [{{"state": "DELIVERED", "after": "1s", "push": "{fault}"}}]}}'
        yield Item(fault, "", survey.faults.get(fault), number, call=None if number else call)


def _rule(counted: Counted) -> Item:
    name = counted.rule.id
    seen = Sight(f"rule:{quoted(name, bare=False)}", counted.hits) if counted.hits else None
    return Item(name, counted.book, seen)


def _findings(survey: Survey, looked_back: Mapping[str, int]) -> Iterator[Item]:
    for rule in FINDING_RULES.values():
        seen = survey.findings.get(rule.id)
        if seen is None and rule.id in looked_back:
            seen = Sight(f"finding:{rule.id}")
        yield Item(rule.id, rule.summary, seen)
