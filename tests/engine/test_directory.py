"""The directory: which account a key belongs to.

Spec: AUTH_KEY. Reading: R2.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, AccountDirectory
from cloudsms_simulator.protocol.masking import fingerprint

SHOP = Account(name="shop", auth_key="shop-key")
BANK = Account(name="bank", auth_key="bank-key")
ANYBODY = Account(name="anybody", auth_key="*")


def test_an_account_is_found_by_its_whole_key_and_by_its_name() -> None:
    directory = AccountDirectory([SHOP, BANK])
    assert directory.find("bank-key") is BANK
    assert directory.named("shop") is SHOP
    assert list(directory) == [SHOP, BANK]


@pytest.mark.parametrize("key", ["", "shop-ke", "shop-key ", "SHOP-KEY", "shop-key\0", "*", "\ud800", "密钥"])
def test_a_key_that_is_not_exactly_an_accounts_finds_nobody(key: str) -> None:
    assert AccountDirectory([SHOP, BANK]).find(key) is None
    assert AccountDirectory([]).find(key) is None


@pytest.mark.parametrize("accounts", [[SHOP, ANYBODY], [ANYBODY, SHOP]])
def test_an_exact_key_beats_the_star_and_the_star_takes_the_rest(accounts: list[Account]) -> None:
    directory = AccountDirectory(accounts)
    assert directory.find("shop-key") is SHOP
    for key in ("bank-key", "*", "\udfff"):
        assert directory.find(key) is ANYBODY


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (Account(name="shop", auth_key="other"), 'accounts "shop" and "shop" have the same name'),
        (Account(name="other", auth_key="shop-key"), 'accounts "shop" and "other" have the same AUTH_KEY'),
    ],
)
def test_a_second_account_of_the_same_name_or_key_is_refused(second: Account, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AccountDirectory([SHOP, second])


def test_there_is_at_most_one_star() -> None:
    with pytest.raises(ValueError, match='"anybody" and "somebody" have the same AUTH_KEY'):
        AccountDirectory([ANYBODY, Account(name="somebody", auth_key="*")])


@given(st.sets(st.text(min_size=1), max_size=8), st.text())
def test_any_key_finds_its_own_account_and_no_other(keys: set[str], asked: str) -> None:
    keys.discard("*")
    directory = AccountDirectory(Account(name=f"account-{index}", auth_key=key) for index, key in enumerate(keys))
    found = directory.find(asked)
    assert (None if found is None else found.auth_key) == (asked if asked in keys else None)


def test_another_configuration_takes_the_place_of_an_account() -> None:
    directory = AccountDirectory([SHOP, ANYBODY])
    poorer, calmer = Account(name="shop", auth_key="shop-key", rate_limit=1), Account(name="anybody", auth_key="*")
    directory.replace(poorer)
    directory.replace(calmer)
    assert directory.named("shop") is directory.find("shop-key") is poorer
    assert directory.find("any other") is calmer
    assert list(directory) == [poorer, calmer]
    assert directory.current(SHOP) is poorer
    assert directory.current(BANK) is BANK


def test_the_key_of_an_account_cannot_be_replaced() -> None:
    directory = AccountDirectory([SHOP])
    with pytest.raises(ValueError, match='the AUTH_KEY of account "shop" cannot change'):
        directory.replace(Account(name="shop", auth_key="another"))
    with pytest.raises(KeyError):
        directory.replace(BANK)
    assert directory.find("shop-key") is SHOP


def test_an_account_that_is_added_is_found_and_one_that_is_removed_is_not() -> None:
    directory = AccountDirectory([SHOP])
    directory.add(BANK)
    assert (directory.find("bank-key"), list(directory)) == (BANK, [SHOP, BANK])
    assert directory.remove("bank") is BANK
    assert (directory.find("bank-key"), directory.named("bank"), list(directory)) == (None, None, [SHOP])
    directory.add(Account(name="bank", auth_key="another"))
    assert directory.find("another") is directory.named("bank")


def test_with_its_account_the_star_goes() -> None:
    directory = AccountDirectory([SHOP, ANYBODY])
    directory.remove("anybody")
    assert directory.find("whatever") is None
    directory.add(Account(name="somebody", auth_key="*"))
    assert directory.find("whatever") is directory.named("somebody")


def test_what_cannot_be_added_changes_nothing_and_what_is_not_there_cannot_be_removed() -> None:
    directory = AccountDirectory([SHOP])
    with pytest.raises(ValueError, match="have the same AUTH_KEY"):
        directory.add(Account(name="other", auth_key="shop-key"))
    with pytest.raises(KeyError):
        directory.remove("other")
    assert (directory.find("shop-key"), list(directory)) == (SHOP, [SHOP])


def test_the_accounts_may_change_while_somebody_goes_through_them() -> None:
    directory = AccountDirectory([SHOP, BANK])
    for account in directory:
        directory.remove(account.name)
    assert list(directory) == []


def test_the_key_of_an_account_that_is_gone_is_masked_like_any_other() -> None:
    directory = AccountDirectory([SHOP])
    body = b'{"AUTH_KEY":"shop-key"}'
    masked = directory.masked(body, SHOP, "shop-key")
    directory.remove("shop")
    assert directory.masked(body, SHOP, "shop-key") == masked != body


def test_the_keys_of_all_accounts_are_hidden_in_a_body_of_one() -> None:
    directory = AccountDirectory([SHOP, BANK, Account(name="short", auth_key="tiny")])
    body = b'{"AUTH_KEY":"shop-key","ROUTE_ID":"bank-key","A":"it is bank-key","B":"tiny","C":"tiny one"}'

    masked = directory.masked(body, SHOP, "shop-key")

    shop, bank, tiny = (fingerprint(key).encode() for key in ("shop-key", "bank-key", "tiny"))
    assert masked == (
        b'{"AUTH_KEY":"%b","ROUTE_ID":"%b","A":"it is %b","B":"%b","C":"tiny one"}' % (shop, bank, bank, tiny)
    )
    directory.remove("bank")
    assert b"bank-key" in directory.masked(body, SHOP, "shop-key")


def test_an_account_that_takes_any_key_hides_the_keys_of_others_too() -> None:
    directory = AccountDirectory([SHOP, ANYBODY])

    masked = directory.masked(b'{"AUTH_KEY":"whatever","A":"shop-key whatever"}', ANYBODY, "whatever")

    shop, own = fingerprint("shop-key").encode(), fingerprint("whatever").encode()
    assert masked == b'{"AUTH_KEY":"%b","A":"%b %b"}' % (own, shop, own)


def test_the_keys_that_are_hidden_are_those_of_the_accounts_there_are() -> None:
    directory = AccountDirectory([SHOP, ANYBODY, Account(name="of bank-key", auth_key="bank-key")])
    assert [key in directory.keys for key in ("shop-key", "*", "bank-key")] == [True, False, False]
    directory.replace_all([BANK])
    assert [key in directory.keys for key in ("shop-key", "bank-key")] == [False, True]
