"""The opening of the office: the admin API and the inbox, put together for a simulator.

Imported at the first call of the admin port: nothing else takes as long at a start, and many a run never needs it.
"""

from typing import TYPE_CHECKING

from starlette.types import ASGIApp

from cloudsms_simulator.server.admin.app import admin_app
from cloudsms_simulator.server.admin.gate import Gate
from cloudsms_simulator.server.admin.names import LOOPBACK
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


def opened_app(simulator: "Simulator") -> ASGIApp:
    """What the admin port of a simulator serves."""
    settings = simulator.settings
    explainer = Explainer(simulator.platform, simulator.store, simulator.wall, lambda: simulator.ready, settings.admits)
    sender = Sender(simulator.store, simulator.endpoint.take)
    office = Office(
        simulator.directory,
        simulator.store,
        simulator.wall,
        simulator.timekeeper,
        simulator.scenarios,
        simulator.tls_troubles,
        simulator.keeper,
        StateKeeper(
            simulator.directory,
            simulator.store,
            simulator.scenarios,
            simulator.timekeeper,
            simulator.keeper,
            simulator.pusher,
            simulator.wall,
        ),
        simulator.sink,
        simulator.info,
        lambda: certs_of(simulator.files),
        Waits(simulator.store, simulator.news, simulator.wall, simulator.timekeeper.is_moved, simulator.stopping),
        Events(simulator.store, simulator.news, simulator.wall, simulator.stopping),
        explainer,
        Interventions(simulator.platform, simulator.store, simulator.pusher, simulator.wall),
        Resubmitter(sender, explainer, simulator.store, simulator.wall),
        sender,
        simulator.is_serving,
        simulator.tally,
    )
    gate = Gate(settings.admin_token)
    pages = inbox_routes(office, simulator.news, simulator.stopping, gate)
    return admin_app(office, {*LOOPBACK, settings.admin_host, *settings.hosts}, gate, pages)
