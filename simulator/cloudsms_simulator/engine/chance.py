"""Chance: draws that come out the same whenever the same is asked, so that every outcome can be replayed.

A draw is a function of a seed, the rule that asks, the recipient, and how many destinations were seen for that
recipient. Which thread or connection came first makes no difference.

Reading: R21.
"""

from hashlib import blake2b

import msgspec

_SURPLUS = 11
_SCALE = 2.0**-53
"""A float holds 53 bits; with all 64 of them the largest draws would be rounded up to 1."""


class Chance(msgspec.Struct, frozen=True):
    """What a draw depends on. `n` counts the destinations seen for `recipient`, this one included: 1 at first."""

    seed: int
    recipient: str
    n: int

    def draw(self, rule: str, purpose: str = "") -> float:
        """A number from 0 up to, but not including, 1. Rules, and purposes of one rule, draw independently."""
        said = "\0".join((str(self.seed), rule, self.recipient, str(self.n), purpose))
        digest = blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return (int.from_bytes(digest) >> _SURPLUS) * _SCALE
