"""Scenarios of delivery reports: which states come, when, how often, and in which order.

Spec: Delivery Report (DR) CallBack. Spec: SMS_STATE and RESULT_DESC. Reading: R10, R11.
"""

import asyncio
from collections import Counter
from datetime import datetime, timedelta
from statistics import median

from cloudsms_simulator.models.account import ReceivedReport
from cloudsms_simulator.push.receiver import Receiver

OK = 0x01
ONE, OTHER = "852 67000011", "852 67000012"
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)

STATES = {
    "01": (("ENROUTE", 1, 2 * SECOND), ("DELIVERED", 2, 5 * SECOND)),
    "02": (("DELIVERED", 2, 2 * SECOND),),
    "03": (("EXPIRED", 3, 2 * SECOND),),
    "04": (("DELETED", 4, 2 * SECOND),),
    "05": (("UNDELIVERABLE", 5, 2 * SECOND),),
    "06": (("ACCEPTED", 6, 2 * SECOND),),
    "07": (("UNKNOWN", 7, 2 * SECOND),),
    "08": (("REJECTED", 8, 2 * SECOND),),
    "09": (("IDLE", 9, 2 * SECOND), ("DELIVERED", 2, 5 * SECOND)),
    "60": (("LOCAL_REJECTED", 60, 2 * SECOND),),
    "77": (("UNKNOWN", 77, 2 * SECOND),),
    "88": (("DELIVERED", 2, 3 * SECOND),),
}


def test_delivered_delivers_everything_after_three_seconds(run, play) -> None:
    async def story() -> None:
        async with play("delivered") as customer:
            answer = await customer.send(ONE, OTHER)
            assert answer.codes == [OK, OK]
            await customer.advance("2.999s")
            assert customer.reported == []
            await customer.advance("1ms")
            assert customer.reported == [(ONE, "DELIVERED"), (OTHER, "DELIVERED")]
            assert [report.uid for report in customer.receiver.reports] == answer.uids
            assert [report.customer_body for report in customer.receiver.reports] == ['{"order": 1}'] * 2
            told = [(report.time, report.report_time) for report in customer.receiver.reports]
            delivered = datetime.fromisoformat(str(answer.packet["TIME"])) + 3 * SECOND
            assert told == [(str(delivered), str(delivered))] * 2
            assert await customer.balance() == "999.90 USD"
            assert await customer.findings() == [[]]

    run(story())


def test_undeliverable_accepts_and_charges_what_never_arrives(run, play) -> None:
    async def story() -> None:
        async with play("undeliverable") as customer:
            assert (await customer.send(ONE)).code == OK
            await customer.advance("25h")
            assert customer.reported == [(ONE, "ENROUTE"), (ONE, "UNDELIVERABLE")]
            assert await customer.fates() == {ONE: [("ENROUTE", SECOND), ("UNDELIVERABLE", 5 * SECOND)]}
            assert await customer.balance() == "999.95 USD"

    run(story())


def test_expired_reports_no_final_state_for_25_hours(run, play) -> None:
    async def story() -> None:
        async with play("expired") as customer:
            await customer.send(ONE)
            await customer.advance("24h59m59s")
            assert customer.reported == [(ONE, "ENROUTE")]
            await customer.advance("1s")
            assert customer.reported == [(ONE, "ENROUTE"), (ONE, "EXPIRED")]
            assert await customer.fates() == {ONE: [("ENROUTE", 5 * SECOND), ("EXPIRED", 25 * HOUR)]}

    run(story())


def test_every_state_ends_a_message_in_the_state_that_its_number_asks_for(run, play) -> None:
    async def story() -> None:
        async with play("every-state") as customer:
            await customer.send(*(f"852 670000{digits}" for digits in STATES))
            await customer.advance("25h")
            assert await customer.fates() == {
                f"852 670000{digits}": [(name, after) for name, _, after in states] for digits, states in STATES.items()
            }
            told = {(report.msisdn[-2:], report.state_name, report.state) for report in customer.receiver.reports}
            assert told == {(digits, name, state) for digits, states in STATES.items() for name, state, _ in states}
            assert len(customer.receiver.reports) == len(told)
            # Twelve were paid for; REJECTED and LOCAL_REJECTED got their money back.
            assert await customer.balance() == "999.50 USD"

    run(story())


def test_reports_lost_tells_nothing_of_numbers_that_end_in_an_odd_digit(run, play) -> None:
    async def story() -> None:
        async with play("reports-lost") as customer:
            numbers = [f"852 6700001{digit}" for digit in range(10)]
            await customer.send(*numbers)
            await customer.advance("25h")
            assert customer.reported == [(number, "DELIVERED") for number in numbers[::2]]
            assert [(each["state_name"], each["rule"]) for each in await customer.listing("messages")] == [
                ("DELIVERED", None),
                ("DELIVERED", "odd-numbers"),
            ] * 5
            outcomes = Counter((each["outcome"], len(each["attempts"])) for each in await customer.listing("reports"))
            assert outcomes == {("answered", 1): 5, ("lost", 0): 5}

    run(story())


def test_reports_twice_pushes_each_again_with_another_serial(run, play) -> None:
    async def story() -> None:
        async with play("reports-twice") as customer:
            [uid] = (await customer.send(ONE)).uids
            await customer.advance("25h")
            told = [(report.uid, report.state_name, report.serial) for report in customer.receiver.reports]
            assert told == [(uid, "DELIVERED", 1), (uid, "DELIVERED", 2)]
            [report] = await customer.listing("reports")
            assert (report["outcome"], [each["serial"] for each in report["attempts"]]) == ("answered", [1, 2])
            assert await customer.balance() == "999.95 USD"

    run(story())


def test_reports_out_of_order_tells_of_an_earlier_state_later(run, play) -> None:
    async def story() -> None:
        async with play("reports-out-of-order") as customer:
            await customer.send(ONE)
            await customer.advance("3s")
            assert customer.reported == [(ONE, "DELIVERED")]
            await customer.advance("3s")
            assert customer.reported == [(ONE, "DELIVERED"), (ONE, "ENROUTE")]
            delivered, enroute = customer.receiver.reports
            assert enroute.report_time < delivered.report_time == delivered.time < enroute.time
            assert await customer.fates() == {ONE: [("ENROUTE", SECOND), ("DELIVERED", 3 * SECOND)]}
            [message] = await customer.listing("messages")
            assert message["state_name"] == "DELIVERED"

    run(story())


def test_report_before_answer_pushes_before_it_answers(run, play) -> None:
    async def story() -> None:
        answered: list[bool] = []
        sending: list[asyncio.Task[object]] = []

        def look(_: ReceivedReport) -> None:
            answered.append(sending[0].done())

        async with play("report-before-answer", Receiver(on_report=look)) as customer:
            sending.append(asyncio.create_task(customer.send(ONE, OTHER)))
            answer = await sending[0]
            assert (answered, answer.codes) == ([False, False], [OK, OK])
            assert [report.uid for report in customer.receiver.reports] == answer.uids
            assert customer.reported == [(ONE, "DELIVERED"), (OTHER, "DELIVERED")]
            await customer.advance("25h")
            assert len(customer.reported) == 2

    run(story())


def test_realistic_reports_come_soon_or_late_or_much_later(run, play) -> None:
    async def story() -> None:
        async with play("realistic") as customer:
            numbers = [f"852 9100{number:04}" for number in range(500)]
            for start in range(0, 500, 100):
                await customer.send(*numbers[start : start + 100])
            await customer.advance("25h")
            fates = [fate for [fate] in (await customer.fates()).values()]
            assert Counter(state for state, _ in fates) == {"DELIVERED": 464, "UNDELIVERABLE": 23, "EXPIRED": 13}
            waits = sorted(after / SECOND for _, after in fates)
            assert (waits[0], round(median(waits), 3), round(waits[-1], 3)) == (1.0, 8.046, 5269.505)
            within = {limit: sum(wait <= limit for wait in waits) / 5 for limit in (1, 7, 60, 900)}
            assert within == {1: 15.8, 7: 47.4, 60: 85.4, 900: 99.4}
            assert len(customer.reported) == 500

    run(story())
