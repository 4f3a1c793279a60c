"""A sink's answer: how delivery reports are answered, in the words of the API.

Spec: Delivery Report (DR) response Format.
"""

from datetime import timedelta
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from cloudsms_simulator.server.durations import read_amount
from cloudsms_simulator.server.receiver import ANSWERS, Behaviour, behaviour_of

LONGEST_DELAY = timedelta(minutes=10)
_WITHOUT_A_BODY = (204, 304)
_WORDS = f"one of {', '.join(ANSWERS)}, another http-… or a result code"

Word = Annotated[str, msgspec.Meta(description=_WORDS)]
Status = Annotated[
    Annotated[int, msgspec.Meta(ge=200, le=599)] | UnsetType, msgspec.Meta(description="an HTTP status, 200 to 599")
]
Body = Annotated[str | UnsetType, msgspec.Meta(description="a text, sent as it is in place of an ANSWER")]
Delay = Annotated[
    str | float, msgspec.Meta(description='seconds, or a duration such as "250ms", of at most 10 minutes')
]


class SinkAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way to answer, right in every point by default. A status that is not 2xx has no body unless one is said."""

    answer: Word = "ok"
    status: Status = UNSET
    body: Body = UNSET
    delay: Delay = 0

    def behaviour(self) -> Behaviour:
        """The receiver's behaviour. Raises ValueError, saying what would be right."""
        delay = _delay(self.delay)
        try:
            named = behaviour_of(self.answer, delay)
        except ValueError as error:
            raise ValueError(f"answer: {error}") from error
        status = named.status if self.status is UNSET else self.status
        if self.body is not UNSET:
            if self.answer != "ok":
                raise ValueError(f'body: got one beside the answer "{self.answer[:60]}", want one of the two')
            if status in _WITHOUT_A_BODY:
                raise ValueError(f"body: got one, want none with the status {status}")
            return Behaviour("body", status, delay=delay, body=self.body.encode())
        form = "none" if not 200 <= status <= 299 or status in _WITHOUT_A_BODY else named.form
        return msgspec.structs.replace(named, form=form, status=status)


def _delay(value: str | float) -> timedelta:
    try:
        delay = read_amount(value)
    except ValueError as error:
        raise ValueError(f"delay: got {value}, want {error}") from error
    if delay > LONGEST_DELAY:
        raise ValueError(f"delay: got {value}, want at most 10 minutes")
    return delay
