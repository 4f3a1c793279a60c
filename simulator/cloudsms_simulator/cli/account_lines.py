"""Accounts and their ledgers on a terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cloudsms_simulator.cli.table import Column, Table

if TYPE_CHECKING:
    from cloudsms_simulator.client_items import Account, Callback, Movement

_NO_CALLBACK = "none: reports are pushed nowhere"


def lines_of(account: Account) -> Iterator[str]:
    """All of an account."""
    prices = ", ".join(f"{country}: {price}" for country, price in account.prices.items())
    directions = account.directions
    yield f"name        {account.name}"
    yield f"auth_key    {account.auth_key}"
    yield f"balance     {account.balance}, credit limit {account.credit_limit}"
    yield f"prices      {prices} {account.currency}"
    yield f"routes      {', '.join(account.routes)}"
    yield f"directions  {directions if isinstance(directions, str) else ', '.join(map(str, directions))}"
    yield f"sender      {account.default_sender}"
    yield from _callback(account.callback)
    yield f"profile     {account.profile}"
    yield f"scenario    {account.scenario or 'none'}, {account.rules} rules and faults, seed {account.seed}"
    yield f"now         {account.now.isoformat(' ')}, {account.outstanding} outstanding"


def _callback(callback: Callback) -> Iterator[str]:
    yield f"callback    {callback.url or _NO_CALLBACK}"
    if callback.url is not None:
        pauses = ", ".join(f"{pause:g} s" for pause in callback.retries_s)
        yield f"            {f'retries after {pauses}' if pauses else 'no retries'}"
        if not callback.verify:
            yield "            verify off: any certificate is good"


ACCOUNT_COLUMNS: Table[Account] = Table(
    lambda account: account.now,
    (
        Column("NAME", lambda account: account.name),
        Column("AUTH_KEY", lambda account: account.auth_key, spare=True),
        Column("BALANCE", lambda account: str(account.balance), right=True),
        Column("OUTSTANDING", lambda account: str(account.outstanding), right=True),
        Column("CALLBACK", lambda account: account.callback.url or "none"),
    ),
)
"""Accounts, the moment being what their clock shows."""

LEDGER: Table[Movement] = Table(
    lambda movement: movement.at,
    (
        Column("UID", lambda movement: movement.uid or ""),
        Column("REASON", lambda movement: movement.reason),
        Column("AMOUNT", lambda movement: str(movement.amount), right=True),
        Column("BALANCE", lambda movement: str(movement.balance), right=True),
    ),
)
"""Movements on one account."""


def ledger_csv(movements: Sequence[Movement]) -> str:
    """The movements as CSV, with a row of headings."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("at", "uid", "reason", "amount", "currency", "balance_after"))
    for each in movements:
        at, amount = each.at.isoformat(), f"{each.amount.amount:f}"
        writer.writerow((at, each.uid or "", each.reason, amount, each.amount.currency, f"{each.balance.amount:f}"))
    return out.getvalue()
