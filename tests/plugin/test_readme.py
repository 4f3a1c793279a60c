"""The README's example of a test: ten lines that run as they are printed."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"

pytest_plugins = ["pytester"]


def test_the_readme_s_examples_of_tests_pass(pytester: pytest.Pytester, plugins: Callable[..., list[str]]) -> None:
    snippets = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    tests = [snippet for snippet in snippets if "(cloudsms" in snippet]
    assert tests, "the README has no example of a test with the fixture cloudsms"
    for number, test in enumerate(tests):
        pytester.path.joinpath(f"test_{number}.py").write_text(test, encoding="utf-8")
    run = pytester.runpytest_inprocess(*plugins(), "-W", "error", "-p", "no:cacheprovider")
    run.assert_outcomes(passed="".join(tests).count("def test_"))
