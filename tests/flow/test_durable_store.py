"""A platform that keeps everything in a file, and another one that takes it up.

Spec: CloudSMS Platform Server. Reading: R16.
"""

from pathlib import Path

import httpx2

from cloudsms_simulator.config.account_schema import AccountSettings


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
            platform(store=tmp_path / "a.db", clock="frozen") as up,
            httpx2.AsyncClient(base_url=up.simulator.ready.admin_url) as admin,
        ):
            headers = {"Content-Type": "application/json"}
            assert (await admin.put("/api/v1/state", content=document, headers=headers)).status_code == 204
        async with platform(store=tmp_path / "a.db", clock="frozen") as up:
            assert await texts(up) == ["from another server"]

    run(story())


def test_an_account_that_is_not_configured_for_a_while_is_a_configured_one_again_later(
    platform, run, packet, tmp_path: Path
) -> None:
    async def story() -> None:
        shop = AccountSettings(name="shop", auth_key="the key of the shop")
        seen = []
        for accounts in ((AccountSettings(), shop), (AccountSettings(),), (AccountSettings(), shop)):
            async with platform(store=tmp_path / "a.db", accounts=accounts) as up:
                await up.post(packet(AUTH_KEY=shop.auth_key))
                directory, keeper = up.simulator.directory, up.simulator.keeper
                seen.append({account.name: keeper.made(account) for account in directory})
                assert len(await up.items("messages", "shop")) == len(seen)
        assert [each["shop"] for each in seen] == [False, True, False]
        assert [each["default"] for each in seen] == [False, False, False]

    run(story())
