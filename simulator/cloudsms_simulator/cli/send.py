"""`cloudsms-simulator send`: sends an SMS the way a customer does, and shows what the platform answers.

Spec: SMS Dispatching.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, TypeVar

import click
import msgspec

from cloudsms_simulator.cli.process import CommandError, ExitCode
from cloudsms_simulator.cli.target import Target, target_options

if TYPE_CHECKING:
    from cloudsms_simulator.protocol.customer import SendAnswer
    from cloudsms_simulator.protocol.packet import Destination


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
