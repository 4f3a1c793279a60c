"""Tests that await, and tests that block where they should not."""

pytest_plugins = ["pytester"]


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
