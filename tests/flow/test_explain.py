"""Explanations over the API, of what really came over real sockets, and of what was not sent. Reading: R24."""

import asyncio
import json
import os
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network

import pytest

from cloudsms_simulator.client.client import AsyncClient
from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY
from cloudsms_simulator.engine.money import Money

BUSY, UNKNOWN, ORDINARY = (852, "67555103"), (852, "67555102"), (852, "67000011")
PLACEHOLDER = "$CLOUDSMS_AUTH_KEY"


async def suspected(client: AsyncClient, request: int | None = None) -> list[str]:
    """The suspicions an explanation has of an exchange, the newest unless said."""
    told = await client.explain(request)
    return [finding.rule for finding in told.findings if finding.severity == "suspicion"]


def test_what_a_client_does_lets_suspect_its_mistakes(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(clock="frozen") as here, AsyncClient(here.simulator.ready.admin_url) as client:

            async def after(seconds: float, *destinations: tuple[int, str], **fields: object) -> list[str]:
                await client.clock.advance(seconds=seconds)
                await here.post(packet(*destinations, **fields))
                return await suspected(client)

            async with here.client() as connection:
                for destination, text, pause, rules in (
                    (ORDINARY, "Your code is 4711", 0.0, []),
                    (ORDINARY, "Your code is 4711", 5.0, ["sent-twice"]),
                    (ORDINARY, "4711 is your code", 30.0, ["otp-sent-twice"]),
                    (BUSY, "Hello", 0.0, []),
                    (BUSY, "Hello", 300.0, ["resent-too-soon"]),
                    (UNKNOWN, "Hello", 0.0, []),
                    (UNKNOWN, "Hello", 1.0, ["resent-at-once"]),
                ):
                    await client.clock.advance(seconds=pause)
                    await connection.post(packet(destination, SMS_CONTENT=text))
                    assert await suspected(client) == rules, (destination, text)
            await client.reset()
            for number in range(4):
                assert await after(60, (852, f"6700002{number}"), CUSTOMER_BODY=...) == []
            told = await after(60, (852, "67000029"), CUSTOMER_BODY=...)
            assert told == ["connection-per-request"]

    run(story())


def test_everything_about_an_exchange_is_told(run, platform, packet) -> None:
    async def story() -> None:
        settings = AccountSettings(prices={852: Decimal("0.05")})
        async with (
            platform(clock="frozen", accounts=(settings,), mtls="required") as here,
            AsyncClient(here.simulator.ready.admin_url) as client,
        ):
            rule = {"id": "phone-off", "match": {"to": "852*"}, "report": [{"state": "ENROUTE", "after": "5s"}]}
            await client.rules.add(rule)
            sent = {"SMS_CONTENT": "It’s " + "x" * 70, "CUSTOMER_BODY": {}}
            await here.post(packet(ORDINARY, **sent))
            body = json.loads(packet(ORDINARY, **sent)) | {"AUTH_KEY": PLACEHOLDER}
            for told, left in ((await client.explain(), "999.90"), (await client.explain(body=body), "999.80")):
                assert (told.code is not None and told.code.name, told.summary) == ("OK", "1 accepted")
                assert (told.decided_by.by, told.decided_by.name) == ("rule", "phone-off")
                assert [finding.rule for finding in told.findings] == ["content-forced-ucs2"]
                assert told.text is not None
                assert (told.text.dcs, told.text.segments, told.text.forcing[0].character) == (8, 2, "’")
                assert told.text.rewritten is not None
                assert told.text.rewritten.saved == Money(Decimal("0.05"), "USD")
                [destination] = told.destinations
                assert destination.charge is not None
                assert destination.charge.line.startswith("2 x USD 0.05 = USD 0.10; balance USD ")
                assert destination.charge.line.endswith(f"then USD {left}")
                due = [(each.state_name, each.at - told.at) for each in destination.reports]
                assert due == [("ENROUTE", timedelta(seconds=5)), ("EXPIRED", timedelta(hours=25))]
                assert told.correction is None

    run(story())


@pytest.mark.parametrize("sent", [True, False])
def test_a_corrected_packet_passes_by_its_curl_line(run, platform, packet, sent: bool) -> None:
    async def story() -> None:
        async with (
            platform(clock="frozen", mtls="required") as here,
            AsyncClient(here.simulator.ready.admin_url) as client,
        ):
            wrong = packet(("852", "+852 67000011"), VERSION="2.3")
            if sent:
                await here.post(wrong)
                told = await client.explain()
            else:
                told = await client.explain(body=wrong.decode())
            assert told.code is not None
            assert told.code.name == "Invalid_Version"
            correction = told.correction
            assert correction is not None
            assert (correction.passes, PLACEHOLDER in (correction.curl or "")) == (True, True)
            assert DEFAULT_AUTH_KEY not in repr(told)
            assert json.loads(bytes(correction.request))["AUTH_KEY"] == PLACEHOLDER
            assert sorted(change.path for change in correction.changes) == [
                "$.MULTI_MSISDN_LIST[0].COUNTRY_CODE",
                "$.MULTI_MSISDN_LIST[0].DEST_MSISDN",
                "$.VERSION",
            ]
            shell = await asyncio.create_subprocess_exec(
                *("sh", "-c", f"{correction.curl} --silent --show-error"),
                env={**os.environ, "CLOUDSMS_AUTH_KEY": DEFAULT_AUTH_KEY, "no_proxy": "*"},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, errors = await shell.communicate()
            assert (errors, json.loads(output)["RESULT_CODE"]) == (b"", 1)
            [message] = await client.messages.all()
            assert message.to == "85267000011"

    run(story())


def test_an_address_off_a_whitelist_is_told_so_before_anything_is_sent(run, platform, packet) -> None:
    async def story() -> None:
        ours, theirs = (ip_network("127.0.0.0/8"), ip_network("10.0.0.0/8")), (ip_network("127.0.0.0/8"),)
        settings = AccountSettings(whitelist=theirs)
        async with (
            platform(clock="frozen", accounts=(settings,), whitelist=ours) as here,
            AsyncClient(here.simulator.ready.admin_url) as client,
        ):
            body = packet().decode()
            told = [await client.explain(body=body, peer=peer) for peer in ("127.0.0.1", "10.0.0.1", "11.0.0.1")]
            assert [None if each.code is None else each.code.name for each in told] == ["OK", None, None]
            wants = [each.findings[0].want for each in told[1:]]
            assert wants == ["an address on the account's whitelist", "an address on the server's whitelist"]
            assert await client.requests.all() == []

    run(story())
