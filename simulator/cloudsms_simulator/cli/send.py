"""`cloudsms-simulator send`: sends an SMS the way a customer does, and shows what the platform answers.

A `Target` is where a customer sends to, as whom, and with which certificates: options, environment, ready file, folder,
defaults. Each source fills what the ones before it left open.

Spec: SMS Dispatching. Spec: CloudSMS Platform Server. Spec: Parameter Details, AUTH_KEY, ROUTE_ID.
"""

from __future__ import annotations

import functools
import re
import ssl
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.admin_api import ready_at, ready_file_option
from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, DEFAULT_ROUTES
from cloudsms_simulator.services.ready_file import Ready

if TYPE_CHECKING:
    from cloudsms_simulator.protocol.customer import SendAnswer
    from cloudsms_simulator.protocol.packet import Destination

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

    def otherwise(self, other: Target) -> Target:
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


_SERIAL = 1
_SHOWN = 200
_FINGERPRINT = re.compile("key-[0-9a-f]{8}")


@click.command
@click.argument("text")
@click.option(
    "--to",
    "numbers",
    multiple=True,
    required=True,
    metavar="NUMBER",
    help="Country code and number, such as 85267000011. May be given more than once.",
)
@click.option("--country", type=int, metavar="CODE", help="Country code of every NUMBER, which is then sent as it is.")
@click.option("--sender", metavar="S", help="ORIGINAL_ADDR; without it the account's default sender.")
@click.option("--signature", metavar="S", help="SIGNATURE, without brackets.")
@click.option("--signature-type", type=int, metavar="N", help="SIGNATURE_TYPE, 1 to 5.")
@click.option("--customer-body", metavar="JSON", help="CUSTOMER_BODY, which comes back with every delivery report.")
@target_options
@click.option("--insecure", is_flag=True, help="Trust any server certificate.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=10,
    show_default=True,
    metavar="SECONDS",
    help="How long the platform may be silent.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer packet, one JSON object.")
def send(
    target: Target,
    text: str,
    numbers: tuple[str, ...],
    country: int | None,
    sender: str | None,
    signature: str | None,
    signature_type: int | None,
    customer_body: str | None,
    insecure: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Send TEXT to one or more numbers.

    What no flag says is looked for in CLOUDSMS_SIM_ variables, then in the ready file, then in the folder of
    certificates. Ends 0 when all was accepted, 1 when something was refused or the answer is none, 3 when the
    platform cannot be reached, 4 when no answer comes in time.
    """
    from cloudsms_simulator.net.wall_clock import WallClock
    from cloudsms_simulator.protocol.customer import SendRequest, encode_request, read_answer
    from cloudsms_simulator.protocol.timestamps import wire_time

    if target.auth_key is not None and _FINGERPRINT.fullmatch(target.auth_key):
        raise click.UsageError(f'"{target.auth_key}" stands for an AUTH_KEY in listings; give the key itself')
    request = SendRequest(
        serial=_SERIAL,
        time=wire_time(WallClock().now()),
        auth_key=target.auth_key or "",
        route_id=target.route_id or "",
        multi_msisdn_list=tuple(_destination(number, country) for number in numbers),
        sms_content=text,
        original_addr=_given(sender),
        signature=_given(signature),
        signature_type=_given(signature_type),
        customer_body=msgspec.UNSET if customer_body is None else _json(customer_body),
    )
    try:
        packet = encode_request(request)
    except UnicodeEncodeError as error:
        raise click.UsageError(f"a text that is not UTF-8 cannot be sent: {error.reason}") from error
    status, body = _post(target, packet, insecure, timeout)
    answer = read_answer(body)
    if status != 200 or answer is None:
        excerpt = body[:_SHOWN].decode("utf-8", "replace")
        raise CommandError(f"{target.url} answers HTTP {status} and no packet: {excerpt}", ExitCode.FAILED)
    if as_json:
        click.echo(body)
    else:
        for line in _lines(answer):
            click.echo(line)
        if not answer.accepted:
            click.echo("why: cloudsms-simulator explain", err=True)
    sys.exit(ExitCode.OK if answer.accepted else ExitCode.FAILED)


T = TypeVar("T")


def _given(value: T | None) -> T | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value


def _destination(number: str, country: int | None) -> Destination:
    from cloudsms_simulator.protocol.customer import split_number
    from cloudsms_simulator.protocol.packet import Destination

    if country is not None:
        return Destination(country, number)
    found = split_number(number)
    if found is None:
        hint = "want digits that begin with an assigned country code, such as 85267000011, or --country"
        raise click.BadParameter(f'got "{number}", {hint}', param_hint="--to")
    return found


def _json(text: str) -> msgspec.Raw:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise click.BadParameter(f"is not JSON: {error}", param_hint="--customer-body") from None
    return msgspec.Raw(text.encode())


def _post(target: Target, packet: bytes, insecure: bool, timeout: float) -> tuple[int, bytes]:
    """Status and body of the response."""
    import httpx2

    url = target.url or ""
    verify = target.context(verify=not insecure) if url.lower().startswith("https:") else False
    try:
        # A proxy of the environment has no business between a test and loopback.
        with httpx2.Client(verify=verify, trust_env=False, timeout=timeout) as client:
            response = client.post(url, content=packet, headers={"Content-Type": "application/json"})
            return response.status_code, response.content
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise click.BadParameter(f'got "{url}": {error}', param_hint="--url") from error
    except httpx2.TimeoutException as error:
        raise CommandError(f"{url} did not answer within {timeout:g} s", ExitCode.TIMED_OUT) from error
    except httpx2.RemoteProtocolError as error:
        why = "`cloudsms-simulator explain` and `cloudsms-simulator requests ls --account '*'` may say why"
        raise CommandError(f"{url} ended the connection without an answer: {why}", ExitCode.FAILED) from error
    except httpx2.TransportError as error:
        raise CommandError(f"{url} cannot be reached: {_why(error, target)}", ExitCode.UNREACHABLE) from error


def _why(error: Exception, target: Target) -> str:
    text = str(error) or type(error).__name__
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"{text}; name the authority it comes from with --ca, --certs or --ready-file"
    if target.client_cert is None and (target.url or "").lower().startswith("https:") and "refused" not in text:
        return f"{text}; if it demands a client certificate, give --cert, --certs or --ready-file"
    return text


def _lines(answer: SendAnswer) -> Iterator[str]:
    yield f"answer {_code(answer.result_code, answer.result_desc)}, SERIAL {answer.serial}, {answer.time}"
    for item in answer.detail_list:
        number = f"{item.country_code} {item.dest_msisdn}"
        yield f"  {number:<16} {_code(item.result_code, item.result_desc):<30} {item.sms_uid}"


def _code(code: int, desc: str) -> str:
    from cloudsms_simulator.protocol.codes import ResultCode, hex_code

    known = any(code == each for each in ResultCode)
    return f"{hex_code(ResultCode(code)) if known else code} {desc}"
