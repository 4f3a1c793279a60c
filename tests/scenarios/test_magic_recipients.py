"""Magic recipients: every row of their table, met over the wire in three countries with rules of their own.

Reading: R23.
"""

import json
import re
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

READINGS = (Path(__file__).parents[2] / "simulator" / "READINGS.md").read_text(encoding="utf-8")

OK = 0x01
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

STATES = {
    "555001": "ENROUTE",
    "555002": "DELIVERED",
    "555003": "EXPIRED",
    "555004": "DELETED",
    "555005": "UNDELIVERABLE",
    "555006": "ACCEPTED",
    "555007": "UNKNOWN",
    "555008": "REJECTED",
    "555009": "IDLE",
    "555060": "LOCAL_REJECTED",
}
CODES = {
    "555101": (0x00000001, "OK"),
    "555102": (0x00000002, "Unknown_error"),
    "555103": (0x00000003, "Busy"),
    "555104": (0x00000004, "Empty_data"),
    "555105": (0x00000005, "Channel_not_exist"),
    "555201": (0x10000001, "Invalid_parameter"),
    "555203": (0x10000003, "Invalid_context"),
    "555204": (0x10000004, "Send_failed"),
    "555205": (0x10000005, "Queue_too_large"),
    "555206": (0x10000006, "Intercept"),
    "555207": (0x10000007, "Lost_info"),
    "555213": (0x1000000D, "Empty_data"),
    "555214": (0x1000000E, "DB_not_find"),
    "555215": (0x1000000F, "Unpriced_area"),
    "555216": (0x10000010, "Invalid_Version"),
}
FATES = {
    "555301": [("DELIVERED", SECOND)],
    "555302": [("DELIVERED", SECOND)],
    "555303": [("ENROUTE", SECOND), ("DELIVERED", 2 * SECOND)],
    "555304": [("DELIVERED", 0 * SECOND)],
    "555305": [("ENROUTE", SECOND), ("DELIVERED", 2 * SECOND)],
    "555306": [("DELIVERED", 24 * HOUR)],
    "555307": [("EXPIRED", 25 * HOUR)],
}
REPORTED = {
    "555301": [],
    "555302": ["DELIVERED", "DELIVERED"],
    "555303": ["ENROUTE", "DELIVERED"],
    "555304": ["DELIVERED"],
    "555305": ["DELIVERED", "ENROUTE"],
    "555306": ["DELIVERED"],
    "555307": ["EXPIRED"],
}
UNANSWERED = {
    "555401": (httpx2.ReadError, "CONNECTION_RESET_BY_PEER"),
    "555402": (httpx2.RemoteProtocolError, "EMPTY_RESPONSE"),
    "555403": (httpx2.RemoteProtocolError, "RANDOM_DATA_THEN_CLOSE"),
    "555404": (httpx2.ReadTimeout, "ACCEPT_THEN_HANG"),
    "555405": (httpx2.RemoteProtocolError, "PROCESSED_NO_ANSWER"),
}
ANSWERED = {
    "555406": (200, "application/json", "BROKEN_JSON"),
    "555407": (500, "text/plain; charset=utf-8", "HTTP_500"),
    "555408": (200, "text/html; charset=utf-8", "HTML_PAGE"),
}

in_every_country = pytest.mark.parametrize("beginning", ["852 67", "65 81", "86 13800"])


def documented() -> list[str]:
    """Every magic number of the table, spans written out."""
    table = READINGS[READINGS.index("**R23 ") :].partition("\n## ")[0]
    cells = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `555"))
    spans = re.findall(r"`(\d{6})`(?: … `(\d{6})`)?", cells)
    return [str(number) for first, last in spans for number in range(int(first), int(last or first) + 1)]


def test_every_row_of_the_table_is_played_here() -> None:
    assert [*STATES, *CODES, *FATES, *UNANSWERED, *ANSWERED] == documented()
    assert FATES.keys() == REPORTED.keys()


@in_every_country
def test_a_number_says_in_which_state_its_message_ends(run, play, beginning: str) -> None:
    async def story() -> None:
        async with play() as customer:
            numbers = {f"{beginning}{suffix}": state for suffix, state in STATES.items()}
            assert (await customer.send(*numbers)).codes == [OK] * len(numbers)
            await customer.advance("25h")
            assert customer.reported == list(numbers.items())
            assert await customer.fates() == {number: [(state, SECOND)] for number, state in numbers.items()}
            rules = [each["rule"] for each in await customer.listing("messages")]
            assert rules == [f"magic {suffix}" for suffix in STATES]
            assert await customer.balance() == "999.60 USD"

    run(story())


@in_every_country
def test_a_number_says_with_which_code_it_is_answered(run, play, beginning: str) -> None:
    async def story() -> None:
        async with play() as customer:
            batch = await customer.send(*(f"{beginning}{suffix}" for suffix in CODES))
            assert (batch.code, batch.codes) == (OK, [code for code, _ in CODES.values()])
            for suffix, (code, desc) in CODES.items():
                answer = await customer.send(f"{beginning}{suffix}")
                assert (answer.code, answer.packet["RESULT_DESC"], answer.codes) == (code, desc, [code])
            requests = (await customer.listing("requests"))[1:]
            assert [(each["rule"], each["fault"]) for each in requests] == [(f"magic {each}", None) for each in CODES]
            assert (await customer.findings())[1:] == [[], *[["scripted-code"]] * (len(CODES) - 1)]
            await customer.advance("25h")
            assert customer.reported == [(f"{beginning}555101", "DELIVERED")] * 2

    run(story())


@in_every_country
def test_a_number_says_what_becomes_of_its_reports(run, play, beginning: str) -> None:
    async def story() -> None:
        async with play() as customer:
            for suffix in FATES:
                before = len(customer.reported)
                assert (await customer.send(f"{beginning}{suffix}")).code == OK
                assert len(customer.reported) - before == (suffix == "555304")
            await customer.advance("25h")
            assert await customer.fates() == {f"{beginning}{suffix}": fate for suffix, fate in FATES.items()}
            for suffix, states in REPORTED.items():
                told = [state for number, state in customer.reported if number == f"{beginning}{suffix}"]
                assert told == states
            rules = [each["rule"] for each in await customer.listing("messages")]
            assert rules == [f"magic {suffix}" for suffix in FATES]

    run(story())


@in_every_country
def test_a_number_says_what_goes_wrong_with_the_answer(run, play, beginning: str) -> None:
    async def story() -> None:
        async with play() as customer:
            for suffix, (error, _) in UNANSWERED.items():
                patience = httpx2.Timeout(20, read=0.2 if error is httpx2.ReadTimeout else 20)
                with pytest.raises(error):
                    await customer.post(f"{beginning}{suffix}", timeout=patience)
            for suffix, (status, kind, _) in ANSWERED.items():
                response = await customer.post(f"{beginning}{suffix}")
                assert (response.status_code, response.headers["content-type"]) == (status, kind)
                with pytest.raises(json.JSONDecodeError):
                    response.json()
            faults = {suffix: told[-1] for suffix, told in (UNANSWERED | ANSWERED).items()}
            assert [(rule, fault) for fault, rule, _ in await customer.troubles()] == [
                (f"magic {suffix}", fault) for suffix, fault in faults.items()
            ]
            assert await customer.findings() == [["scripted-fault"]] * len(faults)
            await customer.advance("25h")
            assert customer.reported == [(f"{beginning}{suffix}", "DELIVERED") for suffix in ("555405", "555406")]

    run(story())


@in_every_country
def test_magic_numbers_are_ordinary_ones_where_a_scenario_says_so(run, play, tmp_path: Path, beginning: str) -> None:
    file = tmp_path / "plain.yaml"
    file.write_text("version: 1\nmagic: off\n", encoding="utf-8")
    numbers = [f"{beginning}{suffix}" for suffix in documented()]

    async def story() -> None:
        async with play(str(file)) as customer:
            answer = await customer.send(*numbers)
            assert answer.codes == [OK] * len(numbers)
            await customer.advance("25h")
            assert customer.reported == [(number, "DELIVERED") for number in numbers]
            assert {each["rule"] for each in await customer.listing("messages")} == {None}
            assert await customer.troubles() == [(None, None, "OK")]

    run(story())


def test_a_rule_has_its_say_before_a_magic_number(run, play, tmp_path: Path) -> None:
    file = tmp_path / "ruled.yaml"
    file.write_text("version: 1\nrules: [{ id: mine, match: { country: 852 }, reply: Busy }]\n", encoding="utf-8")

    async def story() -> None:
        async with play(str(file)) as customer:
            assert (await customer.send("852 67555401", "65 81555206")).codes == [0x03, 0x10000006]
            assert (await customer.send("852 67555060")).code == 0x03

    run(story())
