"""Threads in a test, and what tests leave running: no test hears of another."""

pytest_plugins = ["pytester"]


def test_a_message_is_in_every_listing_and_wait_once_its_client_has_the_answer(project) -> None:
    run = project(
        """
        from concurrent.futures import ThreadPoolExecutor
        from sender import send

        def test_threads(cloudsms, make_cloudsms):
            accounts = [cloudsms, make_cloudsms()]

            def story(thread):
                mine = accounts[thread % 2]
                for nth in range(5):
                    number = f"670{thread:02}0{nth:02}"
                    uid = send(mine, number)["DETAIL_LIST"][0]["SMS_UID"]
                    assert mine.wait_for_sms(to=f"852{number}", timeout=0).uid == uid
                    assert uid in [each.uid for each in mine.messages]
                    assert mine.assert_sms_sent(to=f"852{number}", count=1).uid == uid
                    assert uid in [uid for each in mine.requests for uid in each.uids]
                    assert mine.account.ledger()[-1].reason == "debit"
                return thread

            with ThreadPoolExecutor(8) as pool:
                assert list(pool.map(story, range(8))) == list(range(8))
            for mine in accounts:
                assert len(mine.messages) == 20
                mine.assert_spent("USD 1.00")
                mine.clock.advance("1s")
                assert sorted(each.uid for each in mine.sink.received) == sorted(each.uid for each in mine.messages)
        """
    )
    run.assert_outcomes(passed=1)


def test_what_goes_on_sending_after_its_test_does_not_disturb_the_next(project) -> None:
    run = project(
        """
        import threading
        import pytest
        from sender import send

        GO_ON = threading.Event()
        CODES = {}

        @pytest.fixture(scope="module", autouse=True)
        def ended():
            GO_ON.set()
            yield
            GO_ON.clear()
            for thread in CODES:
                thread.join(10)

        def goes_on(cloudsms):
            while GO_ON.is_set():
                CODES[threading.current_thread()].append(send(cloudsms)["RESULT_CODE"])

        @pytest.mark.parametrize("nth", range(20))
        def test_leaves_sends_running(cloudsms, nth):
            assert cloudsms.messages == cloudsms.requests == []
            cloudsms.clock.resume(1000)
            cloudsms.assert_nothing_sent()
            if nth < 4:
                thread = threading.Thread(target=goes_on, args=[cloudsms])
                CODES[thread] = []
                thread.start()
                cloudsms.wait_for_sms(count=3)
            elif nth % 2:
                send(cloudsms)
                cloudsms.wait_for_report(state="DELIVERED")
                cloudsms.assert_spent("USD 0.05")
                assert len(cloudsms.sink.received) == 1
                assert str(cloudsms.account.balance) == "USD 999.95"

        def test_they_were_refused(cloudsms):
            for codes in CODES.values():
                assert set(codes) == {1, 5}
                assert codes == sorted(codes)
        """
    )
    run.assert_outcomes(passed=21)


def test_what_waits_on_after_its_test_ends_with_its_account(project) -> None:
    run = project(
        """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        from cloudsms_simulator.client.errors import ApiError
        from sender import send

        POOL = ThreadPoolExecutor(3)
        LEFT = []

        def test_leaves_waits(cloudsms):
            cloudsms.callback(cloudsms.sink.url)
            cloudsms.sink.answer(delay="30s")
            send(cloudsms)
            LEFT.append(POOL.submit(cloudsms.wait_for_sms, to="1*", timeout=60))
            LEFT.append(POOL.submit(cloudsms.clock.advance, "1h", timeout=60))
            LEFT.append(POOL.submit(cloudsms.wait_for_report, timeout=60))
            while cloudsms.clock.show().running == 0:
                pass

        def test_next(cloudsms):
            for each in LEFT:
                assert isinstance(each.exception(10), (ApiError, AssertionError))
            POOL.shutdown()
            assert cloudsms.requests == []
        """
    )
    run.assert_outcomes(passed=2)
    assert run.duration < 30
