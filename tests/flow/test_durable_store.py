"""A platform that keeps everything in a file, and another one that takes it up.

Spec: CloudSMS Platform Server. Reading: R16.
"""

import logging
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from postgres_server import PostgresServer, needs_postgres
from prometheus_client.parser import text_string_to_metric_families

from cloudsms_simulator.config.account_schema import AccountSettings
from cloudsms_simulator.models.server import StorePlace
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.stores import durable, sqlite


async def texts(up) -> list[object]:
    return [message["text"] for message in await up.items("messages")]


def test_a_state_document_that_was_put_is_there_after_the_next_start_whatever_seed_it_came_with(
    platform, run, packet, tmp_path: Path
) -> None:
    async def story() -> None:
        async with platform(seed=1, clock="frozen") as other, other.client() as client:
            await client.post(packet(SMS_CONTENT="from another server"))
            document = await other.simulator.state().take()
        async with (
            platform(store=StorePlace("sqlite", str(tmp_path / "a.db")), clock="frozen") as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            headers = {"Content-Type": "application/json"}
            assert (await admin.put("/api/v1/state", content=document, headers=headers)).status_code == 204
        async with platform(store=StorePlace("sqlite", str(tmp_path / "a.db")), clock="frozen") as up:
            assert await texts(up) == ["from another server"]

    run(story())


def test_an_account_that_is_not_configured_for_a_while_is_a_configured_one_again_later(
    platform, run, packet, tmp_path: Path
) -> None:
    async def story() -> None:
        shop = AccountSettings(name="shop", auth_key="the key of the shop")
        seen = []
        for accounts in ((AccountSettings(), shop), (AccountSettings(),), (AccountSettings(), shop)):
            async with platform(store=StorePlace("sqlite", str(tmp_path / "a.db")), accounts=accounts) as up:
                await up.post(packet(AUTH_KEY=shop.auth_key))
                directory, keeper = up.simulator.directory, up.simulator.keeper
                seen.append({account.name: keeper.made(account) for account in directory})
                assert len(await up.items("messages", "shop")) == len(seen)
        assert [each["shop"] for each in seen] == [False, True, False]
        assert [each["default"] for each in seen] == [False, False, False]

    run(story())


async def answered(admin: httpx2.AsyncClient, path: str) -> tuple[int, dict[str, object]]:
    answer = await admin.get(path)
    return answer.status_code, answer.json()


def test_while_the_file_cannot_be_written_nothing_is_kept_everybody_is_told_why_and_then_it_goes_on(
    platform, run, packet, condition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(durable, "_PAUSE_AFTER_A_FAILURE", 0.01)
    file = tmp_path / "a.db"
    why = f"{file}: database is locked"

    async def story() -> None:
        async with (
            platform(store=StorePlace("sqlite", str(file))) as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            assert (await up.post(packet(SMS_CONTENT="before"))).codes[0] == ResultCode.OK
            with closing(sqlite3.connect(file, isolation_level=None)) as somebody:
                somebody.execute("BEGIN IMMEDIATE")
                assert (await up.post(packet(SMS_CONTENT="meanwhile"))).codes[0] == ResultCode.DB_NOT_FIND
                refused = await admin.post("/api/v1/accounts", json={"name": "shop"})
                assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
                assert refused.json()["detail"] == f"the store cannot be read or written: {why}"
                not_ready = {"status": "not ready", "reason": f"the store cannot be written: {why}"}
                assert await answered(admin, "/readyz") == (503, not_ready)
                store = (await answered(admin, "/api/v1/info"))[1]["store"]
                assert (store["kind"], store["trouble"], store["failures"] >= 2) == ("sqlite", why, True)
                assert store["octets"] >= file.stat().st_size > 0
                assert f"cannot be written: {why}" in (await admin.get("/overview")).text
                assert await texts(up) == ["before"]

            async def ready() -> bool | None:
                return True if (await answered(admin, "/readyz"))[0] == 200 else None

            assert await condition(ready)
            assert (await up.post(packet(SMS_CONTENT="after"))).codes[0] == ResultCode.OK
            assert await texts(up) == ["after", "before"]
            assert [account["name"] for account in await up.items("accounts")] == ["default"]

    run(story())
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors
    assert [error for error in errors if why not in error] == []
    caplog.clear()


def test_what_the_store_does_is_counted(platform, run, packet, tmp_path: Path) -> None:
    async def story() -> None:
        async with (
            platform(store=StorePlace("sqlite", str(tmp_path / "a.db")), clock="frozen") as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            page = (await admin.get("/overview", headers={"Accept-Language": "en"})).text
            assert "<dt>Store</dt><dd><b>SQLite</b> " in page
            begun = up.simulator.store.database_facts
            for _ in range(3):
                await up.post(packet())
            store = (await answered(admin, "/api/v1/info"))[1]["store"]
            samples = {
                sample.name: sample.value
                for family in text_string_to_metric_families((await admin.get("/metrics")).text)
                for sample in family.samples
            }
            assert begun.turns + 3 == store["turns"] == samples["cloudsms_store_turn_seconds_count"]
            assert begun.steps + 3 == store["steps"] == samples["cloudsms_store_steps_total"]
            assert store["turn_seconds"] == samples["cloudsms_store_turn_seconds_sum"] / store["turns"] > 0
            assert (store["failures"], samples["cloudsms_store_failures_total"], store["trouble"]) == (0, 0, None)
            assert samples["cloudsms_store_bytes"] == store["octets"]

    run(story())


@needs_postgres
def test_while_a_database_is_down_everybody_is_told_why_and_afterwards_it_goes_on_by_itself(
    platform, run, packet, condition, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(durable, "_PAUSE_AFTER_A_FAILURE", 0.01)
    server = PostgresServer()
    secret = "the password of a database"
    place = StorePlace("postgresql", server.url().replace("@", f":{secret.replace(' ', '%20')}@"))
    texts_of_everything: list[str] = []

    async def story() -> None:
        async with (
            platform(store=place) as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            assert (await up.post(packet(SMS_CONTENT="before"))).codes[0] == ResultCode.OK
            for how in (signal.SIGQUIT, signal.SIGINT):
                server.kill(how)
                assert (await up.post(packet(SMS_CONTENT="meanwhile"))).codes[0] == ResultCode.DB_NOT_FIND
                refused = await admin.post("/api/v1/accounts", json={"name": "shop"})
                assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
                status, probe = await answered(admin, "/readyz")
                assert (status, probe["status"]) == (503, "not ready")
                assert str(probe["reason"]).startswith(f"the store cannot be written: {place}: ")
                store = (await answered(admin, "/api/v1/info"))[1]["store"]
                assert (store["kind"], store["trouble"] in probe["reason"]) == ("postgresql", True)
                page = (await admin.get("/overview", headers={"Accept-Language": "en"})).text
                assert "<dt>Store</dt><dd><b>PostgreSQL</b> cannot be written: postgresql://" in page
                texts_of_everything.extend([refused.text, str(probe), str(store), page, repr(up.simulator.settings)])
                server.start()

                async def ready() -> bool | None:
                    return True if (await answered(admin, "/readyz"))[0] == 200 else None

                assert await condition(ready)
                assert (await up.post(packet(SMS_CONTENT="after"))).codes[0] == ResultCode.OK
            assert await texts(up) == ["after", "after", "before"]
            assert [account["name"] for account in await up.items("accounts")] == ["default"]
        async with platform(store=place) as up:
            assert await texts(up) == ["after", "after", "before"]

    try:
        run(story())
    finally:
        server.end()
    texts_of_everything.append(caplog.text)
    assert [text for text in texts_of_everything if "password of" in text or "password%20of" in text] == []
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert errors
    assert [error for error in errors if str(place) not in error] == []
    caplog.clear()
