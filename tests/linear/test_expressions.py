"""Every regular expression of the package that sees a customer's bytes takes time linear in them.

`CUSTOMERS` has those of `protocol/`, `engine/` and `server/`, each of which is fed the worst that is known for any,
`OWN` those that see nothing but what users write themselves: their files, flags, searches and admin calls. A new one
has to be in one of the two.
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
from cloudsms_simulator.engine.condition import Words
from cloudsms_simulator.engine.matching import LONGEST_SEARCHED, text_test
from cloudsms_simulator.server.search_patterns import like, within

ROOT = Path(cloudsms_simulator.__file__).parent
SEARCH, MATCH, WHOLE, ALL = "search", "match", "fullmatch", "finditer"

CUSTOMERS: Mapping[str, tuple[str, ...]] = {
    "engine/chronicle.py:_PLACE": (MATCH,),
    "engine/explaining.py:_PLACE": (MATCH,),
    "engine/magic.py:_IN_JSON": (SEARCH,),
    "engine/otp.py:_NOT_AFTER": (SEARCH,),
    "engine/otp.py:_NOT_BEFORE": (MATCH,),
    "engine/otp.py:_NUMBER": (ALL,),
    "engine/otp.py:_RUN": (ALL,),
    "engine/otp.py:_SAYS_SO_BEFORE": (SEARCH,),
    "engine/otp.py:_SAYS_SO_BEHIND": (MATCH,),
    "engine/otp.py:_TO_CALL": (SEARCH,),
    "engine/otp.py:_WORD": (SEARCH,),
    "engine/otp.py:_YEAR": (WHOLE,),
    "protocol/content.py:_COUNTER_BEHIND": (SEARCH,),
    "protocol/content.py:_COUNTER_IN_FRONT": (MATCH,),
    "protocol/content.py:_placeholder": (SEARCH,),
    "protocol/control_characters.py:_IN_A_LINE": (ALL,),
    "protocol/control_characters.py:_IN_LINES": (ALL,),
    "protocol/correction.py:_BARE_FINGERPRINT": (ALL,),
    "protocol/draft.py:_ENTRY": (WHOLE,),
    "protocol/gsm.py:_BEHIND_A_DIGIT": (ALL,),
    "protocol/gsm.py:_EXTENDED": (ALL,),
    "protocol/gsm.py:_OUTSIDE": (SEARCH,),
    "protocol/json_places.py:_STEP": (MATCH,),
    "protocol/json_reader.py:_BAD_ESCAPE": (SEARCH,),
    "protocol/json_reader.py:_ESCAPE_SO_FAR": (WHOLE,),
    "protocol/json_reader.py:_NAME": (MATCH,),
    "protocol/json_reader.py:_NUMBER_SO_FAR": (MATCH,),
    "protocol/json_reader.py:_PUNCTUATION": (MATCH,),
    "protocol/json_reader.py:_SCALAR": (MATCH,),
    "protocol/json_reader.py:_SPACES": (MATCH,),
    "protocol/json_reader.py:_STRING_SO_FAR": (MATCH, WHOLE),
    "protocol/json_reader.py:_TO_BRACKET": (MATCH,),
    "protocol/json_reader.py:_REACHED": (SEARCH,),
    "protocol/json_scan.py:_LONE": (SEARCH,),
    "protocol/json_scan.py:_RUNS": (ALL,),
    "protocol/json_scan.py:_STRING": (ALL,),
    "protocol/json_scan.py:_STRING_MEMBER": (MATCH,),
    "protocol/key_ring.py:_SHORT_STRING": (ALL,),
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
    "protocol/request_checks.py:_STRING": (ALL,),
    "protocol/segmentation.py:_OUTSIDE_BOTH": (SEARCH,),
    "protocol/segmentation.py:_OUTSIDE_LATIN_1": (SEARCH,),
    "protocol/sms_uid.py:_SHAPE": (WHOLE,),
    "protocol/spelling.py:_ASCII_ESCAPE": (SEARCH,),
    "protocol/spelling.py:_HALF": (WHOLE,),
    "protocol/spelling.py:_JSON": (ALL,),
    "protocol/spelling.py:_JSON_PAIR": (MATCH,),
    "protocol/spelling.py:_PERCENT": (ALL,),
    "protocol/spelling.py:_PLAIN": (WHOLE,),
    "protocol/timestamps.py:_SHAPE": (WHOLE,),
    "protocol/translation.py:_ASKS": (SEARCH,),
    "protocol/translation.py:_FORM": (MATCH,),
    "protocol/translation.py:_NAME": (WHOLE,),
}
"""Where each stands and how it is asked."""

LOOKED_AT: Mapping[str, int] = {
    "engine/otp.py:_NOT_AFTER": 24,
    "engine/otp.py:_NOT_BEFORE": 24,
    "engine/otp.py:_SAYS_SO_BEFORE": 24,
    "engine/otp.py:_SAYS_SO_BEHIND": 24,
    "engine/otp.py:_TO_CALL": 24,
    "engine/otp.py:_NUMBER": 1530,
    "protocol/content.py:_placeholder": 2000,
}
"""Characters of a text at most that come to an expression."""

MADE_FROM_PATTERNS: Mapping[str, str] = {
    "engine/account.py:Blacklist.blocks_number": "globs of an account's blacklist",
    "engine/matching.py:_glob": "globs of rules",
    "engine/matching.py:text_test": "the user's own expression, which looks at 2,000 characters at most",
    "server/search_patterns.py:like": "globs of searches",
}
"""Those that users' patterns become, and customers' texts are held against: tests of their own are below."""

OWN: Mapping[str, str] = {
    "engine/matching.py:_PATTERN": "globs of rules",
    "server/account_kinds.py:_AMOUNT": "settings",
    "server/account_kinds.py:_NAME": "settings",
    "server/account_kinds.py:_country": "settings",
    "server/admin/openapi.py:_PLAIN": "our own paths",
    "server/admin/openapi.py:_id": "our own paths",
    "server/authority.py:_HOST": "names in settings",
    "server/condition_kinds.py:_NUMBER_GLOB": "rules",
    "server/condition_kinds.py:_TIME": "rules",
    "server/condition_kinds.py:_number": "rules",
    "server/durations.py:_ISO": "settings, rules, searches",
    "server/durations.py:_PART": "settings, rules, searches",
    "server/durations.py:_SHORT": "settings, rules, searches",
    "server/durations.py:read_duration": "settings, rules, searches",
    "server/expressions.py:_COUNTED": "expressions of rules",
    "server/expressions.py:_GROUP": "expressions of rules",
    "server/expressions.py:slow_part": "expressions of rules",
    "server/expressions.py:_FLAGS": "expressions of rules",
    "server/expressions.py:_those": "ASCII",
    "server/inbox/list_page.py:_narrowing": "searches",
    "server/inbox/press.py:_OTHER": "our own templates",
    "server/readings.py:_READING": "our own documents",
    "server/receiver.py:behaviour_of": "flags",
    "server/scenario_part.py:_PLACE": "our own complaints",
    "server/search.py:_WITHOUT_COLON": "searches",
    "server/search_patterns.py:_ESCAPED": "searches",
    "server/search_patterns.py:_PART": "searches",
    "server/search_patterns.py:_WILD": "searches",
    "server/search_values.py:_COMPARED": "searches",
    "server/search_values.py:_NUMBER_GLOB": "searches",
    "server/search_values.py:_RANGE": "searches",
    "server/search_values.py:read_number": "searches",
    "server/search_values.py:read_state": "searches",
    "server/search_words.py:_FIELD": "searches",
    "server/search_words.py:_NEEDS_NO_QUOTES": "searches",
    "server/setting_kinds.py:_HOST_NAME": "settings",
    "server/setting_kinds.py:_SIZE": "settings",
    "server/setting_kinds.py:_parse_clock": "settings",
    "server/setting_kinds.py:parse_whole": "settings",
    "server/text_kinds.py:_regex": "rules",
    "server/toml_file.py:_BLANK": "configuration files",
    "server/toml_file.py:_KEY_PART": "configuration files",
    "server/toml_file.py:_SCALAR": "configuration files",
    "server/toml_file.py:_STRING": "configuration files",
    "server/toml_file.py:_TOMLLIB_PLACE": "configuration files",
    "server/yaml_file.py:_LOSES": "scenario files and rules",
    "server/yaml_file.py:_SURROGATE": "scenario files and rules",
    "server/yaml_nodes.py:PLAIN": "scenario files and rules",
    "server/yaml_nodes.py:_BREAK": "scenario files and rules",
    "server/yaml_nodes.py:_FORBIDDEN": "scenario files and rules",
    "server/yaml_nodes.py:_JSON_TAB": "scenario files and rules",
    "server/yaml_text.py:_BARE": "scenario files and rules",
    "server/yaml_text.py:_UNSAFE": "scenario files and rules",
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
    return name in {"fnmatch", "fnmatchcase"}


def _found() -> Counter[str]:
    return Counter(
        f"{path.relative_to(ROOT).as_posix()}:{name}"
        for package in ("protocol", "engine", "server")
        for path in sorted((ROOT / package).rglob("*.py"))
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
        "a glob of a search": like(glob),
        "a glob within a search": within(glob.replace("?", "").replace("[", "").replace("]", "")),
        "globs of a rule": text_test(Words(glob=(glob, "*x*"))),
        "words of a rule": text_test(Words(glob=(glob, "*x*"), contains="aab", ends="b", ignore_case=True)),
        "numbers of a blacklist": Blacklist((glob, "*x*")).blocks_number,
        "words of a blacklist": Blacklist(words=("aaaaaab", "x")).blocks_text,
    }

    assert_linear([Case(name, test, _run(unit)) for name, test in tests.items()])


@pytest.mark.parametrize("regex", ["a*b", "(?:a|b)*c", "a.*b", "[^b]*b$"])
def test_an_expression_of_a_rule_costs_no_more_for_a_longer_text(regex: str) -> None:
    assert_linear([Case(regex, text_test(Words(regex=regex)), _run("a"))])


def test_an_expression_of_a_rule_sees_the_first_2000_characters() -> None:
    test = text_test(Words(regex="b"))

    assert LONGEST_SEARCHED == 2000
    assert test("a" * 1999 + "b")
    assert not test("a" * 2000 + "b")
