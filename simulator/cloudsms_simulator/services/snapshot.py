"""The state of a simulator as one JSON document, and back again: `/state`.

`StateDocument` is what it holds: each account as it is, how it came to be so, and what is kept of it. A document that
is put gives the same state back; what was on the way when it was taken is pushed anew, since nobody knows how that
ended; clocks that are not real go on from what they showed. Whatever a configuration may not say, a document may not
say either: its accounts, settings and rules are read by the types that read configurations. It holds the AUTH_KEYs
whole.

Reading: R16.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from cloudsms_simulator.config.account_schema import NAME, AccountSettings, check_callback
from cloudsms_simulator.config.match_schema import STATE_NAME
from cloudsms_simulator.config.outcome_schema import REPORT
from cloudsms_simulator.config.problems import SettingsError
from cloudsms_simulator.config.rule_schema import FAULT, RULE
from cloudsms_simulator.config.schema import Type, fields_of
from cloudsms_simulator.config.sources import JsonTable, Location
from cloudsms_simulator.config.values import COUNT, COUNT_FROM_ZERO, DURATION, SWITCH_TYPES, choice_type
from cloudsms_simulator.engine.account import Account, AccountConfig, AccountDirectory, AccountState, Callback
from cloudsms_simulator.engine.clock import Clock, checked_rate
from cloudsms_simulator.engine.plan import EXPIRY, Plan
from cloudsms_simulator.engine.records import (
    Exchange,
    Message,
    ReachedState,
    Report,
    Sending,
    packed_body,
    unpacked_body,
)
from cloudsms_simulator.engine.rules import FaultRule, Rule, RuleBook
from cloudsms_simulator.models.durations import duration_text
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import COUNTRY_CODES
from cloudsms_simulator.protocol.packet import HIGHEST_SERIAL, MSISDN_OCTETS
from cloudsms_simulator.protocol.profile import PROFILES, Profile
from cloudsms_simulator.protocol.timestamps import checked_moment
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.scenarios import AccountBaseline, ActiveScenario, ScenarioService
from cloudsms_simulator.stores.codec import MisfitError, decode_document, encode_document, from_plain
from cloudsms_simulator.stores.store import AccountSnapshot, Store

T = TypeVar("T")

_ACCOUNT_TYPES: Mapping[str, Type] = {field.name: field.kind for field in fields_of(AccountSettings)}
_SETTING_OF_FIELD: Mapping[str, str] = {"plan": "report"}
"""What the settings call a field of an account."""
_PROFILE = choice_type(*PROFILES)
_NODES, _COUNTERS, _INSTANTS = 2**24, 0x1000, 16**13


def check_account(account: Account, place: Location) -> None:
    """Complains of everything in an account that no configuration may say; of files it may name this knows nothing."""
    for field in msgspec.structs.fields(Account):
        kind, value = _ACCOUNT_TYPES.get(_SETTING_OF_FIELD.get(field.name, field.name)), getattr(account, field.name)
        if kind is not None and value is not None and field.name != "profile":
            _check_with_type(kind, value, place / field.name)
    check_callback(_callback_without_files(account.callback), place)
    _check_profile(account.profile, place / "profile")
    COUNT_FROM_ZERO.take(account.seed, place / "seed")
    _check_rule_book(account.rules.book, place / "rules")


def check_baseline(remembered: AccountBaseline, place: Location) -> None:
    """Complains of everything that no configuration may say in what is remembered of an account."""
    check_account(remembered.created, place / "created")
    if remembered.changed is not None:
        check_account(remembered.changed, place / "changed")
    for name in ("settings", "changed_settings"):
        settings = getattr(remembered, name)
        if isinstance(settings, AccountSettings):
            _check_settings(settings, place / name)
    _check_active_scenario(remembered.began, place / "began")
    _check_active_scenario(remembered.playing, place / "playing")


def check_account_state(standing: AccountState, place: Location) -> None:
    """Complains of a clock that shows what no clock does, and of counters that cannot be counted on."""
    try:
        checked_rate(standing.clock.rate)
        checked_moment(standing.clock.virtual)
    except ValueError as error:
        (place / "clock").error(str(error))
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
            (place / name).error(f"got {count}, want a whole number from 0 to {most}")


def check_destination(country_code: int, msisdn: str, place: Location) -> None:
    """Complains of a recipient that no packet could bring."""
    if country_code not in COUNTRY_CODES:
        (place / "country_code").error(f"got {country_code}, want an assigned country calling code, such as 852")
    if not (msisdn.isascii() and msisdn.isdigit() and len(msisdn) <= MSISDN_OCTETS):
        (place / "msisdn").error(f"got {place.quoted(msisdn)}, want 1 to {MSISDN_OCTETS} digits")


def check_plan(plan: Plan, place: Location) -> None:
    """Complains of a plan that is none: steps in order of time, all within 25 h, of which the last alone is final."""
    spans, ends = [step.after for step in plan.steps], [step.final for step in plan.steps]
    if not spans or spans != sorted(spans) or spans[-1] > EXPIRY or ends != [False] * (len(ends) - 1) + [True]:
        place.error("want steps in order of time, within 25 h, the last of them final, and no other")


def _check_settings(settings: AccountSettings, place: Location) -> None:
    for name, kind in _ACCOUNT_TYPES.items():
        value = getattr(settings, name)
        if value is not None:
            _check_with_type(kind, value, place / name)


def _check_profile(profile: Profile, place: Location) -> None:
    _PROFILE.take(profile.name, place / "name")
    for name, kind in SWITCH_TYPES.items():
        _check_with_type(kind, getattr(profile, name), place / name)


def _check_active_scenario(playing: ActiveScenario, place: Location) -> None:
    _check_rule_book(playing.own, place / "own")
    scenario = playing.scenario
    if scenario is None:
        return
    here = place / "scenario"
    NAME.take(scenario.name, here / "name")
    if scenario.seed is not None:
        COUNT_FROM_ZERO.take(scenario.seed, here / "seed")
    for index, said in enumerate(scenario.accounts):
        _check_settings(said.settings, here / "accounts" / index / "settings")
    _check_rule_book(scenario.book, here / "book")


def _check_rule_book(book: RuleBook, place: Location) -> None:
    _check_rules(RULE, book.rules, place / "rules")
    _check_rules(FAULT, book.faults, place / "faults")
    if book.outlook is not None:
        _check_with_type(REPORT, book.outlook, place / "outlook")
    for index, state in enumerate(book.states):
        STATE_NAME.take(state, place / "states" / index)
    for index, change in enumerate(book.timeline):
        here = place / "timeline" / index
        if change.at is not None:
            DURATION.take(duration_text(change.at), here / "at")
        if change.messages is not None:
            COUNT.take(change.messages, here / "messages")
        _check_rule_book(change.book, here / "book")


def _check_rules(kind: Type, rules: Iterable[Rule | FaultRule], place: Location) -> None:
    for index, rule in enumerate(rules):
        _check_with_type(kind, rule, place / index)


def _check_with_type(kind: Type, value: object, place: Location) -> None:
    """Has a kind read a value as a configuration would write it; complains too where none can."""
    if isinstance(value, Callback):
        value = _callback_without_files(value)
    try:
        said = kind.dump(value)
    except (ValueError, TypeError, ArithmeticError, LookupError, msgspec.MsgspecError) as error:
        place.error(f"cannot be said in a configuration: {error}")
    else:
        kind.take(said, place)


def _callback_without_files(callback: Callback) -> Callback:
    """A callback without the paths of files, which are for the configuration alone to name."""
    return msgspec.structs.replace(callback, ca=None, client_cert=None, client_key=None)


STATE_VERSION = 1
_DEPTH = 6
"""How deep down its long lists lie: in `kept.rest` of an account, which is one of `accounts`."""
_NO_WALL = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where the wall's time does not matter."""


class MessageDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A message; `request` is the number of its exchange."""

    uid: str
    request: int
    country_code: int
    msisdn: str
    admission: Decimal | str
    plan: Plan
    passages: tuple[ReachedState, ...] = ()
    refunded: bool = False
    settled: bool = False
    rule: str | None = None


class KeptDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an account, or of nobody; the messages aside, each of which names its exchange."""

    rest: AccountSnapshot
    messages: tuple[MessageDocument, ...] = ()


class AccountDocument(msgspec.Struct, frozen=True, kw_only=True):
    """An account: as it is, how it came to be so, and what is kept of it."""

    account: Account
    made: bool = False
    """Over the API, not by the configuration."""
    remembered: AccountBaseline
    kept: KeptDocument


class StateDocument(msgspec.Struct, frozen=True, kw_only=True):
    """All that a server holds, as `/api/v1/state` gives and takes it."""

    version: int = STATE_VERSION
    requests: int = 0
    """The number of the last exchange there was, also of one that is kept no more."""
    accounts: tuple[AccountDocument, ...]
    nobody: KeptDocument
    """What belongs to no account."""


def account_document(
    account: Account, made: bool, remembered: AccountBaseline, kept: AccountSnapshot, wall: datetime
) -> AccountDocument:
    """An account as the document has it."""
    return AccountDocument(account=account, made=made, remembered=_shown(remembered), kept=kept_document(kept, wall))


def encode_state_document(state: StateDocument) -> bytes:
    """Writes a state document as JSON."""
    return b'{"version":%d,%b' % (state.version, encode_document(state, _DEPTH).removeprefix(b"{"))


def _shown(remembered: AccountBaseline) -> AccountBaseline:
    return msgspec.structs.replace(
        remembered, began=_scenario_without_files(remembered.began), playing=_scenario_without_files(remembered.playing)
    )


def _scenario_without_files(playing: ActiveScenario) -> ActiveScenario:
    """What is played, but for where it stood on this machine."""
    scenario = playing.scenario
    if scenario is None:
        return playing
    bare = msgspec.structs.replace(scenario, path=Path(scenario.name), files=(), origins={}, warnings=())
    return msgspec.structs.replace(playing, scenario=bare)


def kept_document(kept: AccountSnapshot, wall: datetime) -> KeptDocument:
    """What is kept of an account, or of nobody, as the document has it."""
    clock = kept.standing.clock
    now = clock.now(wall)
    shown = Clock(now, now if clock.is_real else _NO_WALL, clock.rate)
    rest = msgspec.structs.replace(
        kept,
        standing=msgspec.structs.replace(kept.standing, clock=shown),
        exchanges=tuple(_unpacked(exchange) for exchange in kept.exchanges),
        messages=(),
        reports=tuple(tuple(_due_again(report, now) for report in each) for each in kept.reports),
    )
    return KeptDocument(rest=rest, messages=tuple(_kept_message(message) for message in kept.messages))


def _due_again(report: Report, now: datetime) -> Report:
    """A report; one that is on the way is due."""
    on_the_way = report.outcome == "pending" and report.next_attempt_at is None
    return msgspec.structs.replace(report, next_attempt_at=now) if on_the_way else report


def _unpacked(exchange: Exchange) -> Exchange:
    if not isinstance(exchange, Sending):
        return exchange
    return msgspec.structs.replace(exchange, kept_body=unpacked_body(exchange.kept_body))


def _kept_message(message: Message) -> MessageDocument:
    return MessageDocument(
        uid=message.uid,
        request=message.sending.id,
        country_code=message.country_code,
        msisdn=message.msisdn,
        admission=message.admission,
        plan=message.plan,
        passages=message.passages,
        refunded=message.refunded,
        settled=message.settled,
        rule=message.rule,
    )


def read_state_document(
    document: bytes, wall: datetime, known_files: set[str]
) -> tuple[StateDocument, Sequence[tuple[Account | None, AccountSnapshot]]]:
    """A document, and what is kept of each account by it, with clocks that go on from now.

    Raises SettingsError for the first thing that is wrong with it. Paths of files may be none but the known ones.
    """
    try:
        data = decode_document(document, _DEPTH)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError([f"the body is not JSON: {error}"]) from None
    if not isinstance(data, dict) or data.get("version") != STATE_VERSION:
        raise SettingsError([f'want a document whose "version" is {STATE_VERSION}, as GET gives it'])
    try:
        state = from_plain(data, StateDocument)
        _check(state, known_files)
        _check_values(state)
        kept = [(each.account, _kept(each.kept, wall)) for each in state.accounts]
        return state, [*kept, (None, _kept(state.nobody, wall))]
    except MisfitError as error:
        raise SettingsError([str(error)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"the body is not JSON: {error}"]) from None
    except RecursionError:
        raise SettingsError(["it cannot be put: it is nested too deeply"]) from None
    except (ValueError, OverflowError) as error:
        raise SettingsError([f"it cannot be put: {error}"]) from error


def _check(state: StateDocument, known_files: set[str]) -> None:
    """Raises ValueError for what does not go together."""
    AccountDirectory(each.account for each in state.accounts)
    if not any(each.account.name == "default" for each in state.accounts):
        raise ValueError('there is no account "default", which every simulator has')
    numbers: set[int] = set()
    for each in state.accounts:
        name = each.account.name
        if each.remembered.created.name != name or each.remembered.created.auth_key != each.account.auth_key:
            raise ValueError(f'account "{name}" was not created with another name or AUTH_KEY')
        for file in _files_of(each):
            if file not in known_files:
                raise ValueError(f'account "{name}" names a file, {file}: paths are for the configuration')
        _check_part(each.kept, name, numbers)
    _check_part(state.nobody, None, numbers)
    if max(numbers, default=0) > state.requests:
        raise ValueError("an exchange has an id above the number of requests")


def _check_values(state: StateDocument) -> None:
    """Raises SettingsError with everything that no configuration could say, and no packet bring."""
    problems: list[str] = []
    place = Location(problems, JsonTable({}))
    for index, each in enumerate(state.accounts):
        here = place / "accounts" / index
        check_account(each.account, here / "account")
        check_baseline(each.remembered, here / "remembered")
        _check_kept(each.kept, here / "kept")
    _check_kept(state.nobody, place / "nobody")
    if problems:
        raise SettingsError(problems)


def _check_kept(part: KeptDocument, place: Location) -> None:
    check_account_state(part.rest.standing, place / "rest" / "standing")
    outstanding = sum(not message.settled for message in part.messages)
    if part.rest.standing.outstanding != outstanding:
        (place / "rest" / "standing" / "outstanding").error(
            f"got {part.rest.standing.outstanding}, want {outstanding}, as many as there are messages not settled"
        )
    plans: set[Plan] = set()
    for index, message in enumerate(part.messages):
        here = place / "messages" / index
        check_destination(message.country_code, message.msisdn, here)
        if message.plan not in plans:
            plans.add(message.plan)
            check_plan(message.plan, here / "plan")


def _check_part(part: KeptDocument, name: str | None, numbers: set[int]) -> None:
    uids = {message.uid: message.request for message in part.messages}
    exchanges = {exchange.id: exchange for exchange in part.rest.exchanges}
    if len(exchanges) < len(part.rest.exchanges) or numbers & exchanges.keys():
        raise ValueError("two exchanges have the same id")
    numbers |= exchanges.keys()
    accepted = {uid: exchange.id for exchange in exchanges.values() for uid in exchange.uids}
    if uids != accepted:
        raise ValueError("the messages are not those that the exchanges speak of")
    if any(exchange.account != name for exchange in exchanges.values()):
        raise ValueError(f'an exchange of account "{name}" says that it is of another')
    if any(not reports or any(report.uid not in uids for report in reports) for reports in part.rest.reports):
        raise ValueError("a report is of a message there is none of")
    for message in part.messages:
        if not isinstance(exchanges[message.request], Sending) or len(message.passages) > len(message.plan.steps):
            raise ValueError(f"message {message.uid} does not go with its exchange or its plan")


def _files_of(state: AccountDocument) -> Iterator[str]:
    remembered = state.remembered
    settings: list[AccountSettings | None] = [remembered.settings, remembered.changed_settings]
    for playing in (remembered.began, remembered.playing):
        if playing.scenario is not None:
            settings += [said.settings for said in playing.scenario.accounts]
    accounts = [state.account, remembered.created, remembered.changed]
    for each in (*settings, *accounts):
        if each is not None:
            yield from files_of(each.callback)


def files_of(callback: Callback) -> Iterator[str]:
    """The paths that a callback names."""
    yield from filter(None, (callback.ca, callback.client_cert, callback.client_key))


def _kept(part: KeptDocument, wall: datetime) -> AccountSnapshot:
    exchanges = tuple(_packed(exchange) for exchange in part.rest.exchanges)
    sendings = {exchange.id: exchange for exchange in exchanges if isinstance(exchange, Sending)}
    plans: dict[Plan, Plan] = {}
    standing = part.rest.standing
    return msgspec.structs.replace(
        part.rest,
        standing=msgspec.structs.replace(standing, clock=_clock_going_on(standing.clock, wall)),
        exchanges=exchanges,
        messages=tuple(_message(each, sendings, plans) for each in part.messages),
    )


def _clock_going_on(shown: Clock, wall: datetime) -> Clock:
    """The clock that goes on from here."""
    return Clock.real(wall) if shown.is_real else Clock(shown.virtual, wall, shown.rate)


def _packed(exchange: Exchange) -> Exchange:
    if not isinstance(exchange, Sending) or not isinstance(exchange.accepted, str):
        return exchange
    return msgspec.structs.replace(exchange, kept_body=packed_body(exchange.kept_body))


def _message(kept: MessageDocument, sendings: Mapping[int, Sending], plans: dict[Plan, Plan]) -> Message:
    return Message(
        uid=kept.uid,
        sending=sendings[kept.request],
        country_code=kept.country_code,
        msisdn=kept.msisdn,
        admission=kept.admission,
        plan=plans.setdefault(kept.plan, kept.plan),
        passages=kept.passages,
        refunded=kept.refunded,
        settled=kept.settled,
        rule=kept.rule,
    )


class WakeablePusher(Protocol):
    """What is told that an account is another one now, with other things due."""

    def clock_changed(self, account: Account) -> None:
        """What is due is due at another time of the wall."""
        ...


class StateService:
    """Takes the state of a simulator, and puts one in its place. Belongs to one event loop."""

    def __init__(
        self,
        store: Store,
        scenarios: ScenarioService,
        timekeeper: ClockService,
        keeper: AccountService,
        pusher: WakeablePusher,
        wall: WallClock,
    ) -> None:
        self._store = store
        self._scenarios = scenarios
        self._timekeeper = timekeeper
        self._keeper = keeper
        self._pusher = pusher
        self._wall = wall
        self._putting = asyncio.Lock()

    async def take(self) -> bytes:
        """The document: everything at this one moment."""
        requests = await self._store.look(None, lambda transaction: transaction.request_id) - 1
        wall = self._wall.now()
        everything = [
            (account, self._keeper.made(account), self._scenarios.baseline(account), self._store.kept(account))
            for account in self._store.directory
        ]
        nobody = self._store.kept(None)

        def document() -> bytes:
            accounts = (account_document(*each, wall) for each in everything)
            return encode_state_document(
                StateDocument(requests=requests, accounts=tuple(accounts), nobody=kept_document(nobody, wall))
            )

        return await asyncio.to_thread(document)

    async def put(self, document: bytes) -> None:
        """Puts the state of a document in the place of the one there is, whose pushes on the way are aborted.

        Raises SettingsError, and nothing has changed, when it is no such document, or cannot be.
        """
        known = {path for account in self._store.directory for path in files_of(account.callback)}
        async with self._putting:
            state, kept = await asyncio.to_thread(read_state_document, document, self._wall.now(), known)
            accounts = [each.account for each in state.accounts]
            configs = {
                each.account.name: AccountConfig(account=each.account, baseline=each.remembered, made=each.made)
                for each in state.accounts
            }
            everything = [(None if account is None else configs[account.name], part) for account, part in kept]
            async with self._timekeeper.halted(self._store.directory):
                await self._store.restore(everything, state.requests)
            self._timekeeper.forget_all_but(accounts)
            for account in accounts:
                self._pusher.clock_changed(account)
