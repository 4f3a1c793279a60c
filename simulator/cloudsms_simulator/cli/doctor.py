"""`cloudsms-simulator doctor`: why reports do not arrive, and why requests are refused. Its steps are imported late."""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click
import msgspec

from cloudsms_simulator.cli.admin_api import account_option, as_json, located_client_options
from cloudsms_simulator.cli.process import ExitCode

if TYPE_CHECKING:
    from cloudsms_simulator.cli.admin_api import AdminLocation
    from cloudsms_simulator.cli.doctor_steps import CallbackTrial, DoctorStep
    from cloudsms_simulator.client.client import Client
    from cloudsms_simulator.engine.account import Callback
    from cloudsms_simulator.models.account import AccountItem, CallbackItem
    from cloudsms_simulator.models.server import Info
    from cloudsms_simulator.net.certificates import CertificateFiles


@click.command(short_help="Find out why reports do not arrive or requests are refused.")
@click.option("--dry", is_flag=True, help="POST nothing to the callback.")
@click.option(
    "--certs",
    envvar="CLOUDSMS_SIM_CERTS",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The server's folder of certificates; that of the ready file, or what the API gives.",
)
@account_option()
@located_client_options
@as_json
def doctor(location: AdminLocation, client: Client, dry: bool, certs: Path | None, account: str, as_json: bool) -> None:
    """Find out why reports do not arrive, or why requests are refused, and say what mends it.

    Reads what the server tells of itself and of the account, then reaches the account's callback from here as a push
    would: name, port, TLS, a POST of a report whose SMS_UID is nobody's (not with --dry), and the ANSWER. Ends 0 when
    all is in order, 1 when something is wrong, 3 when nobody answers.
    """
    from cloudsms_simulator.cli.doctor_steps import callback_steps, print_step, server_steps

    steps: list[DoctorStep] = []

    def take(found: Iterator[DoctorStep]) -> None:
        for step in found:
            steps.append(step)
            if not as_json:
                print_step(step)

    info, subject = client.info(), client.accounts.show(account)
    take(server_steps(client, info, subject))
    with _files(client, certs or location.certs) as (files, at_hand):
        take(_left_out(subject, at_hand=at_hand))
        take(callback_steps(_trial(location.url, info, subject, files, at_hand, dry=dry)))
    wrong = [step for step in steps if step.verdict == "wrong"]
    if as_json:
        click.echo(msgspec.json.encode({"ok": not wrong, "steps": steps}))
    sys.exit(ExitCode.FAILED if wrong else ExitCode.OK)


@contextmanager
def _files(client: Client, certs: Path | None) -> Iterator[tuple[CertificateFiles, bool]]:
    """The server's certificates; where its folder is not at hand, the customer's in place of the platform's."""
    from cloudsms_simulator.net.certificates import CertificateFiles

    if certs is not None:
        files = CertificateFiles.within(certs)
        if all(path.is_file() for path in (files.ca, files.platform_cert, files.platform_key)):
            yield files, True
            return
    pem = client.certs()
    with tempfile.TemporaryDirectory(prefix="cloudsms-doctor-") as folder:
        files = CertificateFiles.within(Path(folder))
        for path, text in (
            (files.ca, pem.ca_pem),
            (files.platform_cert, pem.client_cert_pem),
            (files.platform_key, pem.client_key_pem),
        ):
            path.touch(mode=0o600)
            path.write_text(text, encoding="ascii")
        yield files, False


def _trial(
    url: str, info: Info, account: AccountItem, files: CertificateFiles, at_hand: bool, *, dry: bool
) -> CallbackTrial:
    from cloudsms_simulator.cli.doctor_steps import CallbackTrial
    from cloudsms_simulator.push.failures import pusher_facts

    callback = _callback(account, at_hand=at_hand)
    ours = "the platform's certificate" if at_hand else "the customer's certificate, for the platform's"
    return CallbackTrial(
        account=account.name,
        sender=account.default_sender,
        callback=callback,
        files=files,
        pusher=pusher_facts(account.name, callback.url, callback, files.directory if at_hand else None, ours),
        elsewhere=_elsewhere(url, info),
        dry=dry,
    )


def _callback(account: AccountItem, *, at_hand: bool) -> Callback:
    """The callback as the account has it, but for files that are not on this machine."""
    from datetime import timedelta

    from cloudsms_simulator.engine.account import Callback
    from cloudsms_simulator.engine.faults import Identity

    callback = account.callback

    def here(path: str | None) -> str | None:
        return path if path is not None and Path(path).is_file() else None

    cert = here(callback.client_cert)
    return Callback(
        url=callback.url,
        connect_timeout=timedelta(seconds=callback.connect_timeout_s),
        timeout=timedelta(seconds=callback.timeout_s),
        verify=callback.verify,
        ca=here(callback.ca),
        client_cert=cert,
        client_key=here(callback.client_key) if cert is not None else None,
        identity=Identity.VALID if _is_made_elsewhere(callback, at_hand) else Identity(callback.identity),
    )


def _is_made_elsewhere(callback: CallbackItem, at_hand: bool) -> bool:
    """Whether the platform shows a flawed certificate that cannot be made without the key of its authority."""
    return not at_hand and callback.identity not in ("valid", "none")


def _left_out(account: AccountItem, *, at_hand: bool) -> Iterator[DoctorStep]:
    """What of the callback only the server's machine has."""
    from cloudsms_simulator.cli.doctor_steps import DoctorStep

    callback = account.callback
    for key, path in (("ca", callback.ca), ("client_cert", callback.client_cert)):
        if path is not None and not Path(path).is_file():
            found = f"callback.{key} is {path} on the server's machine, and not here: tried without it"
            yield DoctorStep("files", "note", found, "run doctor on the server's machine for a trial with it")
    if _is_made_elsewhere(callback, at_hand):
        found = f"the platform shows a certificate that is {callback.identity} on purpose; tried with a good one"
        yield DoctorStep("files", "note", found, "give --certs DIR, the server's folder, for a trial with it")


def _elsewhere(url: str, info: Info) -> str | None:
    """Why the server's localhost is another machine than ours; None when it is the same, as far as can be seen."""
    from cloudsms_simulator.services.info import in_container

    if info.container and not in_container():
        return "the server runs in a container"
    host = urlsplit(url).hostname or ""
    return None if _is_here(host) else f"the server runs on {host}"


def _is_here(host: str) -> bool:
    """Whether a host is this machine: only one's own addresses can be bound to."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:
        return False
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as sock:
            try:
                sock.bind(address)
            except OSError:
                continue
            return True
    return False
