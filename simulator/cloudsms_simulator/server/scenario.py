"""A scenario: what one file, with what it includes, makes of the platform."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from cloudsms_simulator.engine.fault import TlsTrouble
from cloudsms_simulator.engine.rule_book import RuleBook
from cloudsms_simulator.server.account_settings import SaidAccount


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """A scenario without a mistake, as `load_scenario` gives it. What the file does not say is None or empty."""

    name: str
    """What the file calls itself, else the file's name without its ending."""
    path: Path
    about: str = ""
    """One line: which part of a client it exercises."""
    seed: int | None = None
    profile: Literal["spec", "observed"] | None = None
    accounts: tuple[SaidAccount, ...] = ()
    """The accounts it speaks of; what it does not say of one is not for it to say."""
    book: RuleBook = RuleBook()
    """Its rules and faults, those of included files last; the scenarios of its timeline are books within."""
    tls: tuple[TlsTrouble, ...] = ()
    """Listeners to open that show bad certificates, or end handshakes."""
    warnings: tuple[str, ...] = ()
    """Lines worth showing, each with its place: rules never reached, states nothing leads to."""
    files: tuple[Path, ...] = ()
    """Every file that was read, this one first: what to watch."""
    origins: Mapping[str, str] = {}
    """Where each key at the top stands, included files counting: `scenarios/busy.yaml:3`."""
