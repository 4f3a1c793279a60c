"""Scenarios of refusal: what a client is told, and that nothing becomes of what was refused.

Spec: RESULT_CODE and RESULT_DESC. Reading: R21.
"""

OK, BUSY, QUEUE_TOO_LARGE, INTERCEPT = 0x01, 0x03, 0x10000005, 0x10000006
ONE, OTHER = "852 67000011", "852 67000012"

CODES = {
    "101": (0x00000001, "OK"),
    "102": (0x00000002, "Unknown_error"),
    "103": (0x00000003, "Busy"),
    "104": (0x00000004, "Empty_data"),
    "105": (0x00000005, "Channel_not_exist"),
    "201": (0x10000001, "Invalid_parameter"),
    "203": (0x10000003, "Invalid_context"),
    "204": (0x10000004, "Send_failed"),
    "205": (0x10000005, "Queue_too_large"),
    "206": (0x10000006, "Intercept"),
    "207": (0x10000007, "Lost_info"),
    "213": (0x1000000D, "Empty_data"),
    "214": (0x1000000E, "DB_not_find"),
    "215": (0x1000000F, "Unpriced_area"),
    "216": (0x10000010, "Invalid_Version"),
}


def test_congested_refuses_each_recipient_three_times_and_then_accepts_it(run, play) -> None:
    async def story() -> None:
        async with play("congested") as customer:
            answers = [await customer.send(ONE) for _ in range(5)]
            assert [answer.code for answer in answers] == [BUSY, BUSY, QUEUE_TOO_LARGE, OK, OK]
            assert [answer.codes for answer in answers] == [[BUSY], [BUSY], [QUEUE_TOO_LARGE], [OK], [OK]]
            assert (await customer.send(OTHER)).code == BUSY
            assert [each["rule"] for each in await customer.listing("requests")] == ["busy-then-full-then-ok"] * 6
            assert await customer.findings() == [["scripted-code"]] * 3 + [[]] * 2 + [["scripted-code"]]
            await customer.advance("119s")
            assert customer.reported == []
            await customer.advance("1s")
            assert customer.reported == [(ONE, "DELIVERED")] * 2
            assert await customer.balance() == "999.90 USD"

    run(story())


def test_congested_refuses_a_whole_request_for_one_of_its_recipients(run, play) -> None:
    async def story() -> None:
        async with play("congested") as customer:
            for _ in range(3):
                await customer.send(ONE)
            mixed = await customer.send(ONE, OTHER)
            assert (mixed.code, mixed.codes) == (BUSY, [BUSY, BUSY])
            assert (await customer.send(ONE)).code == OK
            assert [each["to"] for each in await customer.listing("messages")] == ["85267000011"]

    run(story())


def test_every_result_code_answers_with_the_code_that_a_number_asks_for(run, play) -> None:
    async def story() -> None:
        async with play("every-result-code") as customer:
            for digits, (code, desc) in CODES.items():
                answer = await customer.send(f"852 67000{digits}")
                [item] = answer.packet["DETAIL_LIST"]
                assert (answer.code, answer.packet["RESULT_DESC"]) == (code, desc)
                assert (item["RESULT_CODE"], item["RESULT_DESC"]) == (code, desc)
            assert [each["rule"] for each in await customer.listing("requests")] == [
                *("ok", "unknown-error", "busy", "empty-packet", "channel-not-exist", "invalid-parameter"),
                *("invalid-context", "send-failed", "queue-too-large", "intercept", "lost-info", "empty-data-received"),
                *("db-not-find", "unpriced-area", "invalid-version"),
            ]
            assert (await customer.send(ONE)).code == OK
            await customer.advance("25h")
            assert customer.reported == [("852 67000101", "DELIVERED"), (ONE, "DELIVERED")]
            assert await customer.balance() == "999.90 USD"

    run(story())


def test_every_result_code_can_be_had_in_one_batch(run, play) -> None:
    async def story() -> None:
        async with play("every-result-code") as customer:
            answer = await customer.send(*(f"852 67000{digits}" for digits in CODES))
            assert (answer.code, answer.codes) == (OK, [code for code, _ in CODES.values()])
            refused = await customer.send("852 67000213", "852 67000103")
            assert (refused.code, refused.codes) == (0x1000000D, [0x1000000D, BUSY])

    run(story())


def test_intercept_refuses_numbers_and_words_and_every_third_of_a_batch(run, play) -> None:
    async def story() -> None:
        async with play("intercept") as customer:
            assert (await customer.send("852 66000011")).code == INTERCEPT
            assert (await customer.send(ONE, SMS_CONTENT="Win in our CASINO")).code == INTERCEPT
            assert (await customer.send(ONE, SMS_CONTENT="the lottery of today")).code == INTERCEPT
            batch = await customer.send(*(f"852 6700000{number}" for number in range(1, 8)))
            assert (batch.code, batch.codes) == (OK, [OK, OK, INTERCEPT, OK, OK, INTERCEPT, OK])
            assert await customer.findings() == [
                ["blacklisted-number"],
                ["blacklisted-word"],
                ["blacklisted-word"],
                ["scripted-code", "scripted-code"],
            ]
            rules = [each["rule"] for each in await customer.listing("requests")]
            assert rules == [None, None, None, "every-third-of-a-batch"]
            await customer.advance("25h")
            assert customer.reported == [(f"852 6700000{number}", "DELIVERED") for number in (1, 2, 4, 5, 7)]
            assert await customer.balance() == "999.75 USD"

    run(story())
