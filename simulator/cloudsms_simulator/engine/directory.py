"""The directory: finds an account by its AUTH_KEY or its name.

Keys are looked up by their digest and then compared in constant time, so neither step tells how much of a key was
right. An exact key beats `*`.

Spec: AUTH_KEY. Reading: R2.
"""

import hmac
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from cloudsms_simulator.engine.account import ANY, Account


class Directory:
    """The accounts of a server. Names and keys are unique; a second of either raises ValueError with both names."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._by_name: dict[str, Account] = {}
        self._by_digest: dict[bytes, Account] = {}
        for account in accounts:
            self._add(account)

    def __iter__(self) -> Iterator[Account]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Account | None:
        """The account of a name."""
        return self._by_name.get(name)

    def find(self, key: str) -> Account | None:
        """The account a key belongs to, else the one that answers to any key, else None."""
        account = self._by_digest.get(_digest(key))
        if account is not None and hmac.compare_digest(account.auth_key.encode(), key.encode("utf-8", "surrogatepass")):
            return account
        return self._by_digest.get(_digest(ANY))

    def _add(self, account: Account) -> None:
        digest = _digest(account.auth_key)
        other = self._by_name.get(account.name) or self._by_digest.get(digest)
        if other is not None:
            what = "name" if other.name == account.name else "AUTH_KEY"
            raise ValueError(f'accounts "{other.name}" and "{account.name}" have the same {what}')
        self._by_name[account.name] = account
        self._by_digest[digest] = account


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
