"""Whole sessions: frozen clocks, a server that runs elsewhere, and what it all costs."""

import pytest

pytest_plugins = ["pytester"]


def test_a_server_that_runs_elsewhere_keeps_its_mode_and_reaches_us_by_another_name(project, elsewhere) -> None:
    run = project(
        """
        import pytest
        from sender import send

        @pytest.mark.cloudsms(mtls="required")
        def test_mode(cloudsms): ...

        @pytest.mark.cloudsms(callback_host="ci.test")
        def test_callback(cloudsms, cloudsms_server):
            assert cloudsms_server.mtls == "optional"
            cloudsms.callback("https://localhost:5000/dr")
            assert cloudsms.account.show().callback.url == "https://ci.test:5000/dr"
            cloudsms.callback("https://sms.example/dr")
            assert cloudsms.account.show().callback.url == "https://sms.example/dr"
        """,
        "--cloudsms-url",
        elsewhere.ready.admin_url,
    )
    run.assert_outcomes(passed=1, errors=1)
    run.stdout.fnmatch_lines(["*want a server with client certificates required, but http*has optional;*"])


def test_a_server_that_is_not_there_is_told_at_once(project) -> None:
    run = project("def test_it(cloudsms): ...", "--cloudsms-url", "http://127.0.0.1:1")
    run.assert_outcomes(errors=1)
    run.stdout.fnmatch_lines(["*cloudsms: --cloudsms-url http://127.0.0.1:1: nobody answers*"])


def test_the_profile_may_be_said_for_the_whole_run(project) -> None:
    run = project(
        """
        import pytest

        def test_said(cloudsms):
            assert cloudsms.account.show().profile == "observed"

        @pytest.mark.cloudsms(profile="spec")
        def test_marked(cloudsms):
            assert cloudsms.account.show().profile == "spec"
        """,
        "--cloudsms-profile",
        "observed",
    )
    run.assert_outcomes(passed=2)


@pytest.mark.parametrize("library", ["freezegun", "time_machine"])
def test_time_that_stands_still_in_the_test_does_not_matter(project, library) -> None:
    freeze = {
        "freezegun": "freezegun.freeze_time('2001-02-03 04:05:06')",
        "time_machine": "time_machine.travel(datetime.datetime(2001, 2, 3), tick=False)",
    }[library]
    run = project(
        f"""
        import asyncio
        import datetime
        import {library}
        import pytest
        from sender import send

        @pytest.fixture(scope="session", autouse=True)
        def frozen():
            with {freeze}:
                yield

        def test_it(cloudsms):
            assert datetime.datetime.now().year == 2001
            send(cloudsms)
            cloudsms.wait_for_sms()
            assert cloudsms.clock.now.year >= 2026
            cloudsms.clock.advance(hours=25)
            assert cloudsms.wait_for_report().outcome == "answered"
            with pytest.raises(AssertionError, match="0 of 1 messages"):
                cloudsms.wait_for_sms(to="1*", timeout="50ms")
            async def story():
                return await cloudsms.aio.wait_for_sms()
            assert asyncio.run(story()).to == "85267000011"
        """,
        apart=True,
    )
    run.assert_outcomes(passed=1)


@pytest.mark.parametrize("library", ["freezegun", "time_machine"])
def test_time_that_stands_still_before_anything_of_ours_is_imported_does_not_matter(project, library) -> None:
    freeze = {
        "freezegun": "freezegun.freeze_time('2001-02-03 04:05:06')",
        "time_machine": "time_machine.travel(datetime.datetime(2001, 2, 3, tzinfo=datetime.UTC), tick=False)",
    }[library]
    run = project(
        """
        import datetime
        import pytest
        from sender import send

        @pytest.fixture
        def asked_for_late(request):
            return request.getfixturevalue("cloudsms")

        def test_it(asked_for_late):
            cloudsms = asked_for_late
            from cloudsms_simulator.client import Client
            assert datetime.datetime.now().year == 2001
            send(cloudsms)
            tomorrow = cloudsms.clock.now + datetime.timedelta(days=1)
            cloudsms.clock.advance(to=datetime.datetime.fromisoformat(tomorrow.isoformat()))
            assert cloudsms.wait_for_report(after="2026-01-01").outcome == "answered"
            assert cloudsms.clock.now == tomorrow
        """,
        conftest=f"import datetime, {library}\n{freeze}.start()",
        apart=True,
    )
    run.assert_outcomes(passed=1)


def test_a_run_that_uses_no_fixture_imports_nothing_of_ours(project) -> None:
    run = project(
        """
        import sys

        def test_it():
            ours = {name for name in sys.modules if name.startswith("cloudsms_simulator.")}
            assert ours <= {"cloudsms_simulator.pytest_plugin"}
            assert not {"httpx2", "msgspec", "starlette"} & set(sys.modules)
        """,
        apart=True,
    )
    run.assert_outcomes(passed=1)


def test_the_first_account_of_a_run_imports_only_what_it_needs(project) -> None:
    run = project(
        """
        import sys

        def test_it(cloudsms):
            late = {
                "ctypes", "httpx2", "jinja2", "prometheus_client", "yaml",
                "cloudsms_simulator.api.openapi", "cloudsms_simulator.config.rule_schema",
                "cloudsms_simulator.inbox.pages", "cloudsms_simulator.services.snapshot",
                "cloudsms_simulator.stores.codec",
            }
            assert late & set(sys.modules) == set()
        """,
        apart=True,
    )
    run.assert_outcomes(passed=1)


def test_pytest_rewrites_the_asserts_of_tests_and_none_of_ours(project) -> None:
    run = project(
        """
        import sys
        import helper
        from importlib.machinery import PathFinder, SourceFileLoader

        def test_it(cloudsms):
            import late_helper

            ours = sys.modules["cloudsms_simulator.simulator"]
            plain = [isinstance(each.__loader__, SourceFileLoader) for each in (helper, late_helper, ours)]
            assert plain == [False, False, True]
            assert sys.meta_path.count(PathFinder) == 1
        """,
        conftest="""
        import pytest
        pytest.register_assert_rewrite("helper", "late_helper", "cloudsms_simulator.simulator")
        """,
        helper="",
        late_helper="",
        apart=True,
    )
    run.assert_outcomes(passed=1)


def test_what_a_test_was_given_is_let_go_when_it_ends(project) -> None:
    run = project(
        """
        import gc
        import weakref
        import pytest
        from sender import send

        GIVEN = weakref.WeakSet()

        @pytest.mark.parametrize("nth", range(10))
        def test_given(cloudsms, make_cloudsms, cloudsms_sink, nth):
            send(cloudsms)
            GIVEN.update([cloudsms, cloudsms.aio, cloudsms.ssl_context, make_cloudsms(), cloudsms_sink])
            assert len(GIVEN) >= 5
            assert nth != 5

        def test_strict(make_cloudsms):
            cloudsms = make_cloudsms(strict_answers=True)
            GIVEN.add(cloudsms)
            cloudsms.sink.answer("Busy")
            send(cloudsms)
            cloudsms.clock.advance("1s")

        def test_let_go():
            gc.collect()
            assert not GIVEN
        """,
        apart=True,  # here, pytester would keep the frames of what fails
    )
    run.assert_outcomes(passed=11, failed=1, errors=1)
    run.stdout.fnmatch_lines(["*reports were answered wrongly:*"])


def test_nothing_of_ours_is_in_the_log_of_a_test_unless_it_asks(project) -> None:
    run = project(
        """
        import asyncio
        import logging
        import urllib.error
        import pytest
        from sender import send

        def story(cloudsms):
            cloudsms.callback("https://localhost:1/")
            send(cloudsms)
            cloudsms.clock.advance("1s")
            cloudsms.callback(cloudsms.sink.url)
            cloudsms.sink.answer("Busy")
            send(cloudsms)
            cloudsms.clock.advance("1s")
            send(cloudsms, AUTH_KEY="nobody's")
            cloudsms.when(to="852*").fault("HTTP_500", times=1)
            with pytest.raises(urllib.error.HTTPError):
                send(cloudsms)
            asyncio.run(cloudsms.aio.wait_for_sms())

        def test_quiet(cloudsms, caplog):
            caplog.set_level(1)
            story(cloudsms)
            assert [each for each in caplog.records if each.name != "asyncio"] == []

        def test_asked_for(cloudsms, caplog):
            caplog.set_level(logging.INFO, "cloudsms_simulator")
            story(cloudsms)
            levels = {each.levelname for each in caplog.records if each.name.startswith("cloudsms_simulator.")}
            assert levels == {"INFO", "WARNING"}
        """,
        "-p",
        "logging",
        apart=True,
    )
    run.assert_outcomes(passed=2)


@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_collected_afterwards_if_it_was_before(project, collects) -> None:
    run = project(
        f"""
        import gc

        def test_it(cloudsms):
            assert gc.isenabled() is {collects}
        """,
        conftest="import gc" if collects else "import gc; gc.disable()",
        apart=True,
    )
    run.assert_outcomes(passed=1)


def test_what_somebody_froze_stays_out_of_garbage_collection(project) -> None:
    run = project(
        """
        import gc

        def test_it(cloudsms):
            assert gc.get_freeze_count() > 0
        """,
        conftest="import gc; gc.freeze()",
        apart=True,
    )
    run.assert_outcomes(passed=1)


def test_fixtures_marker_and_options_are_documented(project) -> None:
    run = project("", "--fixtures")
    for name in ("cloudsms", "make_cloudsms", "cloudsms_server", "cloudsms_sink", "cloudsms_settings"):
        run.stdout.re_match_lines([rf"{name}( \[session scope\])? -- .*"])
    project("", "--markers").stdout.fnmatch_lines(["@pytest.mark.cloudsms(scenario=None, *"])
    project("", "--help").stdout.fnmatch_lines(["*--cloudsms-url*", "*--cloudsms-profile*"])
