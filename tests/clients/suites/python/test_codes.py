"""pytest and requests, with the shop's own server for reports: a Flask view, and a Django view."""

import threading
from collections.abc import Callable, Iterator
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.types import WSGIApplication

import django_reports
import flask_reports
import pytest
from codes import Codes, RefusedError

from cloudsms_simulator.pytest_plugin.fixture import Cloudsms


class Quiet(WSGIRequestHandler):
    """A handler that keeps no log."""

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def serve() -> Iterator[Callable[[WSGIApplication], str]]:
    """Serves an application on a free port; its URL. pytest-flask and pytest-django have a `live_server` for this."""
    servers = []

    def begin(application: WSGIApplication) -> str:
        server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
        servers.append((server, threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})))
        servers[-1][1].start()
        return f"http://127.0.0.1:{server.server_port}"

    yield begin
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def codes(cloudsms: Cloudsms) -> Iterator[Codes]:
    """The code under test, with this test's account."""
    codes = Codes(cloudsms.url, cloudsms.auth_key, cloudsms.route_id, cloudsms.client_cert, cloudsms.ca)
    yield codes
    codes.close()


@pytest.mark.cloudsms(strict_answers=True)
@pytest.mark.parametrize("framework", ["Flask", "Django"])
def test_the_state_of_a_code_is_noted(cloudsms, codes, serve, framework) -> None:
    states: dict[str, str] = django_reports.STATES if framework == "Django" else {}
    application = django_reports.application if framework == "Django" else flask_reports.create_app(states)
    cloudsms.callback(f"{serve(application)}/sms/reports")
    cloudsms.when(to="852*").reply("Busy", times=1).then("OK").report("UNDELIVERABLE", after="3s")

    uid = codes.send("67123411", "123456")
    assert cloudsms.wait_for_otp(to="85267123411") == "123456"
    cloudsms.clock.advance(seconds=3)
    assert states[uid] == "UNDELIVERABLE"
    [attempt] = cloudsms.wait_for_report(uid).attempts
    assert (attempt.status, attempt.findings) == (200, ())


@pytest.mark.cloudsms(balance="HKD 0.05")
def test_a_code_that_cannot_be_paid_for_is_rejected_by_a_report(cloudsms, codes) -> None:
    codes.send("67123411", "123456")
    codes.send("67123411", "654321")
    cloudsms.clock.run_until_idle()
    assert [each.state_name for each in cloudsms.messages] == ["DELIVERED", "LOCAL_REJECTED"]
    cloudsms.assert_spent("HKD 0.05")


def test_a_refusal_is_an_error(cloudsms, codes) -> None:
    cloudsms.when(to="852*").reply("Intercept")
    with pytest.raises(RefusedError, match="Intercept"):
        codes.send("67123411", "123456")
    assert cloudsms.messages == []
