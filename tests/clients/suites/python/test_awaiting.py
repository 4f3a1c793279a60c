"""pytest, httpx2 and asyncio or trio: many codes at once, and waiting for their reports."""

from collections.abc import AsyncIterator

import anyio
import httpx2
import pytest

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def http(cloudsms) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(verify=cloudsms.ssl_context, trust_env=False) as client:
        yield client


async def send(http: httpx2.AsyncClient, cloudsms, serial: int) -> None:
    """The code under test: one of many."""
    packet = {"METHOD": "SMS_SEND_REQUEST", "TYPE": "REQUEST", "SERIAL": serial, "TIME": "2026-11-22 12:00:00"}
    packet |= {"AUTH_KEY": cloudsms.auth_key, "ROUTE_ID": cloudsms.route_id, "VERSION": "2021-01-01"}
    packet |= {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": f"670000{serial:02}"}]}
    packet |= {"SMS_CONTENT": f"Your code is {serial:06}"}
    answer = (await http.post(cloudsms.url, json=packet)).json()
    assert answer["RESULT_CODE"] == 1, answer


async def test_many_codes_at_once(cloudsms, http) -> None:
    async with anyio.create_task_group() as group:
        for serial in range(1, 21):
            group.start_soon(send, http, cloudsms, serial)
        assert await cloudsms.aio.wait_for_otp(to="85267000007") == "000007"
    await cloudsms.aio.wait_for_sms(count=20)
    fired = (await cloudsms.aio.clock.advance("1s")).fired
    assert [each.state_name for each in fired] == ["DELIVERED"] * 20
    await cloudsms.aio.assert_spent("USD 1.00")
