"""Tests that await, under every plugin that runs them, and tests that block where they should not."""

import pytest

pytest_plugins = ["pytester"]

AWAITING = """
import asyncio
import functools
import pytest
from sender import send

{fixture}
async def busy_once(cloudsms):
    plan = cloudsms.aio.when(to="852*").reply("Busy", times=1).then("OK")
    await plan.report("DELIVERED", after="3s")
    yield cloudsms.aio
    assert len(await cloudsms.aio.messages.all()) == 1

{mark}
async def test_awaited(cloudsms, busy_once):
    codes = [(await {in_a_thread}(send, cloudsms))["RESULT_CODE"] for _ in range(2)]
    assert codes == [3, 1]
    assert await busy_once.wait_for_otp(to="852*") == "123456"
    await busy_once.clock.advance(seconds=3)
    report = await busy_once.wait_for_report(state="DELIVERED")
    assert report.outcome == "answered"
    await busy_once.assert_spent("USD 0.05")

def test_blocking(cloudsms):
    send(cloudsms)
    assert cloudsms.wait_for_otp() == "123456"
"""


def test_what_blocks_can_be_awaited_too(project) -> None:
    run = project(
        """
        import asyncio
        import pytest
        from sender import send

        @pytest.mark.anyio
        async def test_aio(cloudsms, anyio_backend):
            aio = cloudsms.aio
            await aio.when(to="852*").reply("Busy", times=1).then("OK").report("DELIVERED", after="3s")
            async def later():
                await asyncio.sleep(0)
                return await asyncio.to_thread(lambda: [send(cloudsms)["RESULT_CODE"] for _ in range(2)])
            sending = asyncio.create_task(later())
            sms = await aio.wait_for_sms(to="852*")
            assert await sending == [3, 1]
            assert await aio.wait_for_otp() == "123456"
            fired = (await aio.clock.advance(seconds=3)).fired
            report = await aio.wait_for_report(sms.uid, state="DELIVERED")
            assert [each.id for each in fired] == [report.id]
            assert (await aio.assert_sms_sent(count=1)).uid == sms.uid
            await aio.assert_spent("USD 0.05")
            assert [each.uid for each in await aio.messages.all()] == [sms.uid]
            assert [each.uid for each in (await aio.sink.show()).received] == [sms.uid]
            with pytest.raises(AssertionError, match="something was sent"):
                await aio.assert_nothing_sent()
            await aio.callback(None)
            assert (await aio.account.show()).callback.url is None

        @pytest.fixture
        def anyio_backend():
            return "asyncio"

        def test_several_loops(cloudsms):
            async def balance():
                return (await cloudsms.aio.account.show()).balance
            assert asyncio.run(balance()) == asyncio.run(balance()) == cloudsms.account.balance
        """,
        beside=["anyio"],
    )
    run.assert_outcomes(passed=2)


def test_a_blocking_wait_within_an_event_loop_says_so_when_it_times_out(project) -> None:
    run = project(
        """
        import asyncio

        def test_blocks(cloudsms):
            async def story():
                cloudsms.wait_for_sms(to="852*", timeout="50ms")
            asyncio.run(story())

        def test_awaits(cloudsms):
            async def story():
                await cloudsms.aio.wait_for_sms(to="852*", timeout="50ms")
            asyncio.run(story())

        def test_plain(cloudsms):
            cloudsms.wait_for_sms(to="852*", timeout="50ms")
        """
    )
    run.assert_outcomes(failed=3)
    run.stdout.fnmatch_lines(["E*This call blocked the event loop it was made in*await cloudsms.aio*"])
    assert sum(line[:1] == "E" and "This call blocked" in line for line in run.outlines) == 1


def test_a_server_for_reports_in_the_test_s_own_loop_gets_them(project) -> None:
    run = project(
        """
        import asyncio
        import json
        from sender import send

        async def answer(reader, writer):
            head = await reader.readuntil(b"\\r\\n\\r\\n")
            length = next(int(line[15:]) for line in head.decode().split("\\r\\n")
                          if line.lower().startswith("content-length:"))
            report = json.loads(await reader.readexactly(length))
            said = json.dumps({key: report[key] for key in ("METHOD", "SERIAL", "TIME")}
                | {"TYPE": "ANSWER", "RESULT_CODE": 1, "RESULT_DESC": "OK"}).encode()
            writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(said), said))
            writer.close()

        def test_it(cloudsms):
            async def story():
                server = await asyncio.start_server(answer, "127.0.0.1", 0)
                port = server.sockets[0].getsockname()[1]
                await cloudsms.aio.callback(f"http://127.0.0.1:{port}/")
                await asyncio.to_thread(send, cloudsms)
                await cloudsms.aio.clock.advance("1s")
                report = await cloudsms.aio.wait_for_report()
                server.close()
                assert (report.outcome, report.attempts[0].findings) == ("answered", ())
            asyncio.run(story())
        """
    )
    run.assert_outcomes(passed=1)


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_pytest_asyncio_runs_tests_that_await(project, mode) -> None:
    strict = mode == "strict"
    fixture = "import pytest_asyncio\n@pytest_asyncio.fixture" if strict else "@pytest.fixture"
    mark = "@pytest.mark.asyncio" if strict else ""
    run = project(
        AWAITING.format(fixture=fixture, mark=mark, in_a_thread="asyncio.to_thread"),
        *("-o", "asyncio_default_fixture_loop_scope=function", "-o", f"asyncio_mode={mode}"),
        beside=["asyncio"],
        apart=True,
    )
    run.assert_outcomes(passed=2)


@pytest.mark.parametrize("library", ["asyncio", "trio"])
def test_anyio_runs_tests_that_await(project, library) -> None:
    run = project(
        AWAITING.format(
            fixture="import anyio\n@pytest.fixture", mark="@pytest.mark.anyio", in_a_thread="anyio.to_thread.run_sync"
        ),
        conftest=f"import pytest\n@pytest.fixture\ndef anyio_backend(): return {library!r}",
        beside=["anyio"],
    )
    run.assert_outcomes(passed=2)


def test_what_is_awaited_works_in_trio_alone_and_says_so_when_it_is_blocked(project) -> None:
    run = project(
        """
        import pytest
        import trio
        from sender import send

        def test_trio(cloudsms):
            async def story():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.to_thread.run_sync, send, cloudsms)
                    assert (await cloudsms.aio.wait_for_sms()).to == "85267000011"
                with pytest.raises(AssertionError, match="1 of 2 messages"):
                    await cloudsms.aio.wait_for_sms(count=2, timeout="50ms")
            trio.run(story)

        def test_given_up(cloudsms):
            async def story():
                with trio.move_on_after(0.05) as scope:
                    await cloudsms.aio.wait_for_sms(timeout=60)
                assert scope.cancelled_caught
                await cloudsms.aio.assert_nothing_sent()
            trio.run(story)

        def test_blocks(cloudsms):
            async def story():
                cloudsms.wait_for_sms(timeout="50ms")
            trio.run(story)
        """
    )
    run.assert_outcomes(passed=2, failed=1)
    run.stdout.fnmatch_lines(["E*This call blocked the event loop it was made in*await cloudsms.aio*"])


def test_a_wait_that_is_given_up_leaves_nothing_behind(project) -> None:
    run = project(
        """
        import asyncio
        import pytest
        from sender import send

        def test_given_up(cloudsms):
            async def story():
                waits = [asyncio.create_task(cloudsms.aio.wait_for_sms(timeout=60)) for _ in range(20)]
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(asyncio.shield(waits[0]), 0.05)
                for wait in waits:
                    wait.cancel()
                assert all(isinstance(each, asyncio.CancelledError)
                           for each in await asyncio.gather(*waits, return_exceptions=True))
                await asyncio.to_thread(send, cloudsms)
                assert (await cloudsms.aio.wait_for_sms()).to == "85267000011"
            asyncio.run(story())
        """
    )
    run.assert_outcomes(passed=1)
