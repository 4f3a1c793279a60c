"""The server that `listen` runs: a receiver on a port, its reports printed, until enough came or it is told to stop.

Spec: Delivery Report (DR) CallBack.
"""

import asyncio
import os
import socket
import ssl
from datetime import timedelta

import click
import msgspec

from cloudsms_simulator.cli.output import one_line
from cloudsms_simulator.cli.process import ExitCode, stop_on_signals
from cloudsms_simulator.models.account import ReceivedReport
from cloudsms_simulator.net.http_connection import ConnectionObserver, HttpConnection, RemoteAddress
from cloudsms_simulator.net.listener import Listener
from cloudsms_simulator.net.tls import handshake_reason, tls_facts
from cloudsms_simulator.push.receiver import Behaviour, Receiver
from cloudsms_simulator.services.ready_file import ReadyFile

_GRACE = timedelta(seconds=1)
_SHOWN = 200


class ReportServer(msgspec.Struct, frozen=True, kw_only=True):
    """A server for reports: where they go, how they are answered, and when to stop."""

    url: str
    path: str
    behaviour: Behaviour
    context: ssl.SSLContext | None
    count: int | None
    timeout: float | None
    """Seconds of wall time."""
    ready_file: ReadyFile | None
    as_json: bool

    async def run(self, sock: socket.socket) -> ExitCode:
        """Serves the socket, and closes it: OK when enough reports have come or a signal did, TIMED_OUT otherwise.

        SettingsError when the ready file cannot be written.
        """
        stop = asyncio.Event()
        stop_on_signals(stop)
        printer = _Printer(self.as_json)
        receiver = Receiver(self.behaviour, path=self.path, on_report=printer.report, on_unreadable=printer.unreadable)
        listener = Listener(receiver, sock, tls=self.context, tls_facts=tls_facts, observer=printer)
        await listener.start()
        try:
            if self.ready_file is not None:
                self.ready_file.write(_ReceiverReady(self.url, os.getpid()))
            click.echo(f"waiting for reports at {self.url}", err=True)
            return await self._enough(receiver, stop)
        finally:
            await listener.stop(self.behaviour.delay + _GRACE)

    async def _enough(self, receiver: Receiver, stop: asyncio.Event) -> ExitCode:
        ends: list[asyncio.Future[object]] = [asyncio.ensure_future(stop.wait())]
        if self.count is not None:
            ends.append(asyncio.ensure_future(receiver.wait_for(self.count)))
        done, pending = await asyncio.wait(ends, timeout=self.timeout, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        return ExitCode.OK if done else ExitCode.TIMED_OUT


class _Printer(ConnectionObserver):
    """Reports on standard output, everything else on standard error."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json

    def report(self, report: ReceivedReport) -> None:
        click.echo(msgspec.json.encode(report) if self._as_json else _line(report))

    def unreadable(self, body: bytes) -> None:
        click.echo(f"no delivery report: {one_line(body[:_SHOWN].decode('utf-8', 'replace'))}", err=True)

    def on_refused(self, peer: RemoteAddress, error: OSError) -> None:
        click.echo(f"no TLS with {peer[0]}: {handshake_reason(error)[0]}", err=True)

    def on_bad_request(self, connection: HttpConnection, excerpt: bytes, reason: str) -> None:
        click.echo(f"no HTTP from {connection.peer[0]}: {one_line(reason)}", err=True)


def _line(report: ReceivedReport) -> str:
    time = report.at.isoformat(" ", "milliseconds")[11:23]
    return one_line(
        f"{time}  {report.uid}  {report.state_name} ({report.state})  to {report.country_code} {report.msisdn}"
    )


class _ReceiverReady(msgspec.Struct, frozen=True):
    """What the ready file of a receiver holds."""

    url: str
    pid: int
