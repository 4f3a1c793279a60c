"""Keeping: what is kept of a request that is in order, as small as it can be, and without its AUTH_KEY.

Spec: Parameter Details, AUTH_KEY. Reading: R17, R18.
"""

import msgspec

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.packed_body import packed
from cloudsms_simulator.protocol.key_ring import SHORTEST_SOUGHT_ANYWHERE, KeyRing, fingerprint
from cloudsms_simulator.protocol.masking import hide_in_text
from cloudsms_simulator.protocol.submission import Submission

_EMPTY_OBJECT = b"{}"


class Keeping(msgspec.Struct, frozen=True):
    """What a `Sending` keeps of the packet it came as."""

    body: bytes
    """Its AUTH_KEY masked, and packed where the platform packs bodies."""
    text: str | None
    """The signed text, unless it is read out of the body."""
    route_id: str
    customer_body: bytes | None


def keeping_of(
    account: Account, submission: Submission, body: bytes, masked: bytes, key: str, known: KeyRing, *, packs: bool
) -> Keeping:
    """What is kept of a submission that came as `body`; `masked` is the body without AUTH_KEYs.

    `key` is the one it came with, `known` are those of all accounts.
    """
    return Keeping(
        packed(masked) if packs else masked,
        _text(submission, body, masked, key, known),
        _route(account, submission.route_id, key, known),
        # The empty one, which most examples have, once for all requests.
        _EMPTY_OBJECT if submission.customer_body == _EMPTY_OBJECT else submission.customer_body,
    )


def _text(submission: Submission, body: bytes, masked: bytes, key: str, known: KeyRing) -> str | None:
    """The signed text; None of a single message whose text can be read out of the masked body.

    That is so when masking changed nothing but AUTH_KEY's value. Where many share a text it is worth its room.
    """
    if len(submission.destinations) == 1:
        before, _, after = body.partition(key.encode("utf-8", "surrogatepass"))
        if len(masked) >= len(before) + len(after) and masked.startswith(before) and masked.endswith(after):
            return None
    return _hidden(submission.text, key, known)


def _route(account: Account, route_id: str, key: str, known: KeyRing) -> str:
    """ROUTE_ID: the account's own string, or a fingerprint where it holds an AUTH_KEY."""
    if route_id == key:
        return fingerprint(route_id)
    for own in account.routes:
        if own == route_id:
            return own
    return _hidden(route_id, key, known)


def _hidden(text: str, key: str, known: KeyRing) -> str:
    """A text without AUTH_KEYs: `key` is masked also where it is no account's."""
    if len(key) >= SHORTEST_SOUGHT_ANYWHERE:
        text = text.replace(key, fingerprint(key)) if key in text else text
    return hide_in_text(text, known)
