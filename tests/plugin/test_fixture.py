"""The fixture `cloudsms`: an account of the test's own, and what can be asked of it."""

pytest_plugins = ["pytester"]


def test_an_sms_is_sent_waited_for_and_reported(project) -> None:
    run = project(
        """
        from sender import send

        def test_otp(cloudsms):
            answer = send(cloudsms, "67000011")
            uid = answer["DETAIL_LIST"][0]["SMS_UID"]
            sms = cloudsms.wait_for_sms(to="85267000011", content="code is")
            assert (sms.uid, sms.text, sms.customer_body) == (uid, "Your code is 123456", {"order": 1})
            assert cloudsms.wait_for_otp(to="852*") == "123456"
            assert cloudsms.sink.received == ()

            cloudsms.clock.advance(seconds=1)

            report = cloudsms.wait_for_report(uid, state="DELIVERED")
            assert (report.outcome, report.attempts[0].findings) == ("answered", ())
            assert [each.uid for each in cloudsms.sink.received] == [uid]
            assert cloudsms.assert_sms_sent(to="85267000011", count=1) == cloudsms.messages[-1]
            cloudsms.assert_spent("USD 0.05")
            assert (len(cloudsms.messages), len(cloudsms.requests), len(cloudsms.reports)) == (1, 1, 1)
        """
    )
    run.assert_outcomes(passed=1)


def test_a_one_time_password_is_waited_for_whatever_else_comes(project) -> None:
    run = project(
        """
        import threading
        from sender import send

        def test_otp(cloudsms):
            send(cloudsms, SMS_CONTENT="Welcome")
            later = threading.Timer(0.2, lambda: [send(cloudsms, SMS_CONTENT=text) for text in ("PIN 2468", "Bye")])
            later.start()
            assert cloudsms.wait_for_otp(to="852*") == "2468"
            later.join()
            assert cloudsms.wait_for_otp(to="852*") == "2468"
        """
    )
    run.assert_outcomes(passed=1)


def test_every_test_begins_with_nothing(project) -> None:
    run = project(
        """
        import pytest
        from sender import send

        @pytest.mark.parametrize("number", range(3))
        def test_alone(cloudsms, number):
            cloudsms.assert_nothing_sent()
            assert cloudsms.messages == []
            send(cloudsms)
            assert len(cloudsms.messages) == 1
        """
    )
    run.assert_outcomes(passed=3)


def test_a_chain_says_what_is_answered_and_what_becomes_of_messages(project) -> None:
    run = project(
        """
        from sender import send

        def test_busy(cloudsms):
            plan = cloudsms.when(to="852*").reply("Busy", times=2).then("OK").report("UNDELIVERABLE", after="3s")
            codes = [send(cloudsms)["RESULT_CODE"] for _ in range(4)]
            assert codes == [3, 3, 1, 1]
            assert plan.hits == 4
            assert [each.id for each in cloudsms.rules.all()] == ["rule-1"]

            cloudsms.clock.advance(seconds=2)
            assert cloudsms.reports == []
            fired = cloudsms.clock.advance("1s").fired
            assert [each.state_name for each in fired] == ["UNDELIVERABLE"] * 2

            plan.remove()
            assert cloudsms.rules.all() == []
        """
    )
    run.assert_outcomes(passed=1)


def test_a_report_that_is_never_made_and_a_callback_without_an_address_fail_where_they_are_said(project) -> None:
    run = project(
        """
        import pytest
        from cloudsms_simulator.client.errors import RefusedError

        def test_it(cloudsms, make_cloudsms):
            plan = cloudsms.when(to="852*").report("DELIVERED", after="1s")
            with pytest.raises(RefusedError, match="say final: false beside DELIVERED"):
                plan.report("ENROUTE", after="5s")
            cloudsms.when(to="65*").report("ENROUTE", after="1s", held="10s").report("DELIVERED", after="5s")
            with pytest.raises(RefusedError, match="got retries and no url, want url too"):
                cloudsms.callback(None, retries=["1s"])
            with pytest.raises(pytest.fail.Exception, match="got concurrency and no url, want url too"):
                make_cloudsms(callback={"concurrency": 8})
            assert make_cloudsms(switches={"missing_key_code": "0x05"}).account.name
        """
    )
    run.assert_outcomes(passed=1)


def test_25_hours_pass_at_once(project) -> None:
    run = project(
        """
        from datetime import timedelta
        from sender import send

        def test_expiry(cloudsms):
            cloudsms.when(to="852*").no_report()
            send(cloudsms)
            before = cloudsms.clock.now
            cloudsms.clock.advance(hours=25)
            assert cloudsms.clock.now - before == timedelta(hours=25)
            assert cloudsms.messages[0].state_name == "EXPIRED"
        """
    )
    run.assert_outcomes(passed=1)


def test_a_client_without_a_certificate_is_refused_unless_a_marker_says_otherwise(project) -> None:
    run = project(
        """
        import ssl
        import pytest
        import urllib.error
        from sender import send

        def without_certificate(cloudsms):
            cloudsms.ssl_context = ssl.create_default_context(cafile=cloudsms.ca)
            return cloudsms

        def test_required(cloudsms):
            with pytest.raises((urllib.error.URLError, OSError)):
                send(without_certificate(cloudsms))

        @pytest.mark.cloudsms(mtls="optional")
        def test_optional(cloudsms):
            assert send(without_certificate(cloudsms))["RESULT_CODE"] == 1

        @pytest.mark.cloudsms(mtls="off")
        def test_off(cloudsms):
            assert send(without_certificate(cloudsms))["RESULT_CODE"] == 1
        """
    )
    run.assert_outcomes(passed=3)


def test_a_marker_a_fixture_and_a_call_say_what_the_account_is_like(project) -> None:
    run = project(
        """
        import pytest
        from sender import send

        @pytest.fixture
        def cloudsms_settings():
            return {"balance": "HKD 10.00", "prices": {"852": "4.00"}, "seed": 7}

        def test_settings(cloudsms):
            send(cloudsms)
            cloudsms.assert_spent("HKD 4.00")
            assert (cloudsms.account.show().seed, str(cloudsms.account.balance)) == (7, "HKD 6.00")

        @pytest.mark.cloudsms(balance="unlimited", seed=8, profile="observed", scenario="congested")
        def test_marker(cloudsms, make_cloudsms):
            shown = cloudsms.account.show()
            assert (shown.balance, shown.seed) == ("unlimited", 8)
            assert (shown.profile, shown.scenario) == ("observed", "congested")
            other = make_cloudsms(balance="EUR 1")
            assert (str(other.account.balance), other.auth_key != cloudsms.auth_key) == ("EUR 1", True)
            send(other)
            assert cloudsms.requests == []
        """
    )
    run.assert_outcomes(passed=2)


def test_a_scenario_may_be_a_file_beside_the_test(project, pytester) -> None:
    pytester.path.joinpath("busy.yaml").write_text("version: 1\\nrules: [{ reply: Busy }]\\n".replace("\\n", "\n"))
    run = project(
        """
        import pytest
        from sender import send

        @pytest.mark.cloudsms(scenario="./busy.yaml")
        def test_busy(cloudsms):
            assert send(cloudsms)["RESULT_CODE"] == 3
        """
    )
    run.assert_outcomes(passed=1)


def test_the_seed_is_the_same_in_every_run_and_another_for_every_test(project) -> None:
    tests = """
        import pytest

        @pytest.mark.parametrize("number", [1, 2])
        def test_seed(cloudsms, number):
            print("SEED", cloudsms.account.show().seed)
    """
    seeds = [[line for line in project(tests, "-s").outlines if "SEED" in line] for _ in range(2)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 2


def test_faults_the_account_and_the_callback_can_be_changed(project) -> None:
    run = project(
        """
        import urllib.error
        import pytest
        from sender import send

        def test_it(cloudsms, cloudsms_sink):
            cloudsms.when(to="852*").fault("HTTP_500", times=1)
            with pytest.raises(urllib.error.HTTPError):
                send(cloudsms)
            cloudsms.callback(cloudsms_sink.url, retries=["1s"])
            cloudsms_sink.answers([{"status": 503}, {"answer": "ok"}])
            send(cloudsms)
            cloudsms.clock.run_until_idle()
            assert [each.state_name for each in cloudsms_sink.received] == ["DELIVERED", "DELIVERED"]
            assert cloudsms.sink.received == ()
            assert [each.status for each in cloudsms.reports[0].attempts] == [503, 200]

            cloudsms.account.credit("1.00")
            assert [each.reason for each in cloudsms.account.ledger()] == ["opening", "debit", "credit"]
            cloudsms.account.change(routes=["Other"])
            send(cloudsms)
            assert "VerifyCode_516" in cloudsms.messages[-1].reason
            cloudsms.account.reset()
            assert cloudsms.messages == []
        """
    )
    run.assert_outcomes(passed=1)


def test_what_a_test_leaves_running_is_gone_in_the_next(project) -> None:
    run = project(
        """
        from sender import send

        OLD = []

        def test_leaves_something(cloudsms):
            cloudsms.clock.resume(1000)
            cloudsms.sink.answer(delay="30s")
            send(cloudsms)
            OLD.append(cloudsms)

        def test_next(cloudsms):
            assert send(OLD[0])["RESULT_CODE"] == 5
            assert cloudsms.requests == []
            assert cloudsms.sink.received == ()
        """
    )
    run.assert_outcomes(passed=2)
