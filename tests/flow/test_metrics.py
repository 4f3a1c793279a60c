"""Metrics of a whole platform: what happened on its ports is what is counted."""

import asyncio

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import DEFAULT_AUTH_KEY, Callback
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.push.receiver import Receiver, behaviour_of


async def metrics(admin: httpx2.AsyncClient) -> dict[tuple[str, ...], float]:
    """By name, and by the values of the labels in the order of their names."""
    text = (await admin.get("/metrics")).text
    assert DEFAULT_AUTH_KEY not in text
    assert fingerprint(DEFAULT_AUTH_KEY) not in text
    return {
        (sample.name, *[value for _, value in sorted(sample.labels.items())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_they_tell_what_happened(platform, run, packet, receiving) -> None:
    async def story() -> None:
        receiver = Receiver(behaviour_of("http-503"))
        async with receiving(receiver) as url:
            account = AccountSettings(callback=Callback(url=url))
            async with (
                platform(accounts=(account,), clock="frozen", mtls="required") as up,
                httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
            ):
                await up.post(packet((852, "67000011"), (65, "12345678"), SMS_CONTENT="x" * 161))
                await up.post(packet(AUTH_KEY="unknown"))
                async with up.client() as client:
                    assert (await client.post(b"", path="/elsewhere")).status == 404
                try:
                    async with up.client(up.tls(None)) as client:
                        await client.post(packet())
                except (OSError, asyncio.IncompleteReadError):
                    pass
                await up.simulator.journal.written()
                before = await metrics(admin)
                assert before["cloudsms_reports_pending",] == 2
                await admin.post("/api/v1/clock/advance", json={"by": "1h"})
                seen = await metrics(admin)
                assert seen["cloudsms_requests_total", "0x01", "uip", "OK"] == 1
                assert seen["cloudsms_requests_total", "0x05", "uip", "Channel_not_exist"] == 1
                assert seen["cloudsms_requests_total", "", "http", ""] == 1
                assert seen["cloudsms_requests_total", "", "handshake", ""] == 1
                assert seen["cloudsms_handshakes_refused_total", "no-certificate"] == 1
                assert seen["cloudsms_findings_total", "path-wrong"] == 1
                assert seen["cloudsms_messages_accepted_total",] == 2
                assert seen["cloudsms_segments_total",] == 4
                assert seen["cloudsms_segments_billed_total", "USD"] == 2
                assert seen["cloudsms_messages_final_total", "DELIVERED"] == 1
                assert seen["cloudsms_messages_final_total", "LOCAL_REJECTED"] == 1
                assert seen["cloudsms_pushes_total", "failed", "503"] == 2
                assert seen["cloudsms_reports_pending",] == 0
                assert seen["cloudsms_answer_seconds_count",] == 2
                assert 0 < seen["cloudsms_answer_seconds_sum",] < 60
                await admin.post("/api/v1/reset")
                after = await metrics(admin)
                assert after["cloudsms_messages_accepted_total",] == 2
                assert after["cloudsms_journal_items", "messages"] == 0
                async with admin.stream("GET", "/api/v1/events"):
                    assert (await metrics(admin))["cloudsms_event_streams",] == 1

    run(story())
