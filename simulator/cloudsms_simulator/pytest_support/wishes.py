"""Wishes: what a test wants of its account, from the fixture `cloudsms_settings`, its marker, and calls."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast, get_args

import msgspec

from cloudsms_simulator.client_said import Duration
from cloudsms_simulator.pytest_support.server import Mtls
from cloudsms_simulator.pytest_support.strictness import strictness_of

OWN = ("mtls", "timeout", "strict_answers", "callback_host", "scenario")
"""What the fixture sees to itself. Everything else is a setting of the account."""

_SEEDS = 2**32


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the fixture sees to, and the settings that the account is made with."""

    account: Mapping[str, object]
    mtls: Mtls | None = None
    """None: as the session's server has it, `required` when that is ours."""
    timeout: Duration = 5.0
    """How long waits take unless they say, wall time."""
    strict_answers: frozenset[str] = frozenset()
    """The findings in answers to reports that fail the test."""
    callback_host: str | None = None
    """How the server reaches the machine of the tests."""
    scenario_file: Path | None = None


def wishes_of(settings: Mapping[str, object], nodeid: str, folder: Path) -> Wishes:
    """The wishes that settings express; paths of scenarios are relative to `folder`.

    Raises ValueError, saying what came and what would be right.
    """
    account = {key: value for key, value in settings.items() if key not in OWN}
    account = {"clock": "frozen", "seed": seed_of(nodeid), **account}
    if "balance" in account:
        account["balance"] = _balance(account["balance"])
    mtls = settings.get("mtls")
    if mtls is not None and mtls not in get_args(Mtls):
        raise ValueError(f'mtls: got "{mtls}", want one of {", ".join(get_args(Mtls))}')
    scenario, file = settings.get("scenario"), None
    if isinstance(scenario, Path) or (isinstance(scenario, str) and _is_path(scenario)):
        file = folder / scenario
        if not file.is_file():
            raise ValueError(f'scenario: there is no file "{file}"')
    elif scenario is not None:
        account["scenario"] = scenario
    host = settings.get("callback_host")
    timeout = settings.get("timeout", 5.0)
    return Wishes(
        account=account,
        mtls=cast("Literal['off', 'optional', 'required'] | None", mtls),
        timeout=cast("Duration", timeout),
        strict_answers=strictness_of(settings.get("strict_answers", False)),
        callback_host=None if host is None else str(host),
        scenario_file=file,
    )


def seed_of(nodeid: str) -> int:
    """The seed of a test: the same in every run and on every machine."""
    return int.from_bytes(hashlib.blake2b(nodeid.encode(), digest_size=8).digest(), "big") % _SEEDS


def _is_path(scenario: str) -> bool:
    return "/" in scenario or scenario.endswith((".yaml", ".yml", ".json"))


def _balance(balance: object) -> object:
    """`"HKD 10.00"` as the API has it."""
    if isinstance(balance, str) and " " in balance.strip():
        currency, _, amount = balance.strip().partition(" ")
        return {"amount": amount.strip(), "currency": currency}
    return balance
