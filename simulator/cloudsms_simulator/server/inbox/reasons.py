"""The reasons for LOCAL_REJECTED by their kind: what each says of a message ends in what differs from one to the next.

Reading: R8.
"""

from collections.abc import Mapping

REASONS: Mapping[str, str] = {
    "singapore_number": "a Singapore number",
    "direction": "is not among the account's directions",
    "route": "is not one of the account's routes",
    "price": "the account has no price",
    "balance": "is left",
}
"""What every reason of a kind says, by the name of its rule, in the order in which the rules are asked."""

OTHER = "other"


def reason_kind(reason: str) -> str:
    """The kind of a reason."""
    return next((kind for kind, said in REASONS.items() if said in reason), OTHER)
