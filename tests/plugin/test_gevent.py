"""Programs in which gevent replaced threads and sockets: what cannot run there says so at once, the rest works."""

import subprocess
import sys

import pytest

from cloudsms_simulator.simulator import Simulator

pytest_plugins = ["pytester"]

PATCHED = "from gevent import monkey\nmonkey.patch_all()\n"
SAID = "gevent replaced the threads and sockets of this process"
IGNORED = ("-W", "ignore")
"""What gevent itself warns of."""


def run(code: str) -> subprocess.CompletedProcess[str]:
    """Runs a program of a user's."""
    return subprocess.run([sys.executable, "-c", PATCHED + code], capture_output=True, text=True, timeout=60)


def test_a_simulator_is_refused_with_the_way_out() -> None:
    ran = run("from cloudsms_simulator import Settings, Simulator\nSimulator(Settings(port=0, admin_port=0))")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith(f"cloudsms_simulator.net.runtime.GreenThreadsError: {SAID}")


def test_serve_is_refused_with_the_way_out() -> None:
    ran = run("from cloudsms_simulator.cli import main\nmain(['serve', '--port', '0', '--admin-port', '0'])")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.startswith(f"Error: {SAID}")


def test_gevent_that_replaced_nothing_does_not_matter() -> None:
    code = "import gevent.monkey\nfrom cloudsms_simulator.net.runtime import refuse_green_threads\n"
    ran = subprocess.run([sys.executable, "-c", f"{code}refuse_green_threads()"], timeout=60)
    assert ran.returncode == 0


def test_the_fixture_is_refused_with_the_way_out(project) -> None:
    ran = project("def test_it(cloudsms): ...", *IGNORED, conftest=PATCHED, apart=True)
    ran.assert_outcomes(errors=1)
    ran.stdout.fnmatch_lines([f"cloudsms: {SAID}*--cloudsms-url*"])


@pytest.mark.parametrize("how", ["blocking", "awaited"])
def test_the_fixture_works_with_a_server_elsewhere(project, elsewhere: Simulator, how: str) -> None:
    tests = {
        "blocking": """
            import gevent
            from sender import send

            def test_it(cloudsms):
                waiting = gevent.spawn(cloudsms.wait_for_sms, timeout=20)
                assert send(cloudsms)["RESULT_CODE"] == 1
                assert waiting.get(timeout=30).to == "85267000011"
                cloudsms.clock.advance("1s")
                assert cloudsms.wait_for_report(state="DELIVERED").outcome == "answered"
            """,
        "awaited": """
            import asyncio
            from sender import send

            def test_it(cloudsms):
                send(cloudsms)
                assert asyncio.run(cloudsms.aio.wait_for_sms()).to == "85267000011"
            """,
    }[how]
    url = elsewhere.ready.admin_url
    ran = project(tests, *IGNORED, "--cloudsms-url", url, conftest=PATCHED, apart=True)
    ran.assert_outcomes(passed=1)
