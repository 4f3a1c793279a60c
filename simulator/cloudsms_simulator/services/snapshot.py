"""The state of a simulator as one JSON document, and back again: `/state`.

`StateDocument` is what it holds: each account as it is, how it came to be so, and what is kept of it. A document that
is put gives the same state back; what was on the way when it was taken is pushed anew, since nobody knows how that
ended; clocks that are not real go on from what they showed. It holds the AUTH_KEYs whole.

What people wrote (accounts, settings, scenarios, rules) is in it as a configuration says it, written and read by the
types of `config`: what a configuration may not say, a document may not say either. What the simulator wrote (the
journal) is in it as `stores.codec` has it. Long lists stay raw, and each entry is read by itself, so that none keeps
other threads waiting for long.

Reading: R16.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from typing import Protocol

import msgspec

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.account_schema import STATE_ACCOUNT, STATE_SETTINGS, AccountSettings
from cloudsms_simulator.config.scenario_schema import STATE_BOOK, STATE_RULE_ID, STATE_SCENARIO
from cloudsms_simulator.config.schema import ListType, RecordType, TableKey, Type
from cloudsms_simulator.config.sources import JsonTable, Location, toml_of_json
from cloudsms_simulator.engine.account import NO_RULES, Account, AccountConfig, AccountDirectory, AccountState, Callback
from cloudsms_simulator.engine.billing import LedgerEntry
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
from cloudsms_simulator.engine.rules import CompiledRules
from cloudsms_simulator.models.server import STATE_VERSION
from cloudsms_simulator.moments import datetime
from cloudsms_simulator.net.wall_clock import WallClock
from cloudsms_simulator.protocol.codes import COUNTRY_CODES
from cloudsms_simulator.protocol.packet import HIGHEST_SERIAL, MSISDN_OCTETS
from cloudsms_simulator.protocol.timestamps import checked_moment
from cloudsms_simulator.services.accounts import AccountService
from cloudsms_simulator.services.clocks import ClockService
from cloudsms_simulator.services.scenarios import (
    AccountBaseline,
    ActiveScenario,
    ScenarioService,
    baseline_of,
    reset_config,
)
from cloudsms_simulator.stores.codec import CodecError, decode, decode_document, encode
from cloudsms_simulator.stores.store import AccountSnapshot, Store, due_again

# What people wrote, as a configuration says it.

_DEEPEST = 10_000
_PLAYING: Mapping[str, TableKey] = {
    "scenario": TableKey(STATE_SCENARIO, ""),
    "own": TableKey(STATE_BOOK, ""),
    "off": TableKey(ListType(want="a list of ids", item=STATE_RULE_ID, gather=frozenset), ""),
}
PLAYING = RecordType(want="what is played", entries=lambda: _PLAYING, blank=ActiveScenario())
_BASELINE: Mapping[str, TableKey] = {
    "settings": TableKey(STATE_SETTINGS, ""),
    "created": TableKey(STATE_ACCOUNT, "", required=True),
    "began": TableKey(PLAYING, ""),
    "playing": TableKey(PLAYING, ""),
    "changed": TableKey(STATE_ACCOUNT, ""),
    "changed_settings": TableKey(STATE_SETTINGS, ""),
}
BASELINE = RecordType(
    want="how an account came to be", entries=lambda: _BASELINE, blank=AccountBaseline(created=Account())
)

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


def _written(kind: Type, value: object) -> msgspec.Raw:
    return msgspec.Raw(_encoder.encode(kind.dump(value)))


def _read(kind: Type, said: msgspec.Raw, place: Location) -> object:
    return kind.take(toml_of_json(_decoder.decode(said), place, _DEEPEST), place)


def _with_rules(account: Account, playing: ActiveScenario) -> Account:
    rules = NO_RULES if playing == ActiveScenario() else CompiledRules(playing.book)
    return msgspec.structs.replace(account, rules=rules)


# The document.

_NO_WALL = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where the wall's time does not matter."""
_NODES, _COUNTERS, _INSTANTS = 2**24, 0x1000, 16**13


class MessageDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message; `request` is the number of its exchange. It has a `price`, or the `reason` it was rejected for."""

    uid: str
    request: int
    country_code: int
    msisdn: str
    price: Decimal | None = None
    reason: str | None = None
    plan: Plan
    passages: tuple[ReachedState, ...] = ()
    refunded: bool = False
    settled: bool = False
    rule: str | None = None


class KeptDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is kept of an account, or of nobody: an `AccountSnapshot`, the entries of its lists raw."""

    standing: msgspec.Raw
    tallies: tuple[msgspec.Raw, ...] = ()
    """Of each count what is counted, the rule, the recipient, and the count."""
    exchanges: tuple[msgspec.Raw, ...] = ()
    messages: tuple[msgspec.Raw, ...] = ()
    reports: tuple[msgspec.Raw, ...] = ()
    ledger: tuple[msgspec.Raw, ...] = ()
    evicted_exchanges: int = 0
    evicted_messages: int = 0
    evicted_reports: int = 0


class AccountDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An account: as it is, how it came to be so, and what is kept of it."""

    account: msgspec.Raw
    made: bool = False
    """Over the API, not by the configuration."""
    remembered: msgspec.Raw
    kept: KeptDocument


class StateDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that a server holds, as `/api/v1/state` gives and takes it."""

    version: int
    requests: int = 0
    """The number of the last exchange there was, also of one that is kept no more."""
    accounts: tuple[AccountDocument, ...]
    nobody: KeptDocument
    """What belongs to no account."""


class AccountInState(msgspec.Struct, frozen=True, kw_only=True):
    """An account of a document that was read."""

    account: Account
    made: bool
    remembered: AccountBaseline
    kept: AccountSnapshot


def account_document(
    account: Account, made: bool, remembered: AccountBaseline, kept: AccountSnapshot, wall: datetime
) -> AccountDocument:
    """An account as the document has it."""
    return AccountDocument(
        account=_written(STATE_ACCOUNT, account),
        made=made,
        remembered=_written(BASELINE, remembered),
        kept=kept_document(kept, wall),
    )


def kept_document(kept: AccountSnapshot, wall: datetime) -> KeptDocument:
    """What is kept of an account, or of nobody, as the document has it."""
    clock = kept.standing.clock
    now = clock.now(wall)
    shown = Clock(now, now if clock.is_real else _NO_WALL, clock.rate)
    return KeptDocument(
        standing=encode(msgspec.structs.replace(kept.standing, clock=shown)),
        tallies=tuple(encode((*tally, count)) for tally, count in kept.tallies.items()),
        exchanges=tuple(encode(_unpacked(exchange)) for exchange in kept.exchanges),
        messages=tuple(encode(_message_document(message)) for message in kept.messages),
        reports=tuple(encode(tuple(due_again(report, now) for report in each)) for each in kept.reports),
        ledger=tuple(map(encode, kept.ledger)),
        evicted_exchanges=kept.evicted_exchanges,
        evicted_messages=kept.evicted_messages,
        evicted_reports=kept.evicted_reports,
    )


def _unpacked(exchange: Exchange) -> Exchange:
    if not isinstance(exchange, Sending):
        return exchange
    return msgspec.structs.replace(exchange, kept_body=unpacked_body(exchange.kept_body))


def _message_document(message: Message) -> MessageDocument:
    return MessageDocument(
        uid=message.uid,
        request=message.sending.id,
        country_code=message.country_code,
        msisdn=message.msisdn,
        price=None if isinstance(message.admission, str) else message.admission,
        reason=message.reason,
        plan=message.plan,
        passages=message.passages,
        refunded=message.refunded,
        settled=message.settled,
        rule=message.rule,
    )


class ConfigDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is configured of an account, as a store on disk keeps it."""

    account: msgspec.Raw
    made: bool = False
    remembered: msgspec.Raw


class ConfigDocuments:
    """How a store on disk writes and reads what is configured of accounts."""

    def dump(self, config: AccountConfig) -> bytes:
        """The configuration as a document."""
        return msgspec.json.encode(
            ConfigDocument(
                account=_written(STATE_ACCOUNT, config.account),
                made=config.made,
                remembered=_written(BASELINE, baseline_of(config)),
            )
        )

    def read(self, document: bytes) -> AccountConfig:
        """The configuration of a document. Raises SettingsError for one that is none."""
        said = decode_document(document, ConfigDocument)
        problems: list[str] = []
        account, baseline = _account_and_baseline(said.account, said.remembered, Location(problems, JsonTable({})))
        if account is None or baseline is None:
            raise SettingsError(problems)
        return AccountConfig(account=account, baseline=baseline, made=said.made)

    def origin(self, config: AccountConfig) -> bytes:
        """How the account was created, as a document; but for its seed, as that of a state document is another one."""
        created = msgspec.structs.replace(baseline_of(config).created, seed=0)
        baseline = msgspec.structs.replace(baseline_of(reset_config(config)), created=created)
        return self.dump(AccountConfig(account=created, baseline=baseline))


# How a document is read.


def read_state_document(
    document: bytes, wall: datetime, known_files: set[str] | None
) -> tuple[int, Sequence[AccountInState], AccountSnapshot]:
    """The number of requests, the accounts, and what is kept of nobody by a document, with clocks that go on from now.

    Raises SettingsError for what is wrong with it. Paths of files may be none but the known ones, or any with None.
    """
    problems: list[str] = []
    place = Location(problems, JsonTable({}))
    try:
        state = _document(document)
        accounts = [
            _account_in_state(each, place / "accounts" / index, wall) for index, each in enumerate(state.accounts)
        ]
        nobody = _snapshot(state.nobody, place / "nobody", wall)
        if not problems:
            _check(accounts, nobody, state.requests, known_files)
    except CodecError as error:
        raise SettingsError([str(error)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SettingsError([f"the body is not JSON: {error}"]) from None
    except RecursionError:
        raise SettingsError(["it cannot be put: it is nested too deeply"]) from None
    except (ValueError, OverflowError) as error:
        raise SettingsError([f"it cannot be put: {error}"]) from error
    if problems:
        raise SettingsError(problems)
    return state.requests, [each for each in accounts if each is not None], nobody


class _Head(msgspec.Struct, frozen=True):
    version: object = None


def _document(document: bytes) -> StateDocument:
    """The document; SettingsError for one of another version, CodecError for a mistake in one of this."""
    mistake: CodecError | None = None
    try:
        state = decode_document(document, StateDocument)
        version: object = state.version
    except CodecError as error:
        mistake = error
        try:
            version = msgspec.json.decode(document, type=_Head).version
        except msgspec.ValidationError:
            version = None
    if version != STATE_VERSION:
        want = f'want a document whose "version" is {STATE_VERSION}, as GET gives it'
        old = "got a document of version 1, which an older simulator wrote: " if version == 1 else ""
        raise SettingsError([f"{old}{want}"])
    if mistake is not None:
        raise mistake
    return state


def _account_in_state(document: AccountDocument, place: Location, wall: datetime) -> AccountInState | None:
    """An account; None when something is wrong with it, which is noted then."""
    account, remembered = _account_and_baseline(document.account, document.remembered, place)
    kept = _snapshot(document.kept, place / "kept", wall)
    if account is None or remembered is None:
        return None
    return AccountInState(account=account, made=document.made, remembered=remembered, kept=kept)


def _account_and_baseline(
    said: msgspec.Raw, remembered: msgspec.Raw, place: Location
) -> tuple[Account, AccountBaseline] | tuple[None, None]:
    """An account and how it came to be so; nothing when something is wrong with them, which is noted then."""
    account, baseline = _read(STATE_ACCOUNT, said, place / "account"), _read(BASELINE, remembered, place / "remembered")
    if not isinstance(account, Account) or not isinstance(baseline, AccountBaseline):
        return None, None
    began, changed = baseline.began, baseline.changed
    baseline = msgspec.structs.replace(
        baseline,
        created=_with_rules(baseline.created, began),
        changed=None if changed is None else _with_rules(changed, began),
    )
    return _with_rules(account, baseline.playing), baseline


def _snapshot(document: KeptDocument, place: Location, wall: datetime) -> AccountSnapshot:
    path = place.name
    standing = decode(document.standing, AccountState, f"{path}.standing")
    tallies = (decode(each, tuple[str, str, str, int], f"{path}.tallies") for each in document.tallies)
    exchanges = tuple(
        _packed(decode(each, Exchange | Sending, f"{path}.exchanges[{index}]"))  # type: ignore[arg-type]
        for index, each in enumerate(document.exchanges)
    )
    sendings = {exchange.id: exchange for exchange in exchanges if isinstance(exchange, Sending)}
    plans: dict[Plan, Plan] = {}
    messages = tuple(
        _message(
            decode(each, MessageDocument, f"{path}.messages[{index}]"), sendings, plans, place / "messages" / index
        )
        for index, each in enumerate(document.messages)
    )
    found = AccountSnapshot(
        standing=standing,
        tallies={(what, rule, recipient): count for what, rule, recipient, count in tallies},
        exchanges=exchanges,
        messages=messages,
        reports=tuple(
            decode(each, tuple[Report, ...], f"{path}.reports[{index}]") for index, each in enumerate(document.reports)
        ),
        ledger=tuple(
            decode(each, LedgerEntry, f"{path}.ledger[{index}]") for index, each in enumerate(document.ledger)
        ),
        evicted_exchanges=document.evicted_exchanges,
        evicted_messages=document.evicted_messages,
        evicted_reports=document.evicted_reports,
    )
    _check_standing(found, place / "standing")
    return msgspec.structs.replace(
        found, standing=msgspec.structs.replace(standing, clock=_clock_going_on(standing.clock, wall))
    )


def _clock_going_on(shown: Clock, wall: datetime) -> Clock:
    """The clock that goes on from here."""
    return Clock.real(wall) if shown.is_real else Clock(shown.virtual, wall, shown.rate)


def _packed(exchange: Exchange) -> Exchange:
    if not isinstance(exchange, Sending) or not isinstance(exchange.accepted, str):
        return exchange
    return msgspec.structs.replace(exchange, kept_body=packed_body(exchange.kept_body))


def _message(
    kept: MessageDocument, sendings: Mapping[int, Sending], plans: dict[Plan, Plan], place: Location
) -> Message:
    """A message. Notes an error for a recipient that no packet could bring, and for a plan that is none."""
    if kept.country_code not in COUNTRY_CODES:
        (place / "country_code").error(f"got {kept.country_code}, want an assigned country calling code, such as 852")
    if not (kept.msisdn.isascii() and kept.msisdn.isdigit() and len(kept.msisdn) <= MSISDN_OCTETS):
        (place / "msisdn").error(f"got {place.quoted(kept.msisdn)}, want 1 to {MSISDN_OCTETS} digits")
    if kept.plan not in plans:
        _check_plan(kept.plan, place / "plan")
    admission = kept.price if kept.reason is None else kept.reason
    if admission is None or (kept.price is not None and kept.reason is not None):
        raise ValueError(f"message {kept.uid} has neither price nor reason, or both")
    if kept.request not in sendings:
        raise ValueError("the messages are not those that the exchanges speak of")
    if len(kept.passages) > len(kept.plan.steps):
        raise ValueError(f"message {kept.uid} does not go with its plan")
    return Message(
        uid=kept.uid,
        sending=sendings[kept.request],
        country_code=kept.country_code,
        msisdn=kept.msisdn,
        admission=admission,
        plan=plans.setdefault(kept.plan, kept.plan),
        passages=kept.passages,
        refunded=kept.refunded,
        settled=kept.settled,
        rule=kept.rule,
    )


# What must hold besides.


def _check_plan(plan: Plan, place: Location) -> None:
    """Notes an error for a plan that is none: steps in order of time, all within 25 h, of which the last alone is
    final."""
    spans, ends = [step.after for step in plan.steps], [step.final for step in plan.steps]
    if not spans or spans != sorted(spans) or spans[-1] > EXPIRY or ends != [False] * (len(ends) - 1) + [True]:
        place.error("want steps in order of time, within 25 h, the last of them final, and no other")


def _check_standing(kept: AccountSnapshot, place: Location) -> None:
    """Notes an error for a clock that shows what no clock does, and for counters that cannot be counted on."""
    standing, uids = kept.standing, kept.standing.uids
    try:
        checked_rate(standing.clock.rate)
        checked_moment(standing.clock.virtual)
    except ValueError as error:
        (place / "clock").error(str(error))
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
    outstanding = sum(not message.settled for message in kept.messages)
    if standing.outstanding != outstanding:
        (place / "outstanding").error(
            f"got {standing.outstanding}, want {outstanding}, as many as there are messages not settled"
        )


def _check(
    accounts: Sequence[AccountInState | None], nobody: AccountSnapshot, requests: int, known_files: set[str] | None
) -> None:
    """Raises ValueError for what does not go together."""
    found = [each for each in accounts if each is not None]
    AccountDirectory(each.account for each in found)
    if not any(each.account.name == "default" for each in found):
        raise ValueError('there is no account "default", which every simulator has')
    numbers: set[int] = set()
    for each in found:
        name = each.account.name
        if each.remembered.created.name != name or each.remembered.created.auth_key != each.account.auth_key:
            raise ValueError(f'account "{name}" was not created with another name or AUTH_KEY')
        for file in _files_of(each):
            if known_files is not None and file not in known_files:
                raise ValueError(f'account "{name}" names a file, {file}: paths are for the configuration')
        _check_part(each.kept, name, numbers)
    _check_part(nobody, None, numbers)
    if max(numbers, default=0) > requests:
        raise ValueError("an exchange has an id above the number of requests")


def _check_part(part: AccountSnapshot, name: str | None, numbers: set[int]) -> None:
    uids = {message.uid: message.sending.id for message in part.messages}
    exchanges = {exchange.id: exchange for exchange in part.exchanges}
    if len(exchanges) < len(part.exchanges) or numbers & exchanges.keys():
        raise ValueError("two exchanges have the same id")
    numbers.update(exchanges)
    accepted = {uid: exchange.id for exchange in exchanges.values() for uid in exchange.uids}
    if uids != accepted:
        raise ValueError("the messages are not those that the exchanges speak of")
    if any(exchange.account != name for exchange in exchanges.values()):
        raise ValueError(f'an exchange of account "{name}" says that it is of another')
    if any(not reports or any(report.uid not in uids for report in reports) for reports in part.reports):
        raise ValueError("a report is of a message there is none of")


def _files_of(state: AccountInState) -> Iterator[str]:
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
        await self._store.fresh(None)
        requests = await self._store.look(None, lambda transaction: transaction.request_id) - 1
        wall = self._wall.now()
        everything = [
            (account, self._keeper.made(account), self._scenarios.baseline(account), self._store.kept(account))
            for account in self._store.directory
        ]
        nobody = self._store.kept(None)

        def document() -> bytes:
            accounts = (account_document(*each, wall) for each in everything)
            kept = kept_document(nobody, wall)
            state = StateDocument(version=STATE_VERSION, requests=requests, accounts=tuple(accounts), nobody=kept)
            return msgspec.json.encode(state)

        return await asyncio.to_thread(document)

    async def put(self, document: bytes, *, trusted: bool = False) -> None:
        """Puts the state of a document in the place of the one there is, whose pushes on the way are aborted.

        It may name the files that an account names by now; a `trusted` one any, if whoever gives it may read them too.
        Raises SettingsError, and nothing has changed, when it is no such document, or cannot be.
        """
        named = {path for account in self._store.directory for path in files_of(account.callback)}
        known = None if trusted else named
        async with self._putting:
            requests, states, nobody = await asyncio.to_thread(read_state_document, document, self._wall.now(), known)
            accounts = [each.account for each in states]
            everything: list[tuple[AccountConfig | None, AccountSnapshot]] = [
                (AccountConfig(account=each.account, baseline=each.remembered, made=each.made), each.kept)
                for each in states
            ]
            async with self._timekeeper.halted(self._store.directory):
                await self._store.restore([*everything, (None, nobody)], requests)
            self._timekeeper.forget_all_but(accounts)
            for account in accounts:
                self._pusher.clock_changed(account)
