"""What `messages` can do besides what all three can, against a server that runs."""

import json

import pytest

from cloudsms_simulator.cli.process import ExitCode


@pytest.fixture
def pushed(shop):
    """A shop whose reports go to its sink."""
    shop.api.accounts.change(shop.name, callback={"url": shop.api.sink.show().url})
    return shop


def test_show_tells_everything_of_a_message(pushed) -> None:
    uid = pushed.uid("67000011", SMS_CONTENT="It’s " + "x" * 70)
    pushed.api.clock.advance(seconds=1)
    lines = pushed.run("messages", "show", uid).stdout.splitlines()
    told = dict(line.split(maxsplit=1) for line in lines if not line.startswith(" ") and " " in line)
    request = pushed.api.messages.show(uid).request_id
    assert told["message"] == uid
    assert told["account"] == f"{pushed.name}, request {request}, number 1 of its list"
    assert (told["to"], told["from"], told["route"]) == ("852 67000011", "CloudSMS", "VerifyCode_516")
    assert told["state"].startswith("DELIVERED (2), final at 20")
    assert told["cost"] == "USD 0.10 = 2 x USD 0.05"
    assert told["customer"] == '{"order":1}'
    assert told["segments"] == "2, DCS 8 (UCS-2), 75 UTF-16 units"
    assert [line.split()[0] for line in lines if ' of 67 UTF-16 units: "' in line] == ["1/2", "2/2"]
    assert any(line.startswith("forced by") for line in lines)
    story = lines[lines.index("timeline") + 1 :]
    assert all(line.startswith("  ") for line in story)
    assert [line for line in story if line.endswith("It reached DELIVERED, its final state.")]


def test_show_tells_why_a_message_was_rejected_and_what_is_to_come(shop) -> None:
    lines = shop.run("messages", "show", shop.uid("65 123")).stdout.splitlines()
    assert "state       none yet" in lines
    assert "            a Singapore number has 8 digits, not 3" in lines
    assert any("  to come: " in line for line in lines)


def test_show_as_json_has_the_message_its_segments_and_its_timeline(shop) -> None:
    uid = shop.uid()
    document = json.loads(shop.run("messages", "show", uid, "--json").stdout)
    assert document.keys() == {"message", "segments", "timeline"}
    assert (document["message"]["uid"], document["segments"]["segments"], document["timeline"]["uid"]) == (uid, 1, uid)


def test_otp_is_printed_alone_for_pipes(shop) -> None:
    uid = shop.uid(SMS_CONTENT="Order 12345678: your code is 4711")
    assert shop.run("messages", "otp", uid).output == "4711\n"
    assert json.loads(shop.run("messages", "otp", uid, "--json").stdout) == {"code": "4711"}


def test_a_message_without_one_ends_1_and_no_message_2(shop) -> None:
    result = shop.run("messages", "otp", shop.uid(SMS_CONTENT="hello"))
    assert (result.exit_code, "has no number of 4 to 8 digits" in result.stderr) == (ExitCode.FAILED, True)
    for command in ("otp", "show"):
        result = shop.run("messages", command, "nope")
        assert (result.exit_code, 'no message "nope"' in result.stderr) == (ExitCode.USAGE, True)
    assert shop.run("messages", "report", "nope", "DELIVERED").exit_code == ExitCode.USAGE


def test_report_forces_a_state_at_once(pushed) -> None:
    uid = pushed.uid()
    result = pushed.run("messages", "report", uid, "UNDELIVERABLE")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{uid}  UNDELIVERABLE (5), final, due 20")
    assert lines[2].split()[2:] == [f"{uid}-1", "UNDELIVERABLE", "answered", "HTTP", "200"]
    assert pushed.api.messages.show(uid).state == 5


def test_report_takes_a_number_a_pause_and_whether_it_is_final(pushed) -> None:
    uid = pushed.uid()
    forced = json.loads(pushed.run("messages", "report", uid, "77", "--not-final", "--json").stdout)
    assert (forced["state"], forced["final"], forced["report"]["state"]) == (77, False, 77)
    lines = pushed.run("messages", "report", uid, "5", "--after", "0.5s").stdout.splitlines()
    assert len(lines) == 1
    [fired] = pushed.api.clock.advance("0.5s").fired
    assert fired.state == 5
    late = pushed.run("messages", "report", pushed.uid(), "DELIVERED", "--after", "26h").stdout
    assert late.endswith("; dropped: the message expires first\n")


def test_a_state_that_is_final_ends_1_unless_it_is_reported_again(pushed) -> None:
    uid = pushed.uid()
    pushed.api.clock.advance(seconds=1)
    result = pushed.run("messages", "report", uid, "UNDELIVERABLE")
    assert (result.exit_code, "nothing follows a final state" in result.stderr) == (ExitCode.FAILED, True)
    result = pushed.run("messages", "report", uid, "UNDELIVERABLE", "--again")
    assert (result.exit_code, f"{uid}-2" in result.stdout) == (0, True)


@pytest.mark.parametrize("args", [["NOPE"], ["DELIVERED", "--after", "soon"], []])
def test_what_is_no_state_or_no_duration_ends_2(shop, args: list[str]) -> None:
    assert shop.run("messages", "report", shop.uid(), *args).exit_code == ExitCode.USAGE


def test_a_story_of_several_days_has_their_days_and_refunds_are_told(open_shop) -> None:
    shop = open_shop(report=[{"none": True}], switches={"charged_states": ["DELIVERED"]})
    uid = shop.uid()
    shop.api.clock.advance(hours=25)
    lines = shop.run("messages", "show", uid).stdout.splitlines()
    assert "cost        USD 0.05 = 1 x USD 0.05, refunded" in lines
    first, *_, last = lines[lines.index("timeline") + 1 :]
    assert first.split()[0] < last.split()[0]
    assert len(first.split()[0]) == len("11-22")
