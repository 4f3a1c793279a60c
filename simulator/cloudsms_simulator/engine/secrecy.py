"""Secrecy: a finding quotes what came, and what came may be the AUTH_KEY in another field.

Spec: Parameter Details, AUTH_KEY. Reading: R18.
"""

import msgspec

from cloudsms_simulator.protocol.finding import Finding
from cloudsms_simulator.protocol.key_ring import fingerprint

_SHORTEST = 8
"""A shorter key may well be an ordinary word."""


def without_key(finding: Finding, key: str | None) -> Finding:
    """The finding with a fingerprint for the key in what it quotes, also where the quotation was cut off inside it."""
    if key is None or len(key) < _SHORTEST:
        return finding
    spelled, quoted = msgspec.json.encode(key).decode()[1:-1], finding.got
    if spelled[:_SHORTEST] not in quoted and key not in quoted:
        return finding
    mark = fingerprint(key)
    got = quoted.replace(spelled, mark).replace(key, mark)
    if got.endswith("…"):
        beginnings = (spelled[:length] for length in range(len(spelled), _SHORTEST - 1, -1))
        cut = next((each for each in beginnings if got[:-1].endswith(each)), "")
        got = f"{got[: -1 - len(cut)]}{mark if cut else ''}…"
    return finding if got == finding.got else msgspec.structs.replace(finding, got=got)
