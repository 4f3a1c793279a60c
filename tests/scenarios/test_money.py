"""Scenarios of money: accepted, and rejected by report, without a cost.

Spec: SMS_STATE and RESULT_DESC. Reading: R8, R9.
"""

OK = 0x01
ONE, SINGAPORE = "852 67000011", "65 81234567"


def test_balance_runs_out_after_five_segments(run, play) -> None:
    async def story() -> None:
        async with play("balance-runs-out") as customer:
            assert await customer.balance() == "0.25 USD"
            long = await customer.send(ONE, SMS_CONTENT="x" * 161)
            rest = await customer.send(*(f"852 6700001{digit}" for digit in range(2, 7)))
            assert (long.code, rest.codes) == (OK, [OK] * 5)
            await customer.advance("3s")
            assert dict(customer.reported) == {
                ONE: "DELIVERED",
                "852 67000012": "DELIVERED",
                "852 67000013": "DELIVERED",
                "852 67000014": "DELIVERED",
                "852 67000015": "LOCAL_REJECTED",
                "852 67000016": "LOCAL_REJECTED",
            }
            messages = await customer.listing("messages")
            assert [each["cost"]["amount"] for each in messages] == ["0.10", "0.05", "0.05", "0.05", "0", "0"]
            assert messages[-1]["reason"] == "it costs 0.05 USD, and 0.00 is left"
            assert await customer.findings() == [[], ["local-rejected", "local-rejected"]]
            assert await customer.balance() == "0.00 USD"

    run(story())


def test_balance_runs_out_begins_anew_with_a_reset(run, play) -> None:
    async def story() -> None:
        async with play("balance-runs-out") as customer:
            for _ in range(6):
                await customer.send(ONE)
            await customer.reset()
            assert await customer.balance() == "0.25 USD"
            await customer.send(ONE)
            await customer.advance("3s")
            assert customer.reported == [(ONE, "DELIVERED")]

    run(story())


def test_local_rejected_rejects_for_each_of_four_reasons_and_charges_none(run, play) -> None:
    async def story() -> None:
        async with play("local-rejected") as customer:
            rejected = ["65 61234567", "65 8123456", "44 7700900123", "86 13800138000"]
            batch = await customer.send(*rejected, ONE, SINGAPORE)
            other = await customer.send(ONE, ROUTE_ID="Marketing_516")
            assert (batch.codes, other.codes) == ([OK] * 6, [OK])
            await customer.advance("1s")
            assert customer.reported == [(number, "LOCAL_REJECTED") for number in (*rejected, ONE)]
            await customer.advance("25h")
            assert customer.reported[5:] == [(ONE, "DELIVERED"), (SINGAPORE, "DELIVERED")]
            assert [each["reason"] for each in await customer.listing("messages")] == [
                "a Singapore number starts with 8 or 9, not 6",
                "a Singapore number has 8 digits, not 7",
                "country 44 is not among the account's directions",
                "it costs 5000.00 USD, and 1000.00 is left",
                None,
                None,
                '"Marketing_516" is not one of the account\'s routes',
            ]
            assert await customer.findings() == [["local-rejected"] * 4, ["route-unknown", "local-rejected"]]
            assert await customer.balance() == "999.90 USD"

    run(story())
