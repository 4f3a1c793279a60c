"""Secrecy: a finding quotes what came, and what came may be an AUTH_KEY in another field.

Spec: Parameter Details, AUTH_KEY. Reading: R18.
"""

from collections.abc import Sequence

import msgspec

from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.key_ring import SHORTEST_SOUGHT_ANYWHERE, KeyRing
from cloudsms_simulator.protocol.masking import hide_in_quotation


def rings_of(known: KeyRing, key: str | None) -> tuple[KeyRing, ...]:
    """The keys that no finding on a packet may quote: those of all accounts, and the one it came with.

    That one may be an ordinary word when it is short, and nobody's.
    """
    if key is None or len(key) < SHORTEST_SOUGHT_ANYWHERE or key in known:
        return (known,)
    return known, KeyRing([key])


def without_keys(finding: Finding, known: Sequence[KeyRing]) -> Finding:
    """The finding with fingerprints for the keys in what it tells, also where a quotation was cut off inside one."""
    path, got, want = (hide_in_quotation(text, known) for text in (finding.path, finding.got, finding.want))
    if (path, got, want) == (finding.path, finding.got, finding.want):
        return finding
    return msgspec.structs.replace(finding, path=path, got=got, want=want)
