"""Who is let in, and what is seen of those who are not: certificates, addresses, keys.

Spec: Interface specification and communication principle. Reading: R5, R18.
"""

import asyncio
import ipaddress
import json
import logging
import socket
import ssl

import pytest
import trustme

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY

NOBODY = (ipaddress.ip_network("203.0.113.0/24"),)


async def turned_away(here, context: ssl.SSLContext) -> None:
    """Connects as a client that is not let in: in TLS 1.3 it learns so when it reads."""

    async def call() -> None:
        async with here.client(context) as client:
            await client.send(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            await client.answer()

    with pytest.raises((ssl.SSLError, OSError, asyncio.IncompleteReadError)):
        await call()


async def refusals(here, condition, count: int) -> list[dict[str, object]]:
    """The refused handshakes, newest first, once there are so many."""

    async def enough() -> list[dict[str, object]] | None:
        refused = [item for item in await here.items("requests", "*") if item["kind"] == "handshake"]
        return refused if len(refused) >= count else None

    return await condition(enough)


def test_a_refused_handshake_is_shown_with_its_reason_where_requests_are(
    run, platform, condition, tmp_path, caplog
) -> None:
    stranger = trustme.CA().issue_cert("customer.test")
    stranger.private_key_and_cert_chain_pem.write_to_path(tmp_path / "stranger.pem")

    async def story() -> None:
        async with platform(mtls="required") as here:
            unknown = here.tls(None)
            unknown.load_cert_chain(tmp_path / "stranger.pem")
            reasons = ["no-certificate", "unknown-ca", "expired"]
            for context in (here.tls(None), unknown, here.tls("expired")):
                await turned_away(here, context)
            shown = await refusals(here, condition, 3)
            assert [item["findings"][0]["got"] for item in reversed(shown)] == reasons
            assert {item["findings"][0]["rule"] for item in shown} == {"handshake-refused"}
            assert {item["peer"].split(":")[0] for item in shown} == {"127.0.0.1"}
            assert {(item["http_status"], item["answer"], item["account"]) for item in shown} == {(None, None, None)}
            assert [reason in caplog.text for reason in reasons] == [True] * 3

            async with here.client() as client:
                assert (await client.post(b"{}")).status == 200

    run(story())


def test_plain_http_to_the_tls_port_is_shown_too(run, platform, condition) -> None:
    async def story() -> None:
        async with platform() as here:
            port = here.simulator.listener.port
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            [refusal] = await refusals(here, condition, 1)
            assert refusal["findings"][0]["got"] == "plain-http"
            writer.close()

    run(story())


@pytest.mark.parametrize(("mtls", "certificate"), [("off", None), ("optional", None), ("optional", "customer")])
def test_where_no_certificate_is_demanded_a_client_without_one_is_served(
    run, platform, packet, mtls: str, certificate: str | None
) -> None:
    async def story() -> None:
        async with platform(mtls=mtls) as here, here.client(here.tls(certificate)) as client:
            assert (await client.post(packet())).codes == [1, 1]
            [item] = await here.items("requests")
            peer = item["tls"]["peer"]
            assert item["tls"]["version"] == "TLSv1.3"
            assert (peer is None) is (certificate is None)

    run(story())


def test_a_bad_certificate_is_refused_even_where_none_is_demanded(run, platform, condition) -> None:
    async def story() -> None:
        async with platform(mtls="optional") as here:
            await turned_away(here, here.tls("expired"))
            [refusal] = await refusals(here, condition, 1)
            assert refusal["findings"][0]["got"] == "expired"

    run(story())


def test_the_peers_certificate_is_shown_with_the_exchange_and_connections_have_numbers(run, platform, packet) -> None:
    async def story() -> None:
        async with platform(mtls="required") as here:
            async with here.client() as client:
                await client.post(packet())
                await client.post(packet(VERSION="old"))
            async with here.client() as client:
                await client.post(packet())
            items = await here.items("requests")
            peers = [item["tls"]["peer"] for item in items]
            assert [peer["subject"].split(",")[0] for peer in peers] == ["CN=CloudSMS customer"] * 3
            assert {peer["fingerprint_sha256"] for peer in peers} == {peers[0]["fingerprint_sha256"]}
            third, second, first = (item["connection_id"] for item in items)
            assert first == second != third

    run(story())


# Addresses


def test_an_address_off_the_servers_whitelist_is_disconnected_before_tls(run, platform, condition) -> None:
    async def story() -> None:
        async with platform(whitelist=NOBODY) as here:
            await turned_away(here, here.tls())

            async def closed() -> list[str] | None:
                rules = await here.rules()
                return rules[0] if rules else None

            assert await condition(closed) == ["source-not-whitelisted"]

    run(story())


@pytest.mark.parametrize("plain", [True, False])
def test_an_address_off_the_accounts_whitelist_is_disconnected_without_an_answer(
    run, platform, packet, plain: bool
) -> None:
    async def story() -> None:
        accounts = (AccountSettings(whitelist=NOBODY), AccountSettings(name="open", auth_key="open-key"))
        async with platform(plain=plain, accounts=accounts) as here:
            async with here.client() as client:
                assert (await client.post(packet(AUTH_KEY="open-key"))).codes == [1, 1]
                body = packet()
                head = b"POST /dave/io HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
                await client.send(head, body, head, body)
                assert await client.ended() == b""
            [item] = await here.items("requests")
            assert (item["kind"], item["http_status"], item["answer"]) == ("closed", None, None)
            assert [finding["rule"] for finding in item["findings"]] == ["source-not-whitelisted"]
            assert await here.items("messages") == []

    run(story())


def test_nothing_listens_beyond_loopback_unless_told_to(run, platform) -> None:
    others = {
        address[4][0]
        for address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
        if not ipaddress.ip_address(address[4][0]).is_loopback
    }

    async def story() -> None:
        async with platform() as here:
            ports = here.simulator.listener.port, here.simulator.admin_listener.port
            for port in ports:
                for address in ("127.0.0.1", *others):
                    with socket.socket() as probe:
                        probe.settimeout(5)
                        assert (probe.connect_ex((address, port)) == 0) is (address == "127.0.0.1")

    run(story())


# Keys


def test_a_key_is_nowhere_in_a_listing_or_the_log(run, platform, receiving, packet, caplog) -> None:
    caplog.set_level(logging.DEBUG, "cloudsms_simulator")
    nobodys = "a-key-nobody-has/0123456789+=="

    async def story() -> None:
        accounts = (AccountSettings(), AccountSettings(name="any", auth_key="*"))
        async with platform(accounts=accounts, switches={"dr_auth_key": True}) as here, here.client() as client:
            for key in (DEFAULT_AUTH_KEY, nobodys):
                header = f"X-Auth-Key: {key}"
                for body in (
                    packet(AUTH_KEY=key),
                    packet(AUTH_KEY=key, ROUTE_ID=key),
                    packet(AUTH_KEY=key, auth_key=key, SENDER_ID=key),
                    packet(AUTH_KEY=key, VERSION="old", SMS_CONTENT=f"{key} is my key"),
                    packet(AUTH_KEY=key, ROUTE_ID=key)[:-30],
                    packet(AUTH_KEY=key).replace(b'"SERIAL"', b"SERIAL"),
                    packet(AUTH_KEY=key).replace(b"AUTH_KEY", b"AUTH_KE\\u0059"),
                ):
                    await client.post(body, header)
                await client.post(packet(CUSTOMER_BODY={"mine": DEFAULT_AUTH_KEY}))
                for path in (f"/elsewhere?AUTH_KEY={key}", f"/dave/io/AUTH_KEY={key}", "/dave/io"):
                    async with here.client() as another:
                        await another.post(b"{}", f"AUTH_KEY: {key}", f"Authorization: Bearer {key}", path=path)
                break_off = f"POST / HTTP/1.1\r\nAUTH_KEY: {key}\r\nno header\r\n\r\n"
                async with here.client() as another:
                    await another.send(break_off.encode())
                    await another.ended()
            pages = [
                await here.page(resource, name)
                for resource in ("requests", "messages", "reports", "accounts")
                for name in ("default", "any")
            ]
            pages.append(await here.page("requests", "*"))
            items = [json.dumps(item) for page in pages for item in page["items"]]
            assert sum("key-" in item for item in items) >= 20
            for key in (DEFAULT_AUTH_KEY, nobodys):
                assert [item for item in items if key[:16] in item] == []
                assert key[:16] not in caplog.text

    run(story())
