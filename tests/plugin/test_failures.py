"""What a failing test says: what was wanted, what came close field by field, and the story of its account."""

pytest_plugins = ["pytester"]


def test_a_wait_in_vain_ends_at_once_and_names_the_next_due_moment(project) -> None:
    run = project(
        """
        from sender import send

        def test_report(cloudsms):
            send(cloudsms)
            cloudsms.wait_for_report(state="DELIVERED", timeout=60)
        """
    )
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["E*there are 0 of 1 reports*The next is due at *: advance the clock by 1s*"])
    assert run.duration < 30


def test_a_failed_assertion_shows_what_came_close_field_by_field_and_what_was_refused(project) -> None:
    run = project(
        """
        from sender import send

        def test_sent(cloudsms):
            send(cloudsms, "67000011")
            send(cloudsms, "67000012", SMS_CONTENT="")
            cloudsms.assert_sms_sent(to="85267000099", content="code is")
        """
    )
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        [
            'E*there are 0 of 1 messages for to:"85267000099" content:"code is"',
            "E*closest:",
            "E*message * to 85267000011: 'Your code is 123456'",
            "E*want to:85267000099",
            "E*got 85267000011",
            "E*requests that were refused:",
            "E*request 2: 0x10000003 Invalid_context",
            "E*$.SMS_CONTENT*",
        ]
    )
    assert "cloudsms_simulator/" not in run.stdout.str().partition("short test summary")[0]


def test_a_failure_shows_five_lines_of_each_kind_at_most(project) -> None:
    run = project(
        """
        from sender import send

        def test_refused(cloudsms):
            for number in range(7):
                send(cloudsms, f"6700002{number}", SMS_CONTENT="")
            cloudsms.assert_nothing_sent()

        def test_sent(cloudsms):
            for number in range(7):
                send(cloudsms, f"6700001{number}")
            cloudsms.assert_sms_sent(to="852*", count=1)
        """
    )
    run.assert_outcomes(failed=2)
    lines = [line for line in run.outlines if line.startswith("E ")]
    assert len([line for line in lines if "0x10000003 Invalid_context" in line]) == 5
    assert len([line for line in lines if "to 8526700001" in line and "USD 0.05" in line]) == 5


def test_too_many_or_too_few_messages_something_sent_and_money_spent_are_told(project) -> None:
    run = project(
        """
        from sender import send

        def test_count(cloudsms):
            send(cloudsms, "67000011", "67000012")
            cloudsms.assert_sms_sent(to="852*", count=1)

        def test_too_few(cloudsms):
            send(cloudsms, "67000013")
            cloudsms.assert_sms_sent(to="852*", count=2)

        def test_nothing(cloudsms):
            send(cloudsms, SMS_CONTENT="")
            cloudsms.assert_nothing_sent()

        def test_spent(cloudsms):
            send(cloudsms)
            cloudsms.assert_spent("USD 0.10")

        def test_otp(cloudsms):
            send(cloudsms, SMS_CONTENT="Hello")
            cloudsms.wait_for_otp(timeout=0)
        """
    )
    run.assert_outcomes(failed=5)
    run.stdout.fnmatch_lines(
        [
            'E*there are 2 messages for to:"852[*]", want exactly 1',
            "E*to 85267000011: 'Your code is 123456', no state yet, USD 0.05",
            'E*there are 1 of 2 messages for to:"852[*]"',
            "E*to 85267000013: 'Your code is 123456', no state yet, USD 0.05",
            "E*something was sent, though it was refused",
            "E*USD 0.05 was spent, want USD 0.10",
            "E*debit USD -0.05 *",
            "E*there are 0 of 1 messages for otp:[*]",
            "E*'Hello'*",
            "E*want otp:[*]",
            "E*got nothing",
        ]
    )


def test_a_failing_test_tells_the_exchange_the_findings_and_the_timeline(project) -> None:
    run = project(
        """
        import json
        import pytest
        from sender import send

        def test_fails(cloudsms):
            cloudsms.sink.answer("none")
            cloudsms.when(to="852*").report("UNDELIVERABLE", after="3s")
            send(cloudsms)
            cloudsms.clock.advance(hours=1)
            send(cloudsms, MULTI_MSISDN_LIST=[{"COUNTRY_CODE": "852", "DEST_MSISDN": "67000011"}])
            with pytest.raises(OSError):
                send(type("Other", (), {"auth_key": "?", "route_id": "?", "url": "https://127.0.0.1:1/",
                                        "ssl_context": cloudsms.ssl_context}))
            assert False

        def test_passes(cloudsms):
            send(cloudsms)
        """
    )
    run.assert_outcomes(failed=1, passed=1)
    run.stdout.fnmatch_lines(
        [
            "*- CloudSMS simulator -*",
            'account "test_fails-*", clock frozen at *, balance USD 999.95',
            "*request 1 (uip) → 0x01 OK, rule rule-1",
            "    > {*Your code is 123456*",
            "    < {*RESULT_CODE*",
            "*message * to 85267000011: 'Your code is 123456', 1 × USD 0.05, UNDELIVERABLE",
            "    *USD 0.05 was debited, which left a balance of USD 999.95.",
            "    *It reached UNDELIVERABLE, its final state.",
            "    *Push 1, SERIAL 1, to https://127.0.0.1:*/sink/test_fails-*: answered HTTP 200 without a body.",
            "    *Error dr-answer-empty at *",
            "*request 2 (uip) → 0x10000001 Invalid_parameter",
            "    error *COUNTRY_CODE*",
        ]
    )
    assert run.stdout.str().count("- CloudSMS simulator -") == 1
    shown = [line for line in run.outlines if "AUTH_KEY" in line]
    assert len(shown) == 2
    assert all('"AUTH_KEY": "key-' in line for line in shown)


def test_a_failing_test_tells_of_handshakes_that_were_refused(project) -> None:
    run = project(
        """
        import ssl
        import pytest
        from sender import send

        def test_fails(cloudsms):
            cloudsms.ssl_context = ssl.create_default_context(cafile=cloudsms.ca)
            send(cloudsms)
        """
    )
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(
        [
            "nothing was sent by this account",
            "of no account, since the test began:",
            "*request * (handshake) → no answer",
            "    error *certificate*",
        ]
    )


def test_a_test_can_be_strict_about_the_answers_to_its_reports(project) -> None:
    run = project(
        """
        import pytest
        from sender import send

        @pytest.mark.cloudsms(strict_answers=True)
        @pytest.mark.parametrize("answer", ["ok", "wrong-serial"])
        def test_strict(cloudsms, answer):
            cloudsms.sink.answer(answer)
            send(cloudsms)
            cloudsms.clock.advance(hours=1)
        """
    )
    run.assert_outcomes(passed=2, errors=1)
    run.stdout.fnmatch_lines(
        ["*reports were answered wrongly:*", "report *-1 (DELIVERED), attempt 1: error dr-answer-serial: *"]
    )
    run.stdout.fnmatch_lines(["*- CloudSMS simulator -*"])


def test_strictness_may_be_about_some_mistakes_and_said_for_many_tests(project) -> None:
    run = project(
        """
        import json
        import pytest
        from sender import send

        @pytest.fixture
        def cloudsms_settings():
            return {"strict_answers": ["dr-answer-empty"]}

        def reported(cloudsms, **answer):
            cloudsms.sink.answer(**answer)
            send(cloudsms)
            cloudsms.clock.advance(hours=1)
            assert cloudsms.reports[0].attempts[0].findings

        def test_other_mistake(cloudsms):
            reported(cloudsms, body=json.dumps({"METHOD": " SMS_PUSH_REPORT", "TYPE": "ANSWER", "SERIAL": 9}))

        def test_mistake(cloudsms):
            reported(cloudsms, answer="none")

        @pytest.mark.cloudsms(strict_answers=False)
        def test_lenient(cloudsms, make_cloudsms):
            reported(cloudsms, answer="none")

        @pytest.mark.cloudsms(strict_answers=False)
        def test_one_of_two(cloudsms, make_cloudsms):
            reported(cloudsms, answer="none")
            reported(make_cloudsms(strict_answers=["dr-answer-serial"]), answer="wrong-serial")

        def test_ours(cloudsms):
            cloudsms.rules.add({"report": [{"state": "DELIVERED", "push": "CUT"}]})
            reported(cloudsms, answer="none")

        @pytest.mark.cloudsms(strict_answers="always")
        def test_wrong(cloudsms): ...

        def test_refused(cloudsms):
            cloudsms.sink.answer("never")
        """
    )
    run.stdout.fnmatch_lines(["*cloudsms: strict_answers: got 'always', want True, False, or a list of rules*"])
    shown = run.stdout.str().partition("short test summary")[0]
    told = [line for line in shown.splitlines() if line.startswith("report ") and ", attempt 1: error" in line]
    assert [line.split(": error ")[1].partition(":")[0] for line in told] == ["dr-answer-empty", "dr-answer-serial"]
    assert "cloudsms_simulator/" not in shown
    run.assert_outcomes(passed=5, failed=1, errors=3)


def test_mistakes_in_settings_say_what_would_be_right(project) -> None:
    run = project(
        """
        import pytest

        @pytest.mark.cloudsms(blance="USD 1")
        def test_key(cloudsms): ...

        @pytest.mark.cloudsms(mtls="on")
        def test_mtls(cloudsms): ...

        @pytest.mark.cloudsms("flaky")
        def test_place(cloudsms): ...

        @pytest.mark.cloudsms(scenario="flakey")
        def test_scenario(cloudsms): ...

        @pytest.mark.cloudsms(scenario="./none.yaml")
        def test_file(cloudsms): ...

        def test_rule(cloudsms):
            cloudsms.when(too="852*").reply("Busy")
        """
    )
    run.assert_outcomes(errors=5, failed=1)
    run.stdout.fnmatch_lines(
        [
            '*unknown key "blance"; did you mean "balance"?',
            '*mtls: got "on", want one of off, optional, required',
            "*got 'flaky', want it by name: seed=…",
            '*did you mean "flaky"?*',
            '*there is no file "*none.yaml"',
            '*unknown key "too"*',
        ]
    )


def test_a_clock_that_does_not_get_there_in_time_is_an_error(project) -> None:
    run = project(
        """
        from sender import send

        def test_slow(cloudsms):
            cloudsms.sink.answer(delay="4s")
            send(cloudsms)
            cloudsms.clock.advance("2s", timeout="200ms")
        """
    )
    run.assert_outcomes(failed=1)
    run.stdout.fnmatch_lines(["E*the clock did not get there within 200ms, but to *: 1 pushes are on the way*"])


def test_no_control_character_of_a_customer_reaches_the_terminal(project) -> None:
    run = project(
        r"""
        from sender import send

        HOSTILE = "\x1b[2J\x9b31m\u202eabc\u2028" + "云\u3000"

        def test_sent(cloudsms):
            send(cloudsms, SMS_CONTENT=HOSTILE, CUSTOMER_BODY={"a": HOSTILE})
            send(cloudsms, VERSION=HOSTILE, ROUTE_ID=HOSTILE)
            cloudsms.assert_sms_sent(content=HOSTILE + "d", count=1)
        """,
        "--color=yes",
    )
    run.assert_outcomes(failed=1)
    told = run.stdout.str()
    assert "\\u001b[2J" in told
    assert "云" in told
    assert not any(character in told for character in ("\x1b[2J", "\x9b", "\u202e", "\u2028"))
