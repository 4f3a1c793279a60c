"""The documents' examples of tests run as they are printed, and they name all that the fixture has."""

import re
from collections.abc import Callable

import pytest
from documents import REFERENCE, snippets

from cloudsms_simulator import pytest_plugin
from cloudsms_simulator.pytest_plugin.account import BlockingPlan
from cloudsms_simulator.pytest_plugin.fixture import FIXTURE_KEYS, Cloudsms

pytest_plugins = ["pytester"]

FIXTURES = {name for name in vars(pytest_plugin) if "cloudsms" in name and not name.startswith("_")}


def public_names(value: object) -> set[str]:
    """The names of a value that do not begin with an underscore."""
    return {name for name in dir(value) if not name.startswith("_")}


def is_named(name: str, text: str) -> bool:
    """Whether a name is there, in backquotes."""
    return re.search(rf"`[^`\n]*\b{re.escape(name)}\b[^`\n]*`", text) is not None


def test_the_examples_of_tests_in_the_documents_pass(
    pytester: pytest.Pytester, plugins: Callable[..., list[str]]
) -> None:
    tests = [snippet for snippet in snippets(REFERENCE, "python") if "(cloudsms" in snippet]
    assert len(tests) >= 2, "the README and its page have an example of a test with the fixture cloudsms each"
    for number, test in enumerate(tests):
        pytester.path.joinpath(f"test_{number}.py").write_text(test, encoding="utf-8")
    pytester.makeconftest("import pytest\n\n\n@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n")
    run = pytester.runpytest_inprocess(*plugins("anyio"), "-W", "error", "-p", "no:cacheprovider")
    run.assert_outcomes(passed="".join(tests).count("def test_"))


def test_the_documents_name_all_that_the_fixture_has(cloudsms: Cloudsms) -> None:
    names = public_names(cloudsms) | public_names(BlockingPlan) | FIXTURES | {*FIXTURE_KEYS}
    assert len(names) > 35
    assert sorted(name for name in names if not is_named(name, REFERENCE)) == []
