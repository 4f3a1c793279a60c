"""The opening of the office: the admin API and the inbox, put together for a simulator.

Imported at the first call of the admin port: nothing else takes as long at a start, and many a run never needs it.
"""

from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from cloudsms_simulator.server.admin.app import admin_app
from cloudsms_simulator.server.admin.office import Office
from cloudsms_simulator.server.events import Events
from cloudsms_simulator.server.explanation import Explainer
from cloudsms_simulator.server.facts import certs_of
from cloudsms_simulator.server.inbox.app import inbox_routes
from cloudsms_simulator.server.interventions import Interventions
from cloudsms_simulator.server.resubmission import Resubmitter
from cloudsms_simulator.server.sender import Sender
from cloudsms_simulator.server.state import StateKeeper
from cloudsms_simulator.server.waits import Waits

if TYPE_CHECKING:
    from cloudsms_simulator.server.simulator import Simulator

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Names under which a browser of this machine may call it."""


def opened_app(simulator: "Simulator") -> ASGIApp:
    """What the admin port of a simulator serves."""
    of, settings = simulator, simulator.settings
    explainer = Explainer(of.platform, of.store, of.wall, lambda: of.ready, settings.admits)
    sender = Sender(of.store, of.endpoint.take)
    office = Office(
        of.directory,
        of.store,
        of.wall,
        of.timekeeper,
        of.scenarios,
        of.tls_troubles,
        of.keeper,
        StateKeeper(of.directory, of.store, of.scenarios, of.timekeeper, of.keeper, of.pusher, of.wall),
        of.sink,
        of.info,
        lambda: certs_of(of.files),
        Waits(of.store, of.news, of.wall, of.timekeeper.is_moved, of.stopping),
        Events(of.store, of.news, of.wall, of.stopping),
        explainer,
        Interventions(of.platform, of.store, of.pusher, of.wall),
        Resubmitter(sender, explainer, of.store, of.wall),
        sender,
        of.is_serving,
        of.tally,
    )
    names = {*_LOOPBACK, settings.admin_host.lower(), *map(str.lower, settings.hosts)}
    token = settings.admin_token
    return admin_app(office, names, token, inbox_routes(office, of.news, of.stopping, token))
