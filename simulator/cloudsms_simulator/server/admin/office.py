"""The office: what the handlers work with, and how they find what a request is about."""

from collections.abc import Callable

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.directory import Directory
from cloudsms_simulator.engine.fault import TlsTrouble
from cloudsms_simulator.server.account_keeper import AccountKeeper
from cloudsms_simulator.server.events import Events
from cloudsms_simulator.server.explanation import Explainer
from cloudsms_simulator.server.interventions import Interventions
from cloudsms_simulator.server.key_pairs import CertificateError
from cloudsms_simulator.server.listening_socket import ListenError
from cloudsms_simulator.server.resubmission import Resubmitter
from cloudsms_simulator.server.scenarios import Scenarios
from cloudsms_simulator.server.sender import Sender
from cloudsms_simulator.server.server_item import Certs, Info
from cloudsms_simulator.server.sink import Sink
from cloudsms_simulator.server.state import StateKeeper
from cloudsms_simulator.server.tally import Tally
from cloudsms_simulator.server.timekeeper import Timekeeper
from cloudsms_simulator.server.tls_trouble import TlsTroubles
from cloudsms_simulator.server.waits import Waits
from cloudsms_simulator.server.wall import WallClock
from cloudsms_simulator.stores.store import Store

DEFAULT = "default"


class TroubleItem(msgspec.Struct, frozen=True):
    """A listener that has trouble with TLS, and where a client meets it."""

    trouble: TlsTrouble
    url: str


class Office(msgspec.Struct, frozen=True):
    """What a simulator has that its API shows and moves."""

    directory: Directory
    store: Store
    wall: WallClock
    timekeeper: Timekeeper
    scenarios: Scenarios
    tls_troubles: TlsTroubles
    keeper: AccountKeeper
    state: StateKeeper
    sink: Sink
    info: Callable[[tuple[str, ...]], Info]
    """What the server is; it is given the resources of its API."""
    certs: Callable[[], Certs]
    waits: Waits
    events: Events
    explainer: Explainer
    interventions: Interventions
    resubmitter: Resubmitter
    sender: Sender
    is_ready: Callable[[], bool]
    """Whether both ports serve."""
    tally: Tally
    """What happened how often."""

    def asked(self, request: Request) -> Account:
        """The account of `?account=`, or the one named `default`; 404 when there is none."""
        return self.named(request.query_params.get("account", DEFAULT))

    def named(self, name: str) -> Account:
        """The account of a name; 404 when there is none."""
        account = self.directory.named(name)
        if account is None:
            known = ", ".join(each.name for each in self.directory)
            raise HTTPException(404, f'there is no account "{name[:100]}"; there is {known}')
        return account

    def at_hand(self) -> Account:
        """The account `default`, else the first there is; 404 when there is none at all."""
        account = self.directory.named(DEFAULT) or next(iter(self.directory), None)
        if account is None:
            raise HTTPException(404, "there is no account; POST /api/v1/accounts makes one")
        return account

    async def troubled(self, trouble: TlsTrouble) -> TroubleItem:
        """The listener that has a trouble, opened if it is not; 503 when it cannot be."""
        try:
            return TroubleItem(trouble, await self.tls_troubles.url_of(trouble))
        except (CertificateError, ListenError, RuntimeError) as error:
            raise HTTPException(503, f"no listener with the trouble {trouble}: {error}") from error
