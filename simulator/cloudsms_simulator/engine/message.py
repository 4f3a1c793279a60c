"""Messages: one SMS to one destination, from its acceptance to its fate.

Spec: SMS Dispatching. Spec: SMS_STATE and RESULT_DESC.
"""

from decimal import Decimal

import msgspec

from cloudsms_simulator.engine.exchange import Exchange
from cloudsms_simulator.engine.money import Currency
from cloudsms_simulator.engine.packed_body import unpacked
from cloudsms_simulator.engine.script import Plan, Step
from cloudsms_simulator.protocol import uip
from cloudsms_simulator.protocol.moments import datetime
from cloudsms_simulator.protocol.profile import Profile
from cloudsms_simulator.protocol.request_checks import signed_text_in
from cloudsms_simulator.protocol.segmentation import Segmentation

_NOTHING = Decimal(0)


class Sending(Exchange, frozen=True, gc=False, kw_only=True):
    """An exchange that messages came of, and with it all that they share: millions may be kept."""

    serial: int
    route_id: str
    source: str
    """SOURCE_MSISDN: the sender the handset shows."""
    segmentation: Segmentation
    currency: Currency
    profile: Profile
    metered: bool = True
    """Whether the balance was limited, and every message debited."""
    customer_body: bytes | None = None
    kept_text: str | None = None
    """The signed text, unless it is read out of the body."""
    places: tuple[int, ...] | None = None
    """The places of the messages in MULTI_MSISDN_LIST, from 0; None when all of the list was accepted."""

    @property
    def body(self) -> bytes:
        """What came, its AUTH_KEY masked; unpacked whenever somebody asks."""
        return unpacked(self.kept_body)

    @property
    def request_id(self) -> int:
        """The number of the exchange."""
        return self.id

    @property
    def accepted_at(self) -> datetime:
        """The moment the plans of the messages begin."""
        return self.received_at

    @property
    def text(self) -> str:
        """The signed text; that of a single message is usually read out of the body, whenever somebody asks."""
        return self.masked_text if self.kept_text is None else self.kept_text

    @property
    def masked_text(self) -> str:
        """The signed text as the kept body has it: an AUTH_KEY in it is masked, whichever was sent."""
        return signed_text_in(self.body, self.profile)

    @property
    def shown_customer_body(self) -> bytes | None:
        """CUSTOMER_BODY as the kept body has it, masked likewise. What is pushed is what came."""
        body = self.body
        if self.customer_body is None or self.customer_body in body:
            return self.customer_body
        return bytes(uip.decode(body).packet.customer_body) or self.customer_body


class Passage(msgspec.Struct, frozen=True, gc=False):
    """A state a message reached, and when."""

    state: int
    at: datetime


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message. A new state is a new value: the store replaces the old one."""

    uid: str
    sending: Sending
    country_code: int
    msisdn: str
    admission: Decimal | str
    """The price of one segment, or why the message was rejected locally: then it costs nothing."""
    plan: Plan
    """The steps that will happen."""
    passages: tuple[Passage, ...] = ()
    """The states it reached, in order."""
    refunded: bool = False
    settled: bool = False
    """Nothing is left to do: the final state is reached and its reports are settled."""
    rule: str | None = None
    """The rule of a scenario, or the magic number, that decided on it."""

    @property
    def index(self) -> int:
        """Its place in MULTI_MSISDN_LIST, from 0."""
        nth = self.sending.uids.index(self.uid)
        return nth if self.sending.places is None else self.sending.places[nth]

    @property
    def price(self) -> Decimal:
        """Of one segment; 0 for a message rejected locally."""
        return _NOTHING if isinstance(self.admission, str) else self.admission

    @property
    def reason(self) -> str | None:
        """Why it was rejected locally."""
        return self.admission if isinstance(self.admission, str) else None

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
