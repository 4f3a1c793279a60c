"""The scenario otp-demo: signing in with a code that comes, or does not.

Reading: R21.
"""

from datetime import timedelta

OK, BUSY, INTERCEPT = 0x01, 0x03, 0x10000006
SECOND = timedelta(seconds=1)


def test_a_code_usually_arrives_within_seconds(run, play) -> None:
    async def story() -> None:
        async with play("otp-demo") as customer:
            await customer.send(*(f"852 67{number:05}0" for number in range(100)))
            await customer.advance("25h")
            fates = [fate for [fate] in (await customer.fates()).values()]
            assert {state for state, _ in fates} == {"DELIVERED"}
            waits = sorted(after / SECOND for _, after in fates)
            assert [round(wait, 1) for wait in (waits[0], waits[50], waits[-1])] == [1.2, 4.0, 18.4]
            assert await customer.balance() == "5.00 HKD"

    run(story())


def test_a_number_that_ends_in_1_is_busy_at_first_when_it_is_sent_a_code(run, play) -> None:
    async def story() -> None:
        async with play("otp-demo") as customer:
            assert [(await customer.send("65 81234561")).code for _ in range(3)] == [BUSY, OK, OK]
            assert (await customer.send("65 81234571", SMS_CONTENT="Welcome!")).code == OK
            rules = [each["rule"] for each in await customer.listing("requests")]
            assert rules == ["busy-at-first"] * 3 + [None]
            assert await customer.balance() == "9.82 HKD"

    run(story())


def test_the_last_digit_tells_when_a_code_does_not_arrive_in_time(run, play) -> None:
    async def story() -> None:
        async with play("otp-demo") as customer:
            numbers = [f"86 1380013800{digit}" for digit in (2, 3, 4, 5)]
            answer = await customer.send(*numbers)
            assert (answer.code, answer.codes) == (OK, [OK, OK, INTERCEPT, OK])
            await customer.advance("25h")
            off, nobody, _, late = numbers
            assert await customer.fates() == {
                off: [("ENROUTE", 2 * SECOND), ("EXPIRED", timedelta(hours=25))],
                nobody: [("UNDELIVERABLE", 4 * SECOND)],
                late: [("DELIVERED", timedelta(minutes=6))],
            }
            assert customer.reported == [
                (off, "ENROUTE"),
                (nobody, "UNDELIVERABLE"),
                (late, "DELIVERED"),
                (off, "EXPIRED"),
            ]
            rules = [each["rule"] for each in await customer.listing("messages")]
            assert rules == ["phone-off", "no-such-number", "too-late"]
            assert await customer.balance() == "9.70 HKD"

    run(story())
