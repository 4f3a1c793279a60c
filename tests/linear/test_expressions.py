"""Every regular expression of the package that sees a customer's bytes takes time linear in them.

`CUSTOMERS` has those of the server, each of which is fed the worst that is known for any, `OWN` those that see nothing
but what users write themselves: their files, flags, searches and admin calls. A new one has to be in one of the two.
"""

import ast
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path

import pytest
from growth import Case, assert_linear

import cloudsms_simulator
from cloudsms_simulator.engine.account import Blacklist
from cloudsms_simulator.engine.rules import LONGEST_SEARCHED, TextMatch, text_test
from cloudsms_simulator.journal.search_syntax import contains_test, pattern_test

ROOT = Path(cloudsms_simulator.__file__).parent
SEARCH, MATCH, WHOLE, ALL = "search", "match", "fullmatch", "finditer"

CUSTOMERS: Mapping[str, tuple[str, ...]] = {
    "net/http_parser.py:_NO_NAME": (SEARCH,),
    "net/http_parser.py:_NO_VALUE": (SEARCH,),
    "engine/explanation.py:_PLACE": (MATCH,),
    "engine/evaluation.py:_MAGIC_IN_JSON": (SEARCH,),
    "engine/diagnosis.py:_NOT_AFTER": (SEARCH,),
    "engine/diagnosis.py:_NOT_BEFORE": (MATCH,),
    "engine/diagnosis.py:_NUMBER": (ALL,),
    "engine/diagnosis.py:_RUN": (ALL,),
    "engine/diagnosis.py:_SAYS_SO_BEFORE": (SEARCH,),
    "engine/diagnosis.py:_SAYS_SO_BEHIND": (MATCH,),
    "engine/diagnosis.py:_TO_CALL": (SEARCH,),
    "engine/diagnosis.py:_OTP_WORD": (SEARCH,),
    "engine/diagnosis.py:_YEAR": (WHOLE,),
    "protocol/segmentation.py:_COUNTER_BEHIND": (SEARCH,),
    "protocol/segmentation.py:_COUNTER_IN_FRONT": (MATCH,),
    "protocol/segmentation.py:_PLACEHOLDER": (SEARCH,),
    "protocol/unicode_text.py:_IN_A_LINE": (ALL,),
    "protocol/unicode_text.py:_IN_LINES": (ALL,),
    "protocol/correction.py:_BARE_FINGERPRINT": (ALL,),
    "protocol/correction.py:_ENTRY": (WHOLE,),
    "protocol/segmentation.py:_BEHIND_A_DIGIT": (ALL,),
    "protocol/segmentation.py:_EXTENDED": (ALL,),
    "protocol/segmentation.py:_OUTSIDE_GSM": (SEARCH,),
    "protocol/json_text.py:_PATH_STEP": (MATCH,),
    "protocol/json_text.py:_BAD_ESCAPE": (SEARCH,),
    "protocol/json_text.py:_ESCAPE_SO_FAR": (WHOLE,),
    "protocol/json_text.py:_NAME": (MATCH,),
    "protocol/json_text.py:_NUMBER_SO_FAR": (MATCH,),
    "protocol/json_text.py:_PUNCTUATION": (MATCH,),
    "protocol/json_text.py:_SCALAR": (MATCH,),
    "protocol/json_text.py:_SPACES": (MATCH,),
    "protocol/json_text.py:_STRING_SO_FAR": (MATCH, WHOLE),
    "protocol/json_text.py:_TO_BRACKET": (MATCH,),
    "protocol/json_text.py:_REACHED": (SEARCH,),
    "protocol/json_text.py:_LONE": (SEARCH,),
    "protocol/json_text.py:_RUNS": (ALL,),
    "protocol/json_text.py:_WHOLE_STRING": (ALL,),
    "protocol/json_text.py:_STRING_MEMBER": (MATCH,),
    "protocol/masking.py:_SHORT_STRING": (ALL,),
    "protocol/masking.py:_ASCII_ESCAPE": (ALL,),
    "protocol/masking.py:_FINGERPRINT": (WHOLE,),
    "protocol/masking.py:_LETTER": (WHOLE,),
    "protocol/masking.py:_NAME": (ALL,),
    "protocol/masking.py:_NAME_BEFORE": (SEARCH,),
    "protocol/masking.py:_NAME_BEHIND": (MATCH,),
    "protocol/masking.py:_OUR_NAME": (WHOLE,),
    "protocol/masking.py:_VALUE": (MATCH,),
    "protocol/mistakes.py:_ISO_8601": (MATCH,),
    "protocol/mistakes.py:_TWELVE_HOURS": (SEARCH,),
    "protocol/mistakes.py:_UNIX_SECONDS": (WHOLE,),
    "protocol/checks.py:_JSON_STRING": (ALL,),
    "protocol/segmentation.py:_OUTSIDE_BOTH": (SEARCH,),
    "protocol/segmentation.py:_OUTSIDE_LATIN_1": (SEARCH,),
    "protocol/masking.py:_BEGIN_OF_ASCII_ESCAPE": (SEARCH,),
    "protocol/masking.py:_HALF_OF_A_PAIR": (WHOLE,),
    "protocol/masking.py:_JSON_ESCAPES": (ALL,),
    "protocol/masking.py:_JSON_PAIR": (MATCH,),
    "protocol/masking.py:_PERCENT_ESCAPES": (ALL,),
    "protocol/masking.py:_PLAIN_TEXT": (WHOLE,),
    "protocol/timestamps.py:_SHAPE": (WHOLE,),
    "protocol/candidate.py:_ASKS_FOR_A_REPORT": (SEARCH,),
    "protocol/candidate.py:_FORM": (MATCH,),
    "protocol/candidate.py:_NAME": (WHOLE,),
}
"""Where each stands and how it is asked."""

LOOKED_AT: Mapping[str, int] = {
    "engine/diagnosis.py:_NOT_AFTER": 24,
    "engine/diagnosis.py:_NOT_BEFORE": 24,
    "engine/diagnosis.py:_SAYS_SO_BEFORE": 24,
    "engine/diagnosis.py:_SAYS_SO_BEHIND": 24,
    "engine/diagnosis.py:_TO_CALL": 24,
    "engine/diagnosis.py:_NUMBER": 1530,
    "protocol/segmentation.py:_PLACEHOLDER": 2000,
}
"""Characters of a text at most that come to an expression."""

MADE_FROM_PATTERNS: Mapping[str, str] = {
    "engine/rules.py:glob_test": "globs of rules, blacklists and searches",
    "engine/rules.py:text_test": "the user's own expression, which looks at 2,000 characters at most",
}
"""Those that users' patterns become, and customers' texts are held against: tests of their own are below."""

OWN: Mapping[str, str] = {
    "stores/codec.py:_AT": "our own messages",
    "stores/codec.py:_ESCAPE": "state documents",
    "stores/codec.py:_TO_ESCAPE": "state documents",
    "engine/rules.py:_GLOB_CHARACTER": "globs of rules",
    "config/account_schema.py:_AMOUNT": "settings",
    "config/account_schema.py:_NAME": "settings",
    "config/account_schema.py:_country": "settings",
    "api/openapi.py:_PLAIN": "our own paths",
    "api/openapi.py:_id": "our own paths",
    "net/certificates.py:_HOST_NAME": "names in settings",
    "config/match_schema.py:_NUMBER_GLOB": "rules",
    "config/match_schema.py:_TIME": "rules",
    "config/match_schema.py:_number": "rules",
    "models/durations.py:_ISO": "settings, rules, searches",
    "models/durations.py:_PART": "settings, rules, searches",
    "models/durations.py:_SHORT": "settings, rules, searches",
    "models/durations.py:read_duration": "settings, rules, searches",
    "config/slow_regex.py:_COUNTED": "expressions of rules",
    "config/slow_regex.py:_GROUP": "expressions of rules",
    "config/slow_regex.py:slow_part": "expressions of rules",
    "config/slow_regex.py:_FLAGS": "expressions of rules",
    "config/slow_regex.py:_characters_like": "ASCII",
    "inbox/list_page.py:_facet": "searches",
    "inbox/templates.py:_TEMPLATE_REFERENCE": "our own templates",
    "services/info.py:_READING": "our own documents",
    "push/receiver.py:behaviour_of": "flags",
    "config/__init__.py:_LOCATION": "our own complaints",
    "journal/search.py:_WITHOUT_COLON": "searches",
    "journal/search_syntax.py:_ESCAPED": "searches",
    "journal/search_syntax.py:_STAR_OR_ESCAPED": "searches",
    "journal/search_syntax.py:_WILD": "searches",
    "journal/search_syntax.py:_COMPARED": "searches",
    "journal/search_syntax.py:_NUMBER_GLOB": "searches",
    "journal/search_syntax.py:_RANGE": "searches",
    "journal/search_syntax.py:read_msisdn_term": "searches",
    "journal/search_syntax.py:read_state_term": "searches",
    "journal/search_syntax.py:_FIELD": "searches",
    "journal/search_syntax.py:_NEEDS_NO_QUOTES": "searches",
    "config/values.py:_HOST_NAME": "settings",
    "config/values.py:_SIZE": "settings",
    "config/values.py:_parse_clock": "settings",
    "config/values.py:parse_whole_number": "settings",
    "config/match_schema.py:_regex": "rules",
    "config/sources.py:_BLANK": "configuration files",
    "config/sources.py:_KEY_PART": "configuration files",
    "config/sources.py:_SCALAR": "configuration files",
    "config/sources.py:_TOML_STRING": "configuration files",
    "config/sources.py:_TOMLLIB_PLACE": "configuration files",
    "config/yaml_source.py:_LOSES": "scenario files and rules",
    "config/yaml_source.py:_SURROGATE": "scenario files and rules",
    "config/yaml_source.py:PLAIN_SCALARS": "scenario files and rules",
    "config/yaml_source.py:_BREAK": "scenario files and rules",
    "config/yaml_source.py:_FORBIDDEN": "scenario files and rules",
    "config/yaml_source.py:_JSON_TAB": "scenario files and rules",
    "config/sources.py:_BARE_YAML_KEY": "scenario files and rules",
    "config/sources.py:_UNSAFE": "scenario files and rules",
}
"""What each sees. None of it is a customer's."""

UNITS = (
    " ", "\t", "\n ", "(", "( ", "(1 / ", "1/2", "1", "1 ", "/", "[", "[ ", "]", ")", "{", "${", "${{", "{{",
    "{{ ", "$", "\\", '"', '\\"', "\\u", "\\u0041", "\\ud800", "\\ud83d\\ude00", '"\\n', "a", "p", "p.", "pm",
    "code ", "otp", "é", "中", "0", ".", ".a", "555", "5550", "555000", "2021-10-01", "T00:00",
    "$.MULTI_MSISDN_LIST[", "[0]", '["', '["a"]', "1,", '"",', '"a":1,', '"a":"', '{"a":', "-", "1e", "true",
    "true,", "\x00", "😀", "%41",
    "auth_key", '"AUTH_KEY":', '"AUTH_KEY":"key-01234567',
)  # fmt: skip
BEFORE = ("", "[", '"', '{"a":', "(", "${", '."', '["', "$.MULTI_MSISDN_LIST[", "1633060800.", "1633060800", "-", "1.")


def _calls(tree: ast.Module) -> Iterator[str]:
    """The names of what makes or asks a regular expression: what it is called, else the function it stands in."""

    def walk(node: ast.AST, name: str, inside: bool) -> Iterator[str]:
        if isinstance(node, ast.Call) and _is_expression(node.func):
            yield name
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from walk(child, f"{name}.{child.name}" if name else child.name, True)
            elif isinstance(child, ast.Assign | ast.AnnAssign) and not inside:
                target = child.targets[0] if isinstance(child, ast.Assign) else child.target
                yield from walk(child, target.id if isinstance(target, ast.Name) else "", inside)
            else:
                yield from walk(child, name, inside)

    return walk(tree, "", False)


def _is_expression(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "re":
        return called.attr not in {"escape", "error"}
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    return name in {"lazy_pattern", "fnmatch", "fnmatchcase"}


def _found() -> Counter[str]:
    return Counter(
        f"{path.relative_to(ROOT).as_posix()}:{name}"
        for path in sorted(ROOT.rglob("*.py"))
        if path.relative_to(ROOT).parts[0] not in {"cli", "client", "pytest_plugin", "expressions.py"}
        for name in _calls(ast.parse(path.read_text(encoding="utf-8")))
    )


def test_every_expression_is_listed_with_what_it_sees() -> None:
    listed = {*CUSTOMERS, *MADE_FROM_PATTERNS, *OWN}
    found = _found()

    assert sorted(found.keys() - listed) == [], "list it in CUSTOMERS, or in OWN when no customer's bytes come to it"
    assert sorted(listed - found.keys()) == [], "these are gone"
    assert [name for name in CUSTOMERS if found[name] != 1] == []


def _asked(name: str) -> Callable[[str], object]:
    """Asks an expression as the package does."""
    file, _, called = name.partition(":")
    module = import_module(f"cloudsms_simulator.{file.removesuffix('.py').replace('/', '.')}")
    made = getattr(module, called)
    made = made() if callable(made) else made
    patterns: tuple[re.Pattern[str] | re.Pattern[bytes], ...] = made if isinstance(made, tuple) else (made,)

    def ask(text: str) -> object:
        for pattern in patterns:
            given = text.encode() if isinstance(pattern.pattern, bytes) else text[: LOOKED_AT.get(name)]
            for how in CUSTOMERS[name]:
                found = getattr(pattern, how)(given)
                deque(found if how == ALL else (), maxlen=0)
        return None

    return ask


def _run(unit: str, before: str = "") -> Callable[[int], str]:
    """A unit again and again, with something before it, and an end which nothing expects."""
    return lambda size: before + unit * (size // len(unit)) + "!"


@pytest.mark.parametrize("name", CUSTOMERS)
def test_an_expression_takes_linear_time(name: str) -> None:
    ask = _asked(name)
    units = (" ",) if {SEARCH, ALL} & {*CUSTOMERS[name]} else ("a", "1", " ", '\\"')
    pairs = [*(("", unit) for unit in UNITS), *((before, unit) for before in BEFORE for unit in units)]

    assert_linear([Case(f"{before!r}, {unit!r} again and again", ask, _run(unit, before)) for before, unit in pairs])


@pytest.mark.parametrize("glob", ["*a*a*a*b", "*[ab]*[ab]*c", "*a?*a?*b", "????*b", "*aaaaaaaaaaaaaaab*", "[!b]*a*b"])
@pytest.mark.parametrize("unit", ["a", "ab", "aaaaaaaaaaaaaaa", "b", "A"])
def test_globs_take_linear_time(glob: str, unit: str) -> None:
    tests: Mapping[str, Callable[[str], object]] = {
        "a glob of a search": pattern_test(glob),
        "a glob within a search": contains_test(glob.replace("?", "").replace("[", "").replace("]", "")),
        "globs of a rule": text_test(TextMatch(glob=(glob, "*x*"))),
        "words of a rule": text_test(TextMatch(glob=(glob, "*x*"), contains="aab", ends="b", ignore_case=True)),
        "numbers of a blacklist": Blacklist((glob, "*x*")).blocks_number,
        "words of a blacklist": Blacklist(words=("aaaaaab", "x")).blocks_text,
    }

    assert_linear([Case(name, test, _run(unit)) for name, test in tests.items()])


@pytest.mark.parametrize("regex", ["a*b", "(?:a|b)*c", "a.*b", "[^b]*b$"])
def test_an_expression_of_a_rule_costs_no_more_for_a_longer_text(regex: str) -> None:
    assert_linear([Case(regex, text_test(TextMatch(regex=regex)), _run("a"))])


def test_an_expression_of_a_rule_sees_the_first_2000_characters() -> None:
    test = text_test(TextMatch(regex="b"))

    assert LONGEST_SEARCHED == 2000
    assert test("a" * 1999 + "b")
    assert not test("a" * 2000 + "b")
