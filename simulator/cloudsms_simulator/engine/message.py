"""Messages: one SMS to one destination, from its acceptance to its fate.

Spec: SMS Dispatching. Spec: SMS_STATE and RESULT_DESC.
"""

from datetime import datetime
from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.script import Plan, Step
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.segmentation import Segmentation


class Sending(msgspec.Struct, frozen=True, gc=False):
    """What the messages of one submission share."""

    request_id: int
    account: str
    serial: int
    accepted_at: datetime
    route_id: str
    source: str
    """SOURCE_MSISDN: the sender the handset shows."""
    text: str
    """The signed text."""
    segmentation: Segmentation
    currency: Currency
    profile: Profile
    customer_body: bytes | None


class Passage(msgspec.Struct, frozen=True, gc=False):
    """A state a message reached, and when."""

    state: int
    at: datetime


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message. A new state is a new value: the store replaces the old one."""

    uid: str
    sending: Sending
    index: int
    """Its place in MULTI_MSISDN_LIST, from 0."""
    country_code: int
    msisdn: str
    price: Decimal
    """Of one segment; 0 for a message rejected locally."""
    plan: Plan
    """The steps that will happen."""
    reason: str | None = None
    """Why it was rejected locally."""
    passages: tuple[Passage, ...] = ()
    """The states it reached, in order."""
    refunded: bool = False
    settled: bool = False
    """Nothing is left to do: the final state is reached and its reports are settled."""

    @property
    def cost(self) -> Decimal:
        """What the whole message was debited."""
        return self.price * self.sending.segmentation.segments

    @property
    def state(self) -> int | None:
        """The state last reached, None while there is none."""
        return self.passages[-1].state if self.passages else None

    @property
    def final_at(self) -> datetime | None:
        """When the final state was reached."""
        return self.passages[-1].at if len(self.passages) == len(self.plan.steps) else None

    @property
    def next_step(self) -> Step | None:
        """The step to come, None after the final one."""
        done = len(self.passages)
        return self.plan.steps[done] if done < len(self.plan.steps) else None

    @property
    def next_step_at(self) -> datetime | None:
        """When the next step is due."""
        upcoming = self.next_step
        return None if upcoming is None else self.sending.accepted_at + upcoming.after
