"""The directory: finds an account by its AUTH_KEY or its name, and hides the keys of all accounts in what is kept.

Keys are compared by their digests alone: how long that takes tells nothing of how much of a key was right. An exact key
beats `*`.

Spec: AUTH_KEY. Reading: R2.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b

from cloudsms_simulator.engine.account import ANY, Account
from cloudsms_simulator.protocol.key_ring import KeyRing
from cloudsms_simulator.protocol.masking import KeyMask, mask, mask_known


class Directory:
    """The accounts of a server. Names and keys are unique; a second of either raises ValueError with both names."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._by_name: dict[str, Account] = {}
        self._by_digest: dict[bytes, Account] = {}
        self._of_any_key: Account | None = None
        self._masks: dict[str, KeyMask] = {}
        self.keys = KeyRing()
        """The AUTH_KEYs of all accounts, but for what is no secret: `*`, and what the account's name shows anyway."""
        for account in accounts:
            self.add(account)

    def __iter__(self) -> Iterator[Account]:
        """The accounts there are now, in the order they were added; others may come and go meanwhile."""
        return iter(tuple(self._by_name.values()))

    def add(self, account: Account) -> None:
        """Adds an account; ValueError, with both names, when another has its name or its AUTH_KEY."""
        digest = _digest(account.auth_key)
        other = self._by_name.get(account.name) or self._by_digest.get(digest)
        if other is not None:
            what = "name" if other.name == account.name else "AUTH_KEY"
            raise ValueError(f'accounts "{other.name}" and "{account.name}" have the same {what}')
        self._by_name[account.name] = account
        self._by_digest[digest] = account
        if account.auth_key == ANY:
            self._of_any_key = account
        else:
            self._masks[account.name] = KeyMask(account.auth_key)
            if account.auth_key not in account.name:
                self.keys.add(account.auth_key)

    def remove(self, name: str) -> Account:
        """Takes an account out, and returns it: its AUTH_KEY finds it no more. KeyError when there is none."""
        account = self._by_name.pop(name)
        del self._by_digest[_digest(account.auth_key)]
        self._masks.pop(name, None)
        if account.auth_key in self.keys:
            self.keys.discard(account.auth_key)
        if account.auth_key == ANY:
            self._of_any_key = None
        return account

    def named(self, name: str) -> Account | None:
        """The account of a name."""
        return self._by_name.get(name)

    def replace(self, account: Account) -> None:
        """Puts another configuration in the place of the account of that name; its AUTH_KEY stays what it was.

        KeyError when there is no such account, ValueError when the key is another.
        """
        if self._by_name[account.name].auth_key != account.auth_key:
            raise ValueError(f'the AUTH_KEY of account "{account.name}" cannot change')
        self._by_name[account.name] = account
        self._by_digest[_digest(account.auth_key)] = account
        if account.auth_key == ANY:
            self._of_any_key = account

    def replace_all(self, accounts: Iterable[Account]) -> None:
        """Puts accounts in the place of all there are; ValueError, and nothing changed, when two of them clash."""
        others = Directory(accounts)
        self._by_name, self._by_digest = others._by_name, others._by_digest
        self._of_any_key, self._masks, self.keys = others._of_any_key, others._masks, others.keys

    def find(self, key: str) -> Account | None:
        """The account a key belongs to, else the one that answers to any key, else None."""
        return self._by_digest.get(_digest(key)) or self._of_any_key

    def masked(self, body: bytes, account: Account, key: str) -> bytes:
        """A body of the account without its AUTH_KEY, and without those of others that stand in it as they are.

        `key` is the one that was sent, of an account that takes any.
        """
        known = self._masks.get(account.name)
        masked = mask_known(body, KeyMask(key) if known is None else known)
        # Where there is one account there is no other key.
        if len(self._masks) > (known is not None) and self.keys.may_be_in(masked):
            return mask(masked, None, self.keys)
        return masked


def _digest(key: str) -> bytes:
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
