"""A base path before the inbox, the admin API and what pages are made of: behind a proxy, and where it is mounted.

Reading: R19.
"""

import asyncio
import re
from typing import Any

import httpx2
import pytest
from every_address import first_octets, follow_everything
from patience import DEADLINE

from cloudsms_simulator.inbox.app import STATIC_FOLDER

BASE = "/tools/cloudsms"


@pytest.mark.parametrize("taken_off", [False, True], ids=["left in", "taken off"])
def test_behind_a_proxy_every_address_begins_with_the_base_path(
    run: Any, platform: Any, packet: Any, taken_off: bool
) -> None:
    async def story() -> None:
        async with platform(plain=True, admin_path=BASE) as server:
            url = server.simulator.ready.admin_url

            async def as_proxied(request: httpx2.Request) -> None:
                if taken_off:
                    request.url = request.url.copy_with(raw_path=request.url.raw_path.removeprefix(BASE.encode()))

            hooks = {"request": [as_proxied]}
            origin = url.removesuffix(BASE)
            async with httpx2.AsyncClient(
                base_url=origin, event_hooks=hooks, trust_env=False, timeout=DEADLINE
            ) as client:
                await follow_everything(client, BASE, packet, server.post)
                for path in ("/pulse", "/api/v1/events"):
                    assert (await first_octets(client, BASE + path))[0] == 200
                made = await client.post(f"{BASE}/api/v1/accounts", json={"name": "shop"})
                assert made.headers["location"] == f"{BASE}/api/v1/accounts/shop"
                assert len(made.json()["auth_key"]) > 20, "masked, as nowhere else"
                assert (await client.get(made.headers["location"])).json()["name"] == "shop"
                document = (await client.get(f"{BASE}/api/v1/openapi.json")).json()
                assert document["servers"][0]["url"] == f"{BASE}/"
                docs = (await client.get(f"{BASE}/api/v1/docs")).text
                [script] = re.findall(r'src="([^"]+)"', docs)
                assert (await client.get(f"{BASE}/api/v1/{script}")).status_code == 200
                info = (await client.get(f"{BASE}/api/v1/info")).json()
                assert info["urls"]["admin"] == url == f"{origin}{BASE}"
                missing = (await client.get(f"{BASE}/nothing")).json()["detail"]
                assert missing == f"there is nothing at {BASE}/nothing; {BASE}/api/v1/docs lists what there is"

    run(story())


def test_a_person_is_asked_for_the_token_and_led_on_below_the_base_path(run: Any, platform: Any) -> None:
    async def story() -> None:
        async with platform(plain=True, admin_path=f"{BASE}", admin_token="secret") as server:
            origin = server.simulator.ready.admin_url.removesuffix(BASE)
            async with httpx2.AsyncClient(base_url=origin, trust_env=False, timeout=DEADLINE) as client:
                page = await client.get(f"{BASE}/overview?q=a", headers={"accept": "text/html"})
                assert (page.status_code, f'action="{BASE}/login"' in page.text) == (401, True)
                assert f'value="{BASE}/overview?q=a"' in page.text
                form = {"token": "secret", "next": f"{BASE}/overview?q=a"}
                entered = await client.post(f"{BASE}/login", data=form)
                assert (entered.status_code, entered.headers["location"]) == (303, f"{BASE}/overview?q=a")
                assert f"Path={BASE}/;" in entered.headers["set-cookie"]
                assert (await client.get(f"{BASE}/overview?q=a")).status_code == 200
                for elsewhere in ("https://evil.test/", "//evil.test/", "/other", f"{BASE}/login", ""):
                    again = await client.post(f"{BASE}/login", data={"token": "secret", "next": elsewhere})
                    assert again.headers["location"] == f"{BASE}/"
                left = await client.post(f"{BASE}/logout", headers={"origin": origin})
                assert left.headers["location"] == f"{BASE}/login"
                assert (await client.get(f"{BASE}/overview")).status_code == 401

    run(story())


@pytest.mark.parametrize(
    ("path", "status"),
    [("/api/v1/accounts", 401), ("//api/v1/accounts", 401), ("/x/livez", 401), ("/static/../api/v1/accounts", 404)],
)
def test_the_base_path_opens_no_way_around_the_token(run: Any, platform: Any, path: str, status: int) -> None:
    async def story() -> None:
        async with platform(plain=True, admin_path=BASE, admin_token="secret") as server:
            port = server.simulator.admin_listener.port
            for target in (path, BASE + path):
                assert await status_of(port, target) == status, target
            assert await status_of(port, f"{BASE}{BASE}{path}") == 401
            assert [await status_of(port, each) for each in ("/livez", f"{BASE}/livez")] == [200, 200]

    run(story())


async def status_of(port: int, target: str) -> int:
    """The status of a request whose target is sent as it stands."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return int(line.split()[1])


def test_the_scripts_of_pages_take_the_base_path_from_the_page() -> None:
    scripts = [path.read_text(encoding="utf-8") for path in STATIC_FOLDER.rglob("*.js")]
    led = [line for script in scripts for line in script.splitlines() if re.search(r"location\.assign|\.href = ", line)]
    assert len(led) == 4
    assert [line for line in led if "dataset.root" not in line and "dataset.then" not in line] == []
