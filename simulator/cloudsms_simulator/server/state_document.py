"""The state document: what it holds, how it is made of what a simulator has, and how it is read and checked.

Clocks are written as what they show. What was on the way is due again.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import msgspec

from cloudsms_simulator.engine.account import Account, Callback
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.message import Message, Passage, Sending
from cloudsms_simulator.engine.packed_body import packed, unpacked
from cloudsms_simulator.engine.report import Report
from cloudsms_simulator.engine.script import Plan
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.server.account_settings import AccountSettings
from cloudsms_simulator.server.json_table import JsonTable
from cloudsms_simulator.server.place import Place
from cloudsms_simulator.server.playing import Playing
from cloudsms_simulator.server.problems import SettingsError
from cloudsms_simulator.server.remembered import Remembered
from cloudsms_simulator.server.state_checks import (
    complain_of_account,
    complain_of_destination,
    complain_of_plan,
    complain_of_remembered,
    complain_of_standing,
)
from cloudsms_simulator.server.value_reader import opened, read
from cloudsms_simulator.server.value_scalars import MisfitError
from cloudsms_simulator.server.value_writer import encoded
from cloudsms_simulator.stores.kept import Kept

VERSION = 1
_DEPTH = 6
"""How deep down its long lists lie: in `kept.rest` of an account, which is one of `accounts`."""
_NO_WALL = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands where the wall's time does not matter."""


class KeptMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A message; `request` is the number of its exchange."""

    uid: str
    request: int
    country_code: int
    msisdn: str
    admission: Decimal | str
    plan: Plan
    passages: tuple[Passage, ...] = ()
    refunded: bool = False
    settled: bool = False
    rule: str | None = None


class KeptPart(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an account, or of nobody; the messages aside, each of which names its exchange."""

    rest: Kept
    messages: tuple[KeptMessage, ...] = ()


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """An account: as it is, how it came to be so, and what is kept of it."""

    account: Account
    made: bool = False
    """Over the API, not by the configuration."""
    remembered: Remembered
    kept: KeptPart


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Everything."""

    version: int = VERSION
    requests: int = 0
    """The number of the last exchange there was, also of one that is kept no more."""
    accounts: tuple[AccountState, ...]
    nobody: KeptPart
    """What belongs to no account."""


def account_state(account: Account, made: bool, remembered: Remembered, kept: Kept, wall: datetime) -> AccountState:
    """An account as the document has it."""
    return AccountState(account=account, made=made, remembered=_shown(remembered), kept=kept_part(kept, wall))


def encode_state(state: State) -> bytes:
    """The document."""
    return b'{"version":%d,%b' % (state.version, encoded(state, _DEPTH).removeprefix(b"{"))


def _shown(remembered: Remembered) -> Remembered:
    return msgspec.structs.replace(
        remembered, began=_without_files(remembered.began), playing=_without_files(remembered.playing)
    )


def _without_files(playing: Playing) -> Playing:
    """What is played, but for where it stood on this machine."""
    scenario = playing.scenario
    if scenario is None:
        return playing
    bare = msgspec.structs.replace(scenario, path=Path(scenario.name), files=(), origins={}, warnings=())
    return msgspec.structs.replace(playing, scenario=bare)


def kept_part(kept: Kept, wall: datetime) -> KeptPart:
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
    return KeptPart(rest=rest, messages=tuple(_kept_message(message) for message in kept.messages))


def _due_again(report: Report, now: datetime) -> Report:
    """A report; one that is on the way is due."""
    on_the_way = report.outcome == "pending" and report.next_attempt_at is None
    return msgspec.structs.replace(report, next_attempt_at=now) if on_the_way else report


def _unpacked(exchange: Exchange) -> Exchange:
    if not isinstance(exchange, Sending):
        return exchange
    return msgspec.structs.replace(exchange, kept_body=unpacked(exchange.kept_body))


def _kept_message(message: Message) -> KeptMessage:
    return KeptMessage(
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


def read_state(
    document: bytes, wall: datetime, known_files: set[str]
) -> tuple[State, Sequence[tuple[Account | None, Kept]]]:
    """A document, and what is kept of each account by it, with clocks that go on from now.

    Raises SettingsError for the first thing that is wrong with it. Paths of files may be none but the known ones.
    """
    try:
        data = opened(document, _DEPTH)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError([f"the body is not JSON: {error}"]) from None
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise SettingsError([f'want a document whose "version" is {VERSION}, as GET gives it'])
    try:
        state = read(data, State)
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


def _check(state: State, known_files: set[str]) -> None:
    """Raises ValueError for what does not go together."""
    Directory(each.account for each in state.accounts)
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


def _check_values(state: State) -> None:
    """Raises SettingsError with everything that no configuration could say, and no packet bring."""
    problems: list[str] = []
    place = Place(problems, JsonTable({}))
    for index, each in enumerate(state.accounts):
        here = place / "accounts" / index
        complain_of_account(each.account, here / "account")
        complain_of_remembered(each.remembered, here / "remembered")
        _check_kept(each.kept, here / "kept")
    _check_kept(state.nobody, place / "nobody")
    if problems:
        raise SettingsError(problems)


def _check_kept(part: KeptPart, place: Place) -> None:
    complain_of_standing(part.rest.standing, place / "rest" / "standing")
    outstanding = sum(not message.settled for message in part.messages)
    if part.rest.standing.outstanding != outstanding:
        (place / "rest" / "standing" / "outstanding").complain(
            f"got {part.rest.standing.outstanding}, want {outstanding}, as many as there are messages not settled"
        )
    plans: set[Plan] = set()
    for index, message in enumerate(part.messages):
        here = place / "messages" / index
        complain_of_destination(message.country_code, message.msisdn, here)
        if message.plan not in plans:
            plans.add(message.plan)
            complain_of_plan(message.plan, here / "plan")


def _check_part(part: KeptPart, name: str | None, numbers: set[int]) -> None:
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


def _files_of(state: AccountState) -> Iterator[str]:
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


def _kept(part: KeptPart, wall: datetime) -> Kept:
    exchanges = tuple(_packed(exchange) for exchange in part.rest.exchanges)
    sendings = {exchange.id: exchange for exchange in exchanges if isinstance(exchange, Sending)}
    plans: dict[Plan, Plan] = {}
    standing = part.rest.standing
    return msgspec.structs.replace(
        part.rest,
        standing=msgspec.structs.replace(standing, clock=_going(standing.clock, wall)),
        exchanges=exchanges,
        messages=tuple(_message(each, sendings, plans) for each in part.messages),
    )


def _going(shown: Clock, wall: datetime) -> Clock:
    """The clock that goes on from here."""
    return Clock.real(wall) if shown.is_real else Clock(shown.virtual, wall, shown.rate)


def _packed(exchange: Exchange) -> Exchange:
    if not isinstance(exchange, Sending) or not isinstance(exchange.accepted, str):
        return exchange
    return msgspec.structs.replace(exchange, kept_body=packed(exchange.kept_body))


def _message(kept: KeptMessage, sendings: Mapping[int, Sending], plans: dict[Plan, Plan]) -> Message:
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
