import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.config import SettingsError
from cloudsms_simulator.config.sources import TomlFile, TomlPath, TomlValue, quoted_toml, read_toml, toml_text

EVERYTHING = """\
# a comment with [brackets] and = signs
port = 1
"quoted key" = 2 # another = [comment]
'literal' = 3
a.b . c = 4
text = "with ] and # and \\" in it"
long = \"\"\"
port = 9
\"\"\"\"\"
raw = '''
[no.table]
'''
list = [ 1, # one
  "two ]", [3], { four = 4, five = [5] },
]
moment = 1979-05-27 07:32:00

[table]
port = 5

[table.inner]
x = { y = { z = 6 } }

[[rows]]
name = "a"

[[rows]]
name = "b"
[rows.inside]
deep = 7
[[rows.more]]
n = 8
[[rows.more]]
n = 9
"""


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "cloudsms.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def at(file: TomlFile, place: str) -> str:
    """What stands at a place, up to the end of its line."""
    _, line, column = place.rsplit(":", 2)
    return file.text.splitlines()[int(line) - 1][int(column) - 1 :]


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("port",), "port = 1", "1"),
        (("quoted key",), '"quoted key" = 2', "2 #"),
        (("literal",), "'literal' = 3", "3"),
        (("a",), "a.b . c = 4", "a.b . c = 4"),
        (("a", "b"), "b . c", "b . c"),
        (("a", "b", "c"), "c = 4", "4"),
        (("text",), "text =", '"with ]'),
        (("long",), "long =", '"""'),
        (("raw",), "raw =", "'''"),
        (("list",), "list =", "[ 1"),
        (("list", 1), '"two ]"', '"two ]"'),
        (("list", 2, 0), "3]", "3]"),
        (("list", 3, "five"), "five =", "[5]"),
        (("list", 3, "five", 0), "5]", "5]"),
        (("moment",), "moment =", "1979"),
        (("table",), "[table]", "[table]"),
        (("table", "port"), "port = 5", "5"),
        (("table", "inner"), "[table.inner]", "[table.inner]"),
        (("table", "inner", "x", "y", "z"), "z = 6", "6"),
        (("rows",), "[[rows]]", "[[rows]]"),
        (("rows", 1), "[[rows]]", "[[rows]]"),
        (("rows", 1, "name"), 'name = "b"', '"b"'),
        (("rows", 1, "inside", "deep"), "deep = 7", "7"),
        (("rows", 1, "more", 1, "n"), "n = 9", "9"),
    ],
)
def test_the_place_of_every_key_and_value_is_known(tmp_path: Path, path: TomlPath, key: str, value: str) -> None:
    file = read_toml(written(tmp_path, EVERYTHING))

    assert at(file, file.place(path, key=True)).startswith(key)
    assert at(file, file.place(path)).startswith(value)


def test_what_is_absent_is_placed_where_it_would_belong(tmp_path: Path) -> None:
    file = read_toml(written(tmp_path, EVERYTHING))

    assert at(file, file.place(("rows", 1, "absent"))).startswith("[[rows]]")
    assert file.place(("absent",)).endswith(":1:1")


def test_a_line_names_the_file_as_it_was_given(tmp_path: Path) -> None:
    path = written(tmp_path, "\n\nport = 1\n")

    assert read_toml(path).line(("port",)) == f"{path}:3"


def test_windows_line_ends_and_a_byte_order_mark_change_no_place(tmp_path: Path) -> None:
    file = read_toml(written(tmp_path, b"\xef\xbb\xbfa = 1\r\nport = 2\r\n"))

    assert file.place(("port",)).endswith(":2:8")


def test_numbers_with_a_point_are_exact(tmp_path: Path) -> None:
    assert read_toml(written(tmp_path, "price = 0.10")).values == {"price": Decimal("0.10")}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"port = 1\nhost = \n", ":2:8: is not TOML: Invalid value"),
        (b"list = [1,\n2", ":2:2: is not TOML"),
        (b"a = 1\na = 2\n", ":2:6: is not TOML: Cannot overwrite a value"),
        (b"a = \xff\n", ":1: is not UTF-8"),
        (b"a = " + b"9" * 5000, ": is not TOML"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, ": is nested too deeply"),
    ],
)
def test_a_file_that_is_not_toml_is_refused_with_its_place(tmp_path: Path, text: bytes, complaint: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(SettingsError) as caught:
        read_toml(path)

    assert str(caught.value).startswith(f"{path}{complaint}")


@pytest.mark.parametrize("name", ["absent.toml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be read: "):
        read_toml(tmp_path / name)


keys = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=6)
scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-1000, max_value=1000),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


@given(st.dictionaries(keys, values, max_size=4))
def test_what_is_written_as_toml_reads_as_the_same(table: dict[str, TomlValue]) -> None:
    assert tomllib.loads(f"x = {toml_text(table)}", parse_float=Decimal) == {"x": table}


@given(table=st.dictionaries(keys, values, min_size=1, max_size=4))
def test_every_value_of_any_file_has_a_place_of_its_own(
    table: dict[str, TomlValue], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("toml") / "any.toml"
    path.write_text("".join(f"{toml_text({key: value})[2:-2]}\n" for key, value in table.items()), "utf-8", newline="")

    file = read_toml(path)

    for place, value in leaves(table):
        _, line, column = file.place(place).rsplit(":", 2)
        assert file.text.split("\n")[int(line) - 1][int(column) - 1 :].startswith(toml_text(value))


def leaves(value: TomlValue, path: TomlPath = ()) -> list[tuple[TomlPath, TomlValue]]:
    if isinstance(value, dict):
        return [leaf for key, entry in value.items() for leaf in leaves(entry, (*path, key))]
    if isinstance(value, list):
        return [leaf for index, entry in enumerate(value) for leaf in leaves(entry, (*path, index))]
    return [(path, value)]


@pytest.mark.parametrize(
    "value",
    [Decimal("1e999999999"), Decimal("nan"), 16**5000, "x" * 5000],
    ids=["huge decimal", "no number", "huge integer", "long text"],
)
def test_a_quoted_value_is_short_whatever_it_is(value: TomlValue) -> None:
    assert len(quoted_toml(value)) <= 81
