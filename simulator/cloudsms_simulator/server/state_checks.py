"""State checks: what a configuration may not say, a state document may not say either.

What a document says of accounts, settings and rules is written as a configuration would say it, and read by the kinds
that read configurations. So there is one validation for every way in, and what it complains of has its place.

Reading: R16.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.clock import checked_rate
from cloudsms_simulator.engine.rule_book import FaultRule, Rule, RuleBook
from cloudsms_simulator.engine.script import EXPIRY, Plan
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.protocol.country_codes import ASSIGNED
from cloudsms_simulator.protocol.limits import HIGHEST_SERIAL, MSISDN_OCTETS
from cloudsms_simulator.protocol.profile import PROFILES, Profile
from cloudsms_simulator.protocol.timestamps import checked_moment
from cloudsms_simulator.server.account_kinds import NAME
from cloudsms_simulator.server.account_settings import AccountSettings, complain_of_callback
from cloudsms_simulator.server.condition_kinds import STATE_NAME
from cloudsms_simulator.server.durations import duration_text
from cloudsms_simulator.server.fault_kinds import FAULT
from cloudsms_simulator.server.kinds import Kind
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.playing import Playing
from cloudsms_simulator.server.remembered import Remembered
from cloudsms_simulator.server.report_kinds import REPORT
from cloudsms_simulator.server.report_values import outlook_value
from cloudsms_simulator.server.rule_kinds import RULE
from cloudsms_simulator.server.rule_values import rule_value
from cloudsms_simulator.server.setting_field import fields_of
from cloudsms_simulator.server.setting_kinds import AMOUNT, COUNT, DURATION, choice
from cloudsms_simulator.server.setting_values import toml_value
from cloudsms_simulator.server.switches import SWITCH_KINDS
from cloudsms_simulator.server.toml_file import TomlValue

T = TypeVar("T")

_KINDS: Mapping[str, Kind] = {field.name: field.kind for field in fields_of(AccountSettings)}
_CALLED: Mapping[str, str] = {"plan": "report"}
"""What the settings call a field of an account."""
_PROFILE = choice(*PROFILES)
_NODES, _COUNTERS, _INSTANTS = 2**24, 0x1000, 16**13


def complain_of_account(account: Account, place: Place) -> None:
    """Complains of everything in an account that no configuration may say; of files it may name this knows nothing."""
    for field in msgspec.structs.fields(Account):
        kind, value = _KINDS.get(_CALLED.get(field.name, field.name)), getattr(account, field.name)
        if kind is not None and value is not None and field.name != "profile":
            _take(kind, _setting, value, place / field.name)
    complain_of_callback(_without_files(account.callback), place)
    _complain_of_profile(account.profile, place / "profile")
    AMOUNT.take(account.seed, place / "seed")
    _complain_of_book(account.rules.book, place / "rules")


def complain_of_remembered(remembered: Remembered, place: Place) -> None:
    """Complains of everything that no configuration may say in what is remembered of an account."""
    complain_of_account(remembered.created, place / "created")
    if remembered.changed is not None:
        complain_of_account(remembered.changed, place / "changed")
    for name in ("settings", "changed_settings"):
        settings = getattr(remembered, name)
        if isinstance(settings, AccountSettings):
            _complain_of_settings(settings, place / name)
    _complain_of_playing(remembered.began, place / "began")
    _complain_of_playing(remembered.playing, place / "playing")


def complain_of_standing(standing: Standing, place: Place) -> None:
    """Complains of a clock that shows what no clock does, and of counters that cannot be counted on."""
    try:
        checked_rate(standing.clock.rate)
        checked_moment(standing.clock.virtual)
    except ValueError as error:
        (place / "clock").complain(str(error))
    uids = standing.uids
    counts = {
        "uids.node": (uids.node, _NODES - 1),
        "uids.counter": (uids.counter, _COUNTERS - 1),
        "uids.instant": (uids.instant, _INSTANTS - 1),
        "uids.since": (uids.since, _COUNTERS),
        "dr_serial": (standing.dr_serial, HIGHEST_SERIAL),
        "packets": (standing.packets, 2**63),
    }
    for name, (count, most) in counts.items():
        if not 0 <= count <= most:
            (place / name).complain(f"got {count}, want a whole number from 0 to {most}")


def complain_of_destination(country_code: int, msisdn: str, place: Place) -> None:
    """Complains of a recipient that no packet could bring."""
    if country_code not in ASSIGNED:
        (place / "country_code").complain(f"got {country_code}, want an assigned country calling code, such as 852")
    if not (msisdn.isascii() and msisdn.isdigit() and len(msisdn) <= MSISDN_OCTETS):
        (place / "msisdn").complain(f"got {place.quoted(msisdn)}, want 1 to {MSISDN_OCTETS} digits")


def complain_of_plan(plan: Plan, place: Place) -> None:
    """Complains of a plan that is none: steps in order of time, all within 25 h, of which the last alone is final."""
    spans, ends = [step.after for step in plan.steps], [step.final for step in plan.steps]
    if not spans or spans != sorted(spans) or spans[-1] > EXPIRY or ends != [False] * (len(ends) - 1) + [True]:
        place.complain("want steps in order of time, within 25 h, the last of them final, and no other")


def _complain_of_settings(settings: AccountSettings, place: Place) -> None:
    for name, kind in _KINDS.items():
        value = getattr(settings, name)
        if value is not None:
            _take(kind, _setting, value, place / name)


def _complain_of_profile(profile: Profile, place: Place) -> None:
    _PROFILE.take(profile.name, place / "name")
    for name, kind in SWITCH_KINDS.items():
        _take(kind, toml_value, getattr(profile, name), place / name)


def _complain_of_playing(playing: Playing, place: Place) -> None:
    _complain_of_book(playing.own, place / "own")
    scenario = playing.scenario
    if scenario is None:
        return
    here = place / "scenario"
    NAME.take(scenario.name, here / "name")
    if scenario.seed is not None:
        AMOUNT.take(scenario.seed, here / "seed")
    for index, said in enumerate(scenario.accounts):
        _complain_of_settings(said.settings, here / "accounts" / index / "settings")
    _complain_of_book(scenario.book, here / "book")


def _complain_of_book(book: RuleBook, place: Place) -> None:
    _complain_of_rules(RULE, book.rules, place / "rules")
    _complain_of_rules(FAULT, book.faults, place / "faults")
    if book.outlook is not None:
        _take(REPORT, outlook_value, book.outlook, place / "outlook")
    for index, state in enumerate(book.states):
        STATE_NAME.take(state, place / "states" / index)
    for index, change in enumerate(book.timeline):
        here = place / "timeline" / index
        if change.at is not None:
            DURATION.take(duration_text(change.at), here / "at")
        if change.messages is not None:
            COUNT.take(change.messages, here / "messages")
        _complain_of_book(change.book, here / "book")


def _complain_of_rules(kind: Kind, rules: Iterable[Rule | FaultRule], place: Place) -> None:
    for index, rule in enumerate(rules):
        _take(kind, rule_value, rule, place / index)


def _take(kind: Kind, write: Callable[[T], TomlValue], value: T, place: Place) -> None:
    """Has a kind read a value as a configuration would write it; complains too where none can."""
    try:
        said = write(value)
    except (ValueError, TypeError, ArithmeticError, LookupError, msgspec.MsgspecError) as error:
        place.complain(f"cannot be said in a configuration: {error}")
    else:
        kind.take(said, place)


def _setting(value: object) -> TomlValue:
    return toml_value(_without_files(value) if isinstance(value, Callback) else value)


def _without_files(callback: Callback) -> Callback:
    """A callback without the paths of files, which are for the configuration alone to name."""
    return msgspec.structs.replace(callback, ca=None, client_cert=None, client_key=None)
