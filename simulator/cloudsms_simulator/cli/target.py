"""Where a customer sends to, as whom, and with which certificates: options, environment, ready file, folder, defaults.

Each source fills what the ones before it left open.

Spec: CloudSMS Platform Server. Spec: Parameter Details, AUTH_KEY, ROUTE_ID.
"""

import functools
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.admin_api import ready_at, ready_file_option
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, DEFAULT_ROUTES
from cloudsms_simulator.services.ready_file import Ready

P = ParamSpec("P")
R = TypeVar("R")


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A platform and a customer's account there, as far as one source says; certificates are paths of PEM files."""

    url: str | None = None
    auth_key: str | None = None
    route_id: str | None = None
    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None

    def otherwise(self, other: "Target") -> "Target":
        """This target, with what it lacks taken from another. A certificate never gets the key of another."""
        lacking = {name for name in self.__struct_fields__ if getattr(self, name) is None}
        if self.client_cert is not None:
            lacking.discard("client_key")
        return msgspec.structs.replace(self, **{name: getattr(other, name) for name in lacking})

    def context(self, *, verify: bool) -> ssl.SSLContext:
        """The customer's side of TLS. Without a CA it trusts what the system trusts, without `verify` anybody.

        Ends the command with 2 when a file cannot serve.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except OSError as error:
            raise click.UsageError(f"{self.ca}: cannot serve as CA: {_reason(error)}") from error
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_cert is not None:
            try:
                # The empty passphrase lets an encrypted key fail instead of asking at the terminal.
                context.load_cert_chain(self.client_cert, self.client_key, password="")
            except OSError as error:
                files = " and ".join(filter(None, (self.client_cert, self.client_key)))
                raise click.UsageError(f"{files}: cannot serve as client certificate: {_reason(error)}") from error
        return context


DEFAULT_TARGET = Target(url="https://localhost:61815/dave/io", auth_key=DEFAULT_AUTH_KEY, route_id=DEFAULT_ROUTES[0])
"""A simulator nobody configured."""

_OPTIONS = (
    click.option(
        "--url", envvar="CLOUDSMS_SIM_URL", metavar="URL", help=f"The platform; {DEFAULT_TARGET.url} by default."
    ),
    click.option(
        "--auth-key",
        envvar="CLOUDSMS_SIM_AUTH_KEY",
        metavar="KEY",
        help="AUTH_KEY; that of the account `default` by default.",
    ),
    click.option(
        "--route-id",
        envvar="CLOUDSMS_SIM_ROUTE_ID",
        metavar="ROUTE",
        help=f"ROUTE_ID; {DEFAULT_TARGET.route_id} by default.",
    ),
    click.option(
        "--ca",
        envvar="CLOUDSMS_SIM_CA",
        type=click.Path(),
        metavar="FILE",
        help="PEM of the authority to trust; those of the system by default.",
    ),
    click.option(
        "--cert",
        envvar="CLOUDSMS_SIM_CLIENT_CERT",
        type=click.Path(),
        metavar="FILE",
        help="PEM of the client certificate.",
    ),
    click.option(
        "--key",
        envvar="CLOUDSMS_SIM_CLIENT_KEY",
        type=click.Path(),
        metavar="FILE",
        help="PEM of its key, unless it is in the same file.",
    ),
    ready_file_option("The server's ready file, which says all of this."),
    click.option(
        "--certs",
        envvar="CLOUDSMS_SIM_CERTS",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the server's certificates, for CA, certificate and key.",
    ),
)

_FIELDS = {
    "url": "url",
    "auth_key": "auth_key",
    "route_id": "route_id",
    "ca": "ca",
    "cert": "client_cert",
    "key": "client_key",
}
"""Fields of a target by the name of their option."""
_PARAMETERS = (*_FIELDS, "ready_file", "certs")


def target_options(command: Callable[Concatenate[Target, P], R]) -> Callable[..., R]:
    """Gives a command the options that say where to send, and calls it with the target they make.

    Flags count before CLOUDSMS_SIM_ variables, those before the ready file, that before the folder of certificates.
    """

    @functools.wraps(command)
    def with_target(*args: P.args, **kwargs: P.kwargs) -> R:
        given = {name: kwargs.pop(name) for name in _PARAMETERS}
        target = Target(**{name: _text(given[parameter]) for parameter, name in _FIELDS.items()})
        if isinstance(ready_file := given["ready_file"], Path):
            target = target.otherwise(_target_in(ready_at(ready_file)))
        if isinstance(certs := given["certs"], Path):
            target = target.otherwise(_target_with(certs))
        return command(target.otherwise(DEFAULT_TARGET), *args, **kwargs)

    offering: Callable[..., R] = with_target
    for option in reversed(_OPTIONS):
        offering = option(offering)
    return offering


def _target_in(ready: Ready) -> Target:
    return Target(**{name: getattr(ready, name) for name in Target.__struct_fields__})


def _target_with(certs: Path) -> Target:
    from cloudsms_simulator.net.certificates import CertificateFiles

    files = CertificateFiles.within(certs)
    for path in (files.ca, files.customer_cert, files.customer_key):
        if not path.is_file():
            raise click.UsageError(
                f"{certs}: has no {path.name}; make it with `cloudsms-simulator certs {certs}`, or wait "
                "for the server that does: `cloudsms-simulator readyz --wait 30`"
            )
    return Target(ca=str(files.ca), client_cert=str(files.customer_cert), client_key=str(files.customer_key))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
