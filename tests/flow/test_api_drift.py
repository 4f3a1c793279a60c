"""The admin API is held to its own description: whatever is sent, each answer is one that the document promises."""

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx2
import jsonschema_rs
import pytest

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.engine.account import Callback

HERE = Path(__file__).parent
NOBODY_THERE = AccountSettings(callback=Callback(url="http://127.0.0.1:9/"))
SENT = (
    {},
    {"SMS_CONTENT": "你好", "SIGNATURE": "S", "SIGNATURE_TYPE": 1},
    {"ROUTE_ID": "unknown"},
    {"AUTH_KEY": "unknown"},
    {"SERIAL": "x", "MULTI_MSISDN_LIST": []},
)


async def has_happened(up: object, packet: object, admin: httpx2.AsyncClient) -> None:
    """Something of every kind is in the journal."""
    for fields in SENT:
        await up.post(packet(**fields))
    await up.post(packet((852, "67000011"), (65, "61234567"), (86, "1"), SMS_CONTENT="x" * 400))
    await up.post(b'{"METHOD": ')
    answer = await admin.post("/api/v1/clock/advance", json={"by": "1h"})
    assert answer.json()["settled"]
    assert any(report["attempts"] for report in answer.json()["fired"])


@pytest.mark.timeout(240)
def test_schemathesis_finds_nothing(platform, packet, tmp_path: Path) -> None:
    async def story() -> None:
        async with platform(accounts=(NOBODY_THERE,), clock="frozen", plain=True) as up:
            url = up.simulator.ready.admin_url
            async with httpx2.AsyncClient(base_url=url) as admin:
                await has_happened(up, packet, admin)
            program = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "drift.toml")]
            run = await asyncio.create_subprocess_exec(
                *program, "run", f"{url}/api/v1/openapi.json", "--no-color",
                cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, "SCHEMATHESIS_HOOKS": "drift_hooks", "PYTHONPATH": str(HERE)},
            )  # fmt: skip
            try:
                told, _ = await asyncio.wait_for(run.communicate(), 200)
            finally:
                if run.returncode is None:
                    run.kill()
            assert run.returncode == 0, told.decode()
            assert "No issues found" in told.decode()

    asyncio.run(story())


def test_what_is_shown_of_everything_that_happened_is_as_described(platform, run, packet) -> None:
    async def story() -> None:
        async with (
            platform(accounts=(NOBODY_THERE,), clock="frozen", plain=True) as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            document = (await admin.get("/api/v1/openapi.json")).json()
            await has_happened(up, packet, admin)
            looked_at = [
                *("messages", "requests", "reports", "accounts", "accounts/default", "accounts/default/ledger"),
                *("explain", "clock", "rules", "sink", "scenarios", "state", "info", "readings", "certs"),
            ]
            for path in looked_at:
                answer = (await admin.get(f"/api/v1/{path}")).json()
                assert answer.get("items", "no list") or path == "rules", path
                described = f"/api/v1/{path.replace('/default', '/{name}')}"
                media = document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]
                validator(document, media["schema"]).validate(answer)

    run(story())


def test_the_platform_s_own_packets_are_as_described(platform, run, packet, receiving) -> None:
    async def story() -> None:
        sent = packet(SIGNATURE="S", SIGNATURE_TYPE=1, ORIGINAL_ADDR="me")
        async with platform(accounts=(NOBODY_THERE,), clock="frozen", plain=True) as up:
            answer = await up.post(sent)
            async with httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin:
                document = (await admin.get("/api/v1/openapi.json")).json()
                fired = (await admin.post("/api/v1/clock/advance", json={"by": "1h"})).json()["fired"]
            report = json.loads(fired[0]["attempts"][0]["request"])
            for name, value in (
                ("SMS_SEND_REQUEST.REQUEST", json.loads(sent)),
                ("SMS_SEND_REQUEST.ANSWER", answer.json),
                ("SMS_PUSH_REPORT.REQUEST", report),
            ):
                schema = {"$ref": f"#/components/schemas/{name}"}
                validator(document, schema).validate(value)
                assert not validator(document, schema).is_valid({**value, "SERIAL": 65536}), name

    run(story())


@pytest.mark.skipif(not hasattr(httpx2, "EventSource"), reason="this httpx2 reads no streams of events")
def test_the_stream_of_events_has_what_is_described(platform, run, packet) -> None:
    async def story() -> None:
        async with (
            platform(clock="frozen", plain=True) as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            document = (await admin.get("/api/v1/openapi.json")).json()
            described = document["paths"]["/api/v1/events"]["get"]["responses"]["200"]["content"]
            schemas = described["text/event-stream"]["schema"]
            seen: set[str] = set()
            async with admin.stream("GET", "/api/v1/events", params={"account": ["default", "*"]}) as stream:
                assert stream.headers["content-type"].startswith("text/event-stream")
                await up.post(packet())
                await up.post(packet(AUTH_KEY="unknown"))
                async for event in httpx2.EventSource(stream):
                    if event.data:
                        validator(document, schemas[f"x-{event.event}"]).validate(json.loads(event.data))
                        seen.add(event.event)
                    if {"request", "message"} <= seen:
                        break

    run(story())


def validator(document: dict[str, object], schema: dict[str, object]) -> jsonschema_rs.Draft202012Validator:
    """Of a schema in the document, formats included."""
    return jsonschema_rs.Draft202012Validator({**schema, "components": document["components"]}, validate_formats=True)
