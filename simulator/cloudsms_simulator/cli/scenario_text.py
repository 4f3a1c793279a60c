"""The texts `scenario` prints of scenario files: a summary of one, and the one to begin with. Imported late.

The summary counts included files in and leaves out how the file is written. The file to begin with has rules that
work as they are, and everything else there is as comments; its first line tells editors where the schema is.
"""

from collections.abc import Iterator

import msgspec

from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.scenario import Scenario
from cloudsms_simulator.config.scenario_schema import editor_line
from cloudsms_simulator.config.sources import yaml_text
from cloudsms_simulator.config.values import DELAY
from cloudsms_simulator.engine.rules import FaultRule, ReplyStep, Rule, RuleBookChange
from cloudsms_simulator.models.durations import duration_text
from cloudsms_simulator.protocol.codes import ResultCode, desc_of


class ScenarioSummary(msgspec.Struct, frozen=True, kw_only=True):
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


def summary_of(scenario: Scenario) -> ScenarioSummary:
    """The summary of a scenario."""
    book = scenario.book
    return ScenarioSummary(
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
        defaults=None if book.outlook is None else yaml_text(REPORT.dump(book.outlook)),
        timeline=tuple(map(_change, book.timeline)),
        states=book.states,
        magic=book.magic,
        tls=tuple(trouble.value for trouble in scenario.tls),
    )


def summary_lines(summary: ScenarioSummary) -> Iterator[str]:
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
        does.append(f"report {yaml_text(REPORT.dump(rule.outlook))}")
    if rule.then is not None:
        does.append(f"then {rule.then}")
    return f"{rule.id}: {', '.join(does) or desc_of(ResultCode.OK)}"


def _reply(reply: ReplyStep) -> str:
    times = "" if reply.times is None else f" {reply.times}x"
    delay = "" if reply.delay is None else f" after {yaml_text(DELAY.dump(reply.delay))}"
    return f"{desc_of(reply.code)}{times}{delay}"


def _fault(rule: FaultRule) -> str:
    delay = "" if rule.delay is None else f" after {yaml_text(DELAY.dump(rule.delay))}"
    times = "" if rule.times is None else f" {rule.times}x"
    return f"{rule.id}: {'the answer' if rule.fault is None else rule.fault.value}{times}{delay}"


def _change(change: RuleBookChange) -> str:
    when = f"after {change.messages} messages" if change.at is None else f"at {duration_text(change.at)}"
    return f"{when}: {change.book.name}"


_TEMPLATE = """\
# How the platform behaves: what it answers, what becomes of messages, what goes wrong and when.
# Every key: scenarios/README.md. Check it with `cloudsms-simulator scenario validate FILE`, play it with
# `cloudsms-simulator serve --scenario FILE --watch`, which reads it again whenever it changes.
version: 1
about: what a client does when the platform is busy, and when messages do not arrive
seed: 42 # the same seed, the same outcome

# The first rule that fits decides for a destination.
rules:
  - id: busy-then-ok
    match: { to: "852*", content: { contains: code } }
    reply: [{ code: Busy, times: 2 }, OK]
  - id: phone-off
    match: { to: "65*" }
    report: [{ state: ENROUTE, after: 5s }, { none: true }] # EXPIRED at 25 h

# What becomes of messages no rule says anything about; shares in percent.
defaults:
  report:
    mix: { DELIVERED: 90, UNDELIVERABLE: 6, EXPIRED: 4 }
    delay: { type: lognormal, median: 7s, sigma: 0.8 }

# What goes wrong on the way to an answer; the first that fits.
# faults:
#   - { id: lost-answer, match: { nth: 5 }, fault: PROCESSED_NO_ANSWER }
#   - { id: slow, probability: 0.05, delay: { type: uniform, lower: 200ms, upper: 900ms } }

# What the configuration says of an account, said here instead.
# accounts:
#   - name: default
#     balance: { amount: "10.00", currency: HKD }
#     prices: { "852": "0.05", "65": "0.06" }
#     callback: { url: "https://localhost:59999/", retries: [1s, 10s, 30s] }

# Other scenarios that take over, here bundled ones.
# timeline:
#   - { at: 10m, scenario: blackout }
#   - { at: 20m, scenario: delivered }

# Numbers that end in 555001 and the like mean what they always mean, unless they are switched off.
# magic: off
"""


def scenario_template() -> str:
    """The text of the file, its first line telling editors where the schema is: beside it.

    It is good as it is, and so it is with the `# ` taken away from any block of lines that begins with a key.
    """
    return f"{editor_line()}\n{_TEMPLATE}"
