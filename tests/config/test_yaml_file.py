"""YAML files: what is read, where it stands, and what is refused."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.sources import TomlPath, TomlValue, quoted_yaml, yaml_text
from cloudsms_simulator.config.yaml_source import DEEPEST, MOST_OCTETS, YamlFile, parse_yaml, read_yaml

EVERYTHING = """\
# a comment: with [brackets]
version: 1
"quoted key": two
text: 'it''s: # text'
flow: { a: 1, b: [ x, { c: 3 } ] }
rules:
  - id: first
    match:
      to: "852*"
  -
    id: second
folded: >
  one
  two
"""


def refused(text: str) -> str:
    """The one problem of a text that is no table of YAML."""
    with pytest.raises(SettingsError) as caught:
        parse_yaml(text, "x.yaml")
    (problem,) = caught.value.problems
    return problem


def value(text: str) -> TomlValue:
    """What a text means as the value of a key."""
    file = parse_yaml(f"x: {text}\n", "x.yaml")
    assert file.problems == ()
    return file.values["x"]


@pytest.mark.parametrize(
    ("path", "key", "start"),
    [
        (("version",), (2, 1), (2, 10)),
        (("quoted key",), (3, 1), (3, 15)),
        (("text",), (4, 1), (4, 7)),
        (("flow", "b", 1, "c"), (5, 25), (5, 28)),
        (("flow", "b", 0), (5, 20), (5, 20)),
        (("rules", 0), (7, 5), (7, 5)),
        (("rules", 0, "match", "to"), (9, 7), (9, 11)),
        (("rules", 1), (11, 5), (11, 5)),
        (("folded",), (12, 1), (12, 9)),
        (("rules", 1, "absent"), (11, 5), (11, 5)),
        (("absent",), (2, 1), (2, 1)),
    ],
)
def test_the_place_of_every_key_and_value_is_known(
    path: TomlPath, key: tuple[int, int], start: tuple[int, int]
) -> None:
    file = parse_yaml(EVERYTHING, "x.yaml")

    assert file.place(path, key=True) == f"x.yaml:{key[0]}:{key[1]}"
    assert file.place(path) == f"x.yaml:{start[0]}:{start[1]}"


def test_a_line_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "busy.yaml"
    path.write_text("\n\nversion: 1\n")

    assert read_yaml(path).line(("version",)) == f"{path}:3"


def test_windows_line_ends_and_a_byte_order_mark_change_no_place(tmp_path: Path) -> None:
    path = tmp_path / "busy.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nversion: 2\r\n")

    assert read_yaml(path).place(("version",)) == f"{path}:2:10"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("12:30", "12:30"),
        ("12:30:00", "12:30:00"),
        ("2021-01-01", "2021-01-01"),
        ("1_000", "1_000"),
        ("852", 852),
        ("-3", -3),
        ("0", 0),
        ("0x05", 5),
        ("0o17", 15),
        ("0b11", "0b11"),
        ("0.10", Decimal("0.10")),
        ("1e3", Decimal("1e3")),
        (".5", Decimal("0.5")),
        (".inf", ".inf"),
        ('"852"', "852"),
        ("'+852'", "+852"),
        ("!!str 852", "852"),
        ("852*", "852*"),
        ("=", "="),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, meaning: TomlValue) -> None:
    found = value(text)

    assert (found, type(found)) == (meaning, type(meaning))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("+85267000011", '4: got +85267000011, want it in quotes, "+85267000011"; without them it is the number 85'),
        ("0852", '4: got 0852, want it in quotes, "0852"; without them it is the number 852'),
        ("9" * 41, "4: got a number of more than 40 digits; if it is a text, put it in quotes"),
        ("1e99999999999999999999", "4: got 1e99999999999999999999, which is out of range"),
        ("", '1: the key "x" has no value; give it one, or leave it out'),
        ("~", '1: the key "x" has no value; give it one, or leave it out'),
        ("null", '1: the key "x" has no value; give it one, or leave it out'),
        ("[null]", "5: nothing stands here, want a value"),
        ("!secret 1", '4: the tag "!secret" means nothing here'),
        ("!!set {a, b}", '4: the tag "tag:yaml.org,2002:set" means nothing here'),
        ("!!int many", '4: got "many", want what its tag says: int'),
        ('"\\ud83d"', "4: got half of a surrogate pair, which is no character"),
        ('{"\\ud83d": 1}', "5: got half of a surrogate pair, which is no character"),
        ("{ [1]: 2 }", "6: a list or a table cannot be a key"),
        ("{ <<: 2 }", "10: << takes the alias of a table, or a list of such aliases"),
    ],
)
def test_what_would_be_lost_or_means_nothing_is_a_problem(text: str, problem: str) -> None:
    (found,) = parse_yaml(f"x: {text}\n", "x.yaml").problems

    assert found.startswith(f"x.yaml:1:{problem}")


def test_doubled_keys_are_a_problem_and_the_first_counts() -> None:
    file = parse_yaml('a: 1\n"a": 2\nb: { c: 1, c: 2 }\n', "x.yaml")

    assert file.problems == (
        'x.yaml:2:1: the key "a" again; the first is in line 1',
        'x.yaml:3:12: the key "c" again; the first is in line 3',
    )
    assert file.values == {"a": 1, "b": {"c": 1}}


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert parse_yaml("852: 1\non: 2\n0x05: 3\n~: 4\n", "x.yaml").values == {"852": 1, "on": 2, "0x05": 3, "~": 4}


def test_an_alias_stands_for_what_its_anchor_holds() -> None:
    file = parse_yaml("a: &it { b: 1 }\nc: *it\n", "x.yaml")

    assert file.values == {"a": {"b": 1}, "c": {"b": 1}}
    assert file.place(("c", "b")) == "x.yaml:1:13"


def test_a_table_takes_what_it_merges_and_its_own_keys_count() -> None:
    text = "a: &a { x: 1, y: 1 }\nb: &b { y: 2, z: 2 }\nc: { <<: [*a, *b], x: 3 }\nd: { <<: *c }\n"

    assert "found undefined alias 'c'" in refused(text)
    file = parse_yaml(text.replace("c: {", "c: &c {"), "x.yaml")
    assert (file.values["c"], file.values["d"]) == ({"x": 3, "y": 1, "z": 2}, {"x": 3, "y": 1, "z": 2})
    assert file.problems == ()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: is empty, want a table of keys"),
        ("# nothing\n", "1:1: is empty, want a table of keys"),
        ("- a\n", "1:1: is no table, want keys with their values"),
        ("just text\n", "1:1: is no table, want keys with their values"),
        ("a: 1\n---\nb: 2\n", "2:1: begins a second document, want one document in a file"),
        (
            "a: 1\n\tb: 2\n",
            "2:1: is not YAML: found character '\\t' that cannot start any token; YAML is indented with",
        ),
        ("a: *85\n", "1:4: is not YAML: found undefined alias"),
        ("to: *\n", "1:6: is not YAML: expected alphabetic or numeric character, but found '\\n'; a text that begins"),
        ("a: b: c\n", "1:5: is not YAML: mapping values are not allowed here; a text that holds a colon"),
        ('a: "b\n', "2:1: is not YAML: found unexpected end of stream; a quote is not closed"),
        ("a: [1\n", "2:1: is not YAML: expected ',' or ']', but got"),
        ("a: 1\nb\nc: 2\n", "3:1: is not YAML: could not find expected ':'; a key is followed by a colon"),
        ("a: \x07\n", '1:4: is not YAML: the character U+0007 has no place in a file; in quotes it is "\\u0007"'),
        ("a: 1\nb: \u2028\n", "2:4: is not YAML: the character U+2028 has no place in a file"),
        (f"a: {'[' * 100}{']' * 100}", f"1:{DEEPEST + 3}: is nested more than {DEEPEST} deep"),
        (f"a: {'[' * 100_000}", f"1:{DEEPEST + 3}: is nested more than {DEEPEST} deep"),
        ("a: &a [*a]\n", "1:4: an anchor stands for something that holds an alias of it"),
        ("a: &a { <<: *a }\n", "1:4: an anchor stands for something that holds an alias of it"),
    ],
)
def test_a_text_that_is_no_table_of_yaml_is_refused_with_its_place(text: str, problem: str) -> None:
    assert refused(text).startswith(f"x.yaml:{problem}")


def test_aliases_of_aliases_cannot_grow_without_end() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert "has more than 100,000 values, what an alias stands for counting each time" in refused("\n".join(lines))


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read: "):
        read_yaml(tmp_path / name)


def test_a_file_that_is_not_utf_8_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("a: 1\nb: é\xff".encode("latin-1"))

    with pytest.raises(SettingsError) as caught:
        read_yaml(path)

    assert str(caught.value).startswith(f"{path}:2:4: is not UTF-8: ")


def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * (MOST_OCTETS + 1))

    with pytest.raises(SettingsError, match=r"is larger than 1,048,576 bytes"):
        read_yaml(path)


def test_json_is_yaml_with_its_tabs_and_escapes() -> None:
    text = '{\n\t"a":\t"\\ud83d\\ude00\\/\ttab",\n\t"b": [1.50, true]\n}\n'

    file = parse_yaml(text, "x.json")

    assert file.values == {"a": "😀/\ttab", "b": [Decimal("1.50"), True]}
    assert parse_yaml('{"a": "\x7f\x80"}', "x.json").values == {"a": "\x7f\x80"}
    assert file.place(("b", 0)) == "x.json:3:8"


keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(st.dictionaries(keys, values, max_size=4))
def test_what_is_written_as_yaml_reads_as_the_same(table: dict[str, TomlValue]) -> None:
    assert parse_yaml(yaml_text(table), "x.yaml") == _with_values(parse_yaml(yaml_text(table), "x.yaml"), table)


@given(st.dictionaries(keys, st.recursive(st.text(max_size=5) | st.booleans(), st.lists), max_size=4))
def test_what_json_writes_reads_as_the_same(table: dict[str, TomlValue]) -> None:
    file = parse_yaml(json.dumps(table), "x.json")

    assert (file.values, file.problems) == (table, ())


@pytest.mark.fuzz
@given(st.text())
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        problems = parse_yaml(text, "x.yaml").problems
    except SettingsError as error:
        problems = error.problems

    assert all(re.match(r"x\.yaml:[0-9]+:[0-9]+: ", problem) for problem in problems)


def test_a_quoted_value_is_short_whatever_it_is() -> None:
    assert len(quoted_yaml("x" * 5000)) == 81


def _with_values(file: YamlFile, table: dict[str, TomlValue]) -> YamlFile:
    return YamlFile(file.name, table, file.keys, file.starts)
