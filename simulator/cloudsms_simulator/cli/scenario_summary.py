"""The summary of a scenario: what is in it, included files counting, without how it is written."""

from collections.abc import Iterator

import msgspec

from cloudsms_simulator.engine.rule_book import Change, FaultRule, ReplyStep, Rule
from cloudsms_simulator.protocol.result_codes import ResultCode, desc_of
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.report_values import delay_value, outlook_value
from cloudsms_simulator.server.scenario import Scenario
from cloudsms_simulator.server.yaml_text import yaml_text


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario in short; every line is for people."""

    name: str
    about: str
    files: tuple[str, ...]
    seed: int | None
    profile: str | None
    accounts: tuple[str, ...]
    """Each with the keys it is given."""
    rules: tuple[str, ...]
    """Each with what is replied and what becomes of the message."""
    faults: tuple[str, ...]
    defaults: str | None
    timeline: tuple[str, ...]
    states: tuple[str, ...]
    magic: bool
    tls: tuple[str, ...]


def summary_of(scenario: Scenario) -> Summary:
    """The summary of a scenario."""
    book = scenario.book
    return Summary(
        name=scenario.name,
        about=scenario.about,
        files=tuple(map(str, scenario.files)),
        seed=scenario.seed,
        profile=scenario.profile,
        accounts=tuple(
            f"{each.settings.name}: {', '.join(sorted(each.said - {'name'})) or 'as it is'}"
            for each in scenario.accounts
        ),
        rules=tuple(map(_rule, book.rules)),
        faults=tuple(map(_fault, book.faults)),
        defaults=None if book.outlook is None else yaml_text(outlook_value(book.outlook)),
        timeline=tuple(map(_change, book.timeline)),
        states=book.states,
        magic=book.magic,
        tls=tuple(trouble.value for trouble in scenario.tls),
    )


def lines(summary: Summary) -> Iterator[str]:
    """The summary in lines; what the scenario does not say is left out."""
    shown = {
        "about": (summary.about,) if summary.about else (),
        "files": summary.files,
        "seed": () if summary.seed is None else (str(summary.seed),),
        "profile": () if summary.profile is None else (summary.profile,),
        "accounts": summary.accounts,
        "rules": summary.rules,
        "faults": summary.faults,
        "defaults": () if summary.defaults is None else (summary.defaults,),
        "timeline": summary.timeline,
        "states": (", ".join(summary.states),) if summary.states else (),
        "magic": () if summary.magic else ("off",),
        "tls": (", ".join(summary.tls),) if summary.tls else (),
    }
    yield summary.name
    for name, entries in shown.items():
        for place, entry in enumerate(entries):
            yield f"  {'' if place else name:<9} {entry}"


def _rule(rule: Rule) -> str:
    does = [", then ".join(map(_reply, rule.replies))] if rule.replies != (ReplyStep(),) else []
    if rule.scope == "packet":
        does.append("for the whole packet")
    if rule.outlook is not None:
        does.append(f"report {yaml_text(outlook_value(rule.outlook))}")
    if rule.then is not None:
        does.append(f"then {rule.then}")
    return f"{rule.id}: {', '.join(does) or desc_of(ResultCode.OK)}"


def _reply(reply: ReplyStep) -> str:
    times = "" if reply.times is None else f" {reply.times}x"
    late = "" if reply.delay is None else f" after {yaml_text(delay_value(reply.delay))}"
    return f"{desc_of(reply.code)}{times}{late}"


def _fault(rule: FaultRule) -> str:
    late = "" if rule.delay is None else f" after {yaml_text(delay_value(rule.delay))}"
    times = "" if rule.times is None else f" {rule.times}x"
    return f"{rule.id}: {'the answer' if rule.fault is None else rule.fault.value}{times}{late}"


def _change(change: Change) -> str:
    when = f"after {change.messages} messages" if change.at is None else f"at {duration_text(change.at)}"
    return f"{when}: {change.book.name}"
