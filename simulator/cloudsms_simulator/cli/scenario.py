"""`cloudsms-simulator scenario`: the bundled scenarios, and what it takes to write, check and use one.

A summary counts included files in and leaves out how the file is written. The file to begin with has rules that work as
they are, and everything else there is as comments; its first line tells editors where the schema is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, client_options
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.scenario_folder import bundled_scenarios, find_scenario
from cloudsms_simulator.models.durations import duration_text
from cloudsms_simulator.protocol.codes import ResultCode, desc_of

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.config.scenario import Scenario
    from cloudsms_simulator.engine.plan import Delay, Outlook
    from cloudsms_simulator.engine.rules import FaultRule, ReplyStep, Rule, RuleBookChange


_ENDINGS = (".yaml", ".yml")


class ListedScenario(msgspec.Struct, frozen=True):
    """A bundled scenario."""

    name: str
    about: str
    file: str


class CheckedFile(msgspec.Struct, frozen=True):
    """A file with what is wrong with it; `found` is whether it is there at all."""

    file: str
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    found: bool = True


@click.group
def scenario() -> None:
    """List, write, check and use scenarios.

    A scenario says how the platform behaves: scenarios/README.md is the reference of such files. Where NAME|FILE is
    wanted, what holds a slash or ends in .yaml, .yml or .json is a file, anything else the name of a bundled scenario.
    """


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    names = [CompletionItem(path.stem) for path in bundled_scenarios() if path.stem.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="file")]


_said = click.argument("said", metavar="NAME|FILE", shell_complete=_complete)


@scenario.command
@as_json
def ls(as_json: bool) -> None:
    """List the bundled scenarios, each with what it is for."""
    from cloudsms_simulator.config.scenario_file import load_scenario

    listed = [ListedScenario(each.name, each.about, str(each.path)) for each in map(load_scenario, bundled_scenarios())]
    if as_json:
        click.echo(msgspec.json.encode({"items": listed}))
        return
    width = max((len(each.name) for each in listed), default=0)
    for each in listed:
        click.echo(f"{each.name:<{width}}  {each.about}")


@scenario.command
@_said
@click.option("--summary", is_flag=True, help="Tell what is in it, included files counting, instead of its text.")
@as_json
def show(said: str, summary: bool, as_json: bool) -> None:
    """Print the text of a scenario, or a summary of it."""
    path = find_scenario(said)
    if not summary:
        text = _text_of(path)
        click.echo(msgspec.json.encode({"file": str(path), "text": text}) if as_json else text, nl=as_json)
        return
    from cloudsms_simulator.config.scenario_file import load_scenario

    found = summary_of(load_scenario(path))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    for line in summary_lines(found):
        click.echo(line)


@scenario.command
@click.argument("file", type=click.Path(path_type=Path), default="scenario.yaml")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@as_json
def new(file: Path, force: bool, as_json: bool) -> None:
    """Write a scenario FILE to begin with, scenario.yaml by default, and beside it the schema for editors."""
    from cloudsms_simulator.config.scenario_schema import SCHEMA_NAME, scenario_json_schema
    from cloudsms_simulator.net.private_files import FileContent, write_all

    if file.suffix not in _ENDINGS:
        raise click.BadParameter(
            f'got "{file}", want a name that ends in .yaml, such as {file}.yaml', param_hint="FILE"
        )
    schema_file = file.with_name(SCHEMA_NAME)
    if not force:
        _refuse_to_overwrite(file, schema_file)
    try:
        write_all(
            (
                FileContent(file, scenario_template().encode(), private=False),
                FileContent(schema_file, scenario_json_schema(), private=False),
            )
        )
    except OSError as error:
        raise CommandError(f"{file}: cannot be written: {error.strerror or error}", ExitCode.USAGE) from error
    if as_json:
        click.echo(msgspec.json.encode({"file": str(file), "schema": str(schema_file)}))
    else:
        click.echo(f"{file}: a scenario to begin with; {schema_file}: what editors need to know of such files")


@scenario.command
@click.argument("files", metavar="NAME|FILE...", nargs=-1, required=True)
@as_json
def validate(files: tuple[str, ...], as_json: bool) -> None:
    """List every mistake in scenario files, and in the files they lead to.

    Ends 0 when all are good, 1 when one has a mistake, 2 when one is not there.
    """
    checked = [_checked(file) for file in files]
    if as_json:
        click.echo(msgspec.json.encode({"items": checked}))
    for each in () if as_json else checked:
        for problem in each.problems:
            click.echo(problem)
        for warning in each.warnings:
            click.echo(f"{warning} (a warning)")
        if not each.problems:
            click.echo(f"{each.file}: good")
    if not all(each.found for each in checked):
        raise SystemExit(ExitCode.USAGE)
    if any(each.problems for each in checked):
        raise SystemExit(ExitCode.FAILED)


@scenario.command
@_said
@account_option(about="The account that is to play it")
@as_json
@client_options
def use(client: Client, said: str, account: str, as_json: bool) -> None:
    """Have an account of a running server play a scenario: a bundled one, or the text of a file.

    Its counts, states and timeline begin anew. A file that includes files of your own cannot be used so: the server
    does not see them.
    """
    path = find_scenario(said)
    scenarios = client.of(account).scenarios
    used = scenarios.use(path.stem) if path in bundled_scenarios() else scenarios.use(text=_travelling(path))
    if as_json:
        click.echo(msgspec.json.encode(used))
        return
    for warning in used.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo(f"{account} plays {said}, with the seed {used.seed}")
    for trouble in used.tls:
        click.echo(f"{trouble.url}  ({trouble.trouble})")


@scenario.command
def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from cloudsms_simulator.config import scenario_schema

    click.echo(scenario_schema.scenario_json_schema(), nl=False)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise CommandError(f"{path}: cannot be read: {reason}", ExitCode.USAGE) from error


def _checked(said: str) -> CheckedFile:
    from cloudsms_simulator.config.scenario_file import load_scenario

    try:
        path = Path(said) if Path(said).is_file() else find_scenario(said)
    except SettingsError as error:
        return CheckedFile(said, error.problems, found=False)
    try:
        return CheckedFile(said, warnings=load_scenario(path).warnings)
    except SettingsError as error:
        return CheckedFile(said, error.problems)


def _refuse_to_overwrite(file: Path, schema_file: Path) -> None:
    """Ends the command with 2 when a file is there already, but for a schema file of ours."""
    if file.exists():
        raise CommandError(f"{file} is there already; --force writes over it", ExitCode.USAGE)
    if schema_file.exists() and schema_file.name.encode() not in schema_file.read_bytes():
        what = "is there already, and is no schema of ours"
        raise CommandError(f"{schema_file} {what}; --force writes over it", ExitCode.USAGE)


def _travelling(path: Path) -> str:
    """The text of a file that means the same wherever it is read.

    Raises SettingsError when it has mistakes or names other files of its accounts', and ends the command when it leads
    to scenarios of the user's.
    """
    from cloudsms_simulator.config.scenario_file import load_scenario, parse_scenario

    own = [each for each in load_scenario(path).files[1:] if each not in bundled_scenarios()]
    if own:
        beyond = ", ".join(map(str, own))
        remedy = "put what they say into this file, or start the server with --scenario"
        raise CommandError(f"{path} leads to {beyond}, which the server cannot see; {remedy}", ExitCode.USAGE)
    text = _text_of(path)
    parse_scenario(text, str(path), bundled_only=True)
    return text


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
        defaults=None if book.outlook is None else _outlook(book.outlook),
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


def _outlook(outlook: Outlook) -> str:
    from cloudsms_simulator.config.outcome_schema import REPORT
    from cloudsms_simulator.config.sources import yaml_text

    return yaml_text(REPORT.dump(outlook))


def _delay(delay: Delay) -> str:
    from cloudsms_simulator.config.sources import yaml_text
    from cloudsms_simulator.config.values import DELAY

    return yaml_text(DELAY.dump(delay))


def _rule(rule: Rule) -> str:
    from cloudsms_simulator.engine.rules import ReplyStep

    does = [", then ".join(map(_reply, rule.replies))] if rule.replies != (ReplyStep(),) else []
    if rule.scope == "packet":
        does.append("for the whole packet")
    if rule.outlook is not None:
        does.append(f"report {_outlook(rule.outlook)}")
    if rule.then is not None:
        does.append(f"then {rule.then}")
    return f"{rule.id}: {', '.join(does) or desc_of(ResultCode.OK)}"


def _reply(reply: ReplyStep) -> str:
    times = "" if reply.times is None else f" {reply.times}x"
    delay = "" if reply.delay is None else f" after {_delay(reply.delay)}"
    return f"{desc_of(reply.code)}{times}{delay}"


def _fault(rule: FaultRule) -> str:
    delay = "" if rule.delay is None else f" after {_delay(rule.delay)}"
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
    from cloudsms_simulator.config.scenario_schema import editor_line

    return f"{editor_line()}\n{_TEMPLATE}"
