"""The news: who listens is told what was kept, and nobody else. Reading: R16."""

import logging

import pytest

from cloudsms_simulator.engine.account import Account
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.engine.standing import Standing
from cloudsms_simulator.engine.transaction import Transaction
from cloudsms_simulator.protocol.sms_uid import UidSequence
from cloudsms_simulator.server.news import News
from cloudsms_simulator.server.wall import WallClock

SHOP, BANK = Account(name="shop", auth_key="a"), Account(name="bank", auth_key="b")


class Ear:
    """Notes what it hears; a deaf one fails."""

    def __init__(self, *, deaf: bool = False) -> None:
        self.heard: list[object] = []
        self._deaf = deaf

    def hear(self, account: Account | None, transaction: Transaction) -> None:
        if self._deaf:
            raise RuntimeError("deaf")
        self.heard.append(transaction)

    def hear_reset(self, account: Account | None) -> None:
        if self._deaf:
            raise RuntimeError("deaf")
        self.heard.append("reset")


def transaction(account: Account | None) -> Transaction:
    return Transaction(account, Standing(Clock.real(WallClock().now()), UidSequence(1), None), 1)


def test_a_listener_hears_of_its_account_alone() -> None:
    news, shop, nobody = News(), Ear(), Ear()
    news.listen("shop", shop)
    news.listen(None, nobody)
    of_shop, of_nobody = transaction(SHOP), transaction(None)
    for account, told in ((SHOP, of_shop), (BANK, transaction(BANK)), (None, of_nobody)):
        news.publish(account, told)
    news.reset(SHOP)
    news.reset(BANK)
    assert (shop.heard, nobody.heard) == ([of_shop, "reset"], [of_nobody])


def test_who_listens_to_all_hears_of_everybody_first_and_harms_nobody() -> None:
    news, everything, shop = News(), Ear(), Ear()
    news.listen_to_all(everything)
    news.listen("shop", shop)
    told = [transaction(SHOP), transaction(BANK), transaction(None)]
    for each in told:
        news.publish(each.account, each)
    assert (everything.heard, shop.heard) == (told, told[:1])


def test_a_listener_that_ceases_hears_nothing_more_and_the_others_do() -> None:
    news, one, other = News(), Ear(), Ear()
    news.listen("shop", one)
    news.listen("shop", other)
    news.cease("shop", one)
    news.cease("shop", one)
    news.publish(SHOP, transaction(SHOP))
    news.cease("shop", other)
    news.publish(SHOP, transaction(SHOP))
    assert (len(one.heard), len(other.heard)) == (0, 1)


def test_a_listener_that_fails_harms_nobody_and_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    news, well = News(), Ear()
    news.listen("shop", Ear(deaf=True))
    news.listen("shop", well)
    with caplog.at_level(logging.ERROR):
        news.publish(SHOP, transaction(SHOP))
        news.reset(SHOP)
    assert len(well.heard) == 2
    assert [record.exc_info is not None for record in caplog.records] == [True, True]
