"""What `messages`, `requests` and `reports` have in common, against a server that runs, and on a terminal."""

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.process import ExitCode

RESOURCES = ("messages", "requests", "reports")


def test_ls_prints_the_newest_last_and_cuts_nothing_in_a_pipe(busy) -> None:
    text = "x" * 150
    third = busy.uid("67000013", SMS_CONTENT=text)
    lines = busy.run("messages", "ls").stdout.splitlines()
    assert lines[0].split() == ["TIME", "UID", "TO", "STATE", "SEG", "COST", "TEXT"]
    assert [line.split()[2] for line in lines[1:]] == [busy.uids[0], busy.uids[1], third]
    assert lines[1].split()[3:] == ["85267000011", "DELIVERED", "1", "USD", "0.05", "Your", "code", "is", "123456"]
    assert lines[3].endswith(text)


@pytest.mark.parametrize("resource", RESOURCES)
def test_json_is_a_page_with_every_field(busy, resource: str) -> None:
    page = json.loads(busy.run(resource, "ls", "--json").stdout)
    assert page.keys() == {"items", "total", "cursor", "evicted"}
    assert page["items"] == json.loads(busy.run(resource, "ls", "--limit", "1000", "--json").stdout)["items"]
    assert len(page["items"]) == page["total"] == {"messages": 2, "requests": 2, "reports": 1}[resource]


def test_ls_takes_a_search_in_one_word_or_several_also_with_a_dash(busy) -> None:
    for search in (["to:852*", "state:DELIVERED"], ["to:852* state:DELIVERED"], ["-to:65*"]):
        items = json.loads(busy.run("messages", "ls", *search, "--json").stdout)["items"]
        assert [item["uid"] for item in items] == busy.uids[:1]


def test_ls_says_that_there_are_more_and_that_there_are_none(busy) -> None:
    result = busy.run("messages", "ls", "--limit", "1")
    assert len(result.stdout.splitlines()) == 2
    assert result.stderr == "the newest 1 of 2; --limit shows more\n"
    result = busy.run("messages", "ls", "to:1*")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no messages\n")


def test_find_prints_ids_for_pipes_and_ends_1_when_nothing_fits(busy) -> None:
    assert busy.run("messages", "find").stdout == f"{busy.uids[0]}\n{busy.uids[1]}\n"
    assert busy.run("reports", "find", "outcome:answered").stdout == f"{busy.uids[0]}-1\n"
    numbers = [int(line) for line in busy.run("requests", "find").stdout.splitlines()]
    assert len(numbers) == 2
    assert numbers == sorted(numbers)
    assert json.loads(busy.run("messages", "find", "--json").stdout) == {"items": [busy.uids[0], busy.uids[1]]}
    result = busy.run("messages", "find", "to:1*")
    assert (result.exit_code, result.output) == (ExitCode.FAILED, "")


def test_find_pages_through_everything(shop) -> None:
    for number in range(11):
        shop.send(*(f"67{number:03}{each:03}" for each in range(100)))
    found = shop.run("messages", "find").stdout.splitlines()
    assert len(found) == len(set(found)) == 1100
    assert found == sorted(found)


def test_wait_returns_what_is_there(busy) -> None:
    result = busy.run("messages", "wait", "to:852*")
    assert result.exit_code == 0
    assert busy.uids[0] in result.stdout
    items = json.loads(busy.run("messages", "wait", "--count", "2", "--json").stdout)["items"]
    assert [item["uid"] for item in items] == [busy.uids[0], busy.uids[1]]


def test_wait_ends_4_and_says_what_came_close(open_shop) -> None:
    shop = open_shop(clock="real")
    uid = shop.uid("67000011")
    result = shop.run("messages", "wait", "to:852* -to:85267*", "--timeout", "0.05")
    assert result.exit_code == ExitCode.TIMED_OUT
    assert result.stdout == f"close: message {uid}  -to:85267*: it has 85267000011\n"
    assert result.stderr == "Error: there were 0 of 1 messages for to:852* -to:85267* within 50ms\n"
    missed = json.loads(shop.run("messages", "wait", "to:1*", "--timeout", "0.05", "--json").stdout)
    assert (missed["count"], missed["total"], missed["closest"][0]["item"]["uid"]) == (1, 0, uid)


def test_wait_says_at_once_that_a_standing_clock_is_in_the_way(busy) -> None:
    result = busy.run("reports", "wait", "--count", "2", "--timeout", "3600")
    assert (result.exit_code, "advance the clock by" in result.stderr) == (ExitCode.TIMED_OUT, True)


def test_what_is_evicted_is_told(answering) -> None:
    with answering(b'{"items":[],"total":0,"cursor":null,"evicted":1200}') as url:
        for command in ("ls", "find", "export"):
            result = CliRunner().invoke(main, ["messages", command, "--admin-url", url])
            assert "1,200 messages were evicted from the journal and are not among these\n" in result.stderr


@pytest.mark.parametrize("columns", [80, 160])
def test_on_a_terminal_no_line_is_wider(busy, columns: int) -> None:
    busy.send("67000013", SMS_CONTENT="很长的短信" * 40)
    for resource in RESOURCES:
        lines = on_a_terminal(columns, resource, "ls", "--account", busy.name, "--admin-url", busy.server.admin_url)
        assert lines
        assert all(width(line) <= columns for line in lines), lines
        assert busy.uids[0] in "\n".join(lines) or resource == "requests"
        assert ("COST" in lines[0]) == (resource == "messages" and columns == 160)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["ls", "nope:1"], ExitCode.USAGE, 'unknown field "nope"'),
        (["ls", "--account", "nobody"], ExitCode.USAGE, 'no account "nobody"'),
        (["ls", "--limit", "0"], ExitCode.USAGE, "--limit"),
        (["find", "--nope"], ExitCode.USAGE, "--nope"),
        (["list"], ExitCode.USAGE, "list"),
    ],
)
def test_wrong_usage_ends_2(server, args: list[str], code: ExitCode, told: str) -> None:
    result = CliRunner().invoke(main, ["messages", *args, "--admin-url", server.admin_url])
    assert (result.exit_code, told in result.stderr) == (code, True), result.stderr


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("command", ["ls", "find", "wait", "tail", "export"])
def test_nobody_there_ends_3(resource: str, command: str, unused_url: str) -> None:
    result = CliRunner().invoke(main, [resource, command, "--admin-url", unused_url])
    assert (result.exit_code, result.stdout) == (ExitCode.UNREACHABLE, "")
    assert result.stderr.startswith(f"Error: nobody answers at {unused_url}; ")


def on_a_terminal(columns: int, *args: str) -> list[str]:
    """The lines a command prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cloudsms_simulator", *args],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "COLUMNS": str(columns)},
    )
    os.close(theirs)
    out = b""
    # Linux says by an error that the other side is gone.
    with suppress(OSError):
        while piece := os.read(ours, 65536):
            out += piece
    os.close(ours)
    assert process.wait(60) == 0, out
    return out.decode().splitlines()


def width(line: str) -> int:
    """Columns of a terminal, for what these tests send."""
    return sum(2 if "一" <= character <= "鿿" else 1 for character in line)
