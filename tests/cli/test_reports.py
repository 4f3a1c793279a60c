"""What `reports` can do besides what all three can, against a server that runs."""

import json

import pytest

from cloudsms_simulator.cli.process import ExitCode


@pytest.fixture
def pushed(shop):
    """A shop whose reports go to its sink."""
    shop.api.accounts.change(shop.name, callback={"url": shop.api.sink.show().url})
    return shop


def test_show_tells_every_attempt_with_the_answer_and_what_is_wrong_with_it(open_shop) -> None:
    shop = open_shop()
    sink = shop.api.sink.answers([{"status": 503}, {"answer": "wrong-serial"}])
    shop.api.accounts.change(shop.name, callback={"url": sink.url, "retries": ["1s"]})
    uid = shop.uid()
    shop.api.clock.run_until_idle()
    lines = shop.run("reports", "show", f"{uid}-1").stdout.splitlines()
    assert lines[:4] == [
        f"report      {uid}-1",
        f"account     {shop.name}",
        lines[2],
        "outcome     answered",
    ]
    assert lines[2].startswith("state       DELIVERED (2), reached 20")
    assert [line.split(",")[1] for line in lines if line.startswith("attempt ")] == [" SERIAL 1", " SERIAL 2"]
    assert [line for line in lines if line.startswith("status ")] == ["status      HTTP 503", "status      HTTP 200"]
    assert '      "METHOD": "SMS_PUSH_REPORT",' in lines
    assert "answer      empty" in lines
    assert any(line.startswith("error       dr-http-status at answer: got 503") for line in lines)
    assert any(line.startswith("error       dr-answer-serial at $.SERIAL: got ") for line in lines)
    listed = shop.run("reports", "ls").stdout.splitlines()[1].split(maxsplit=5)
    assert listed[3:5] == ["DELIVERED", "answered"]
    assert listed[5] == "dr-answer-serial, HTTP 200 at attempt 2"


def test_show_tells_why_there_is_no_answer_and_when_the_next_push_is(open_shop, unused_url: str) -> None:
    shop = open_shop(callback={"url": unused_url, "retries": ["10s"]})
    uid = shop.uid()
    shop.api.clock.advance(seconds=1)
    lines = shop.run("reports", "show", f"{uid}-1").stdout.splitlines()
    assert [line.split()[0] for line in lines[3:5]] == ["outcome", "next"]
    assert any(line.startswith("no answer   127.0.0.1:") for line in lines)
    assert ", next push at " in shop.run("reports", "ls", "outcome:pending").stdout


def test_a_right_answer_is_said_to_be_right_and_json_is_the_report(pushed) -> None:
    uid = pushed.uid()
    pushed.api.clock.advance(seconds=1)
    assert (
        "status      HTTP 200, and the ANSWER is right in every point\n"
        in pushed.run("reports", "show", f"{uid}-1").stdout
    )
    assert json.loads(pushed.run("reports", "show", f"{uid}-1", "--json").stdout)["uid"] == uid


def test_pending_lists_what_is_due_soonest_first(pushed) -> None:
    first = pushed.uid("67000011")
    pushed.api.messages.report(first, "DELIVERED", after="3s")
    second = pushed.uid("67000012")
    lines = pushed.run("reports", "pending").stdout.splitlines()
    assert lines[0].split() == ["TIME", "IN", "ID", "TO", "STATE", "KIND"]
    assert [line.split()[2:] for line in lines[1:]] == [
        ["1", "s", f"{second}-1", "85267000012", "DELIVERED", "planned"],
        ["3", "s", f"{first}-1", "85267000011", "DELIVERED", "planned"],
    ]
    items = json.loads(pushed.run("reports", "pending", "to:85267000011", "--json").stdout)["items"]
    assert [item["report_id"] for item in items] == [f"{first}-1"]
    pushed.api.clock.run_until_idle()
    result = pushed.run("reports", "pending")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nothing is due\n")


def test_pending_tells_the_attempt_of_a_retry(open_shop, unused_url: str) -> None:
    shop = open_shop(callback={"url": unused_url, "retries": ["10s"]})
    shop.send()
    shop.api.clock.advance(seconds=1)
    assert shop.run("reports", "pending").stdout.splitlines()[1].endswith("retry, attempt 2")


def test_resend_pushes_once_more_and_tells_the_answer(pushed) -> None:
    uid = pushed.uid()
    pushed.api.clock.advance(seconds=1)
    result = pushed.run("reports", "resend", f"{uid}-1")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split(maxsplit=4)[2:4] == [f"{uid}-1", "DELIVERED"]
    assert result.stdout.endswith("HTTP 200 at attempt 2\n")
    assert json.loads(pushed.run("reports", "resend", f"{uid}-1", "--json").stdout)["attempts"][2]["status"] == 200


def test_resend_without_an_answer_ends_1_and_says_why(open_shop, unused_url: str) -> None:
    shop = open_shop(callback={"url": unused_url})
    uid = shop.uid()
    shop.api.clock.advance(seconds=1)
    result = shop.run("reports", "resend", f"{uid}-1")
    assert result.exit_code == ExitCode.FAILED
    assert "error       push-refused at callback: got 127.0.0.1:" in result.stdout


def test_what_cannot_be_resent_is_told(shop) -> None:
    uid = shop.uid()
    shop.api.clock.advance(seconds=1)
    result = shop.run("reports", "resend", f"{uid}-1")
    assert (result.exit_code, "callback" in result.stderr) == (ExitCode.FAILED, True)
    for command in ("show", "resend"):
        assert shop.run("reports", command, "nope").exit_code == ExitCode.USAGE
