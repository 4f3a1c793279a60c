"""`tail`, as a process beside a server that runs."""

import json
import signal

import pytest
from cli_runner import CliRunner

from cloudsms_simulator.cli import main
from cloudsms_simulator.cli.process import ExitCode


def test_tail_prints_what_comes_until_there_are_enough(busy) -> None:
    process = busy.start("messages", "tail", "--count", "2")
    assert process.stderr is not None
    assert process.stderr.readline() == f'waiting for messages of "{busy.name}"; Ctrl-C ends it\n'
    uids = [busy.uid("67000021"), busy.uid("67000022")]
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert [line.split()[2] for line in out.splitlines()] == uids


def test_tail_prints_a_message_again_only_when_it_changed(shop) -> None:
    shop.api.accounts.change(shop.name, callback={"url": shop.api.sink.show().url})
    process = shop.start("messages", "tail", "--count", "3")
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.readline()
    uid = shop.uid("67000021")
    told = [process.stdout.readline()]
    shop.api.clock.advance(seconds=1)
    told.append(process.stdout.readline())
    last = shop.uid("67000022")
    out, _ = process.communicate(timeout=60)
    told += out.splitlines()
    assert [line.split()[2:5:2] for line in told] == [[uid, "-"], [uid, "DELIVERED"], [last, "-"]]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tail_ends_0_when_it_is_told_to_stop(busy, number: signal.Signals) -> None:
    process = busy.start("requests", "tail", "--json")
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.readline()
    busy.send("67000023")
    assert json.loads(process.stdout.readline())["kind"] == "uip"
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0


def test_tail_ends_quietly_when_nobody_reads_any_more(busy) -> None:
    process = busy.start("messages", "tail")
    assert process.stderr is not None
    assert process.stdout is not None
    process.stderr.readline()
    process.stdout.close()
    busy.send("67000024")
    with process.stderr:
        assert process.stderr.read() == ""
    assert process.wait(60) == ExitCode.FAILED


def test_tail_tells_of_gaps_resets_and_of_what_it_does_not_show(answering) -> None:
    frames = (
        b'event: gap\ndata: {"account":"default"}\n\n'
        b'event: clock\ndata: {"account":"default"}\n\n'
        b'event: reset\ndata: {"account":"default"}\n\n'
        b'event: message\ndata: {"account":"default","items":[],"more":30}\n\n'
    )
    with answering(frames, "text/event-stream") as url:
        result = CliRunner().invoke(main, ["messages", "tail", "--admin-url", url])
    assert result.stderr.splitlines() == [
        'waiting for messages of "default"; Ctrl-C ends it',
        "gap: something came in between that is not shown; messages ls has it",
        "reset: all that was kept is gone",
        "30 more before these are not shown; messages ls has them",
        "Error: the server ended the stream: it has stopped",
    ]
    assert result.exit_code == ExitCode.UNREACHABLE
