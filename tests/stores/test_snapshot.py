"""What is kept of an account, taken out of one store and put into another; and accounts that go altogether."""

from datetime import timedelta

from cloudsms_simulator.engine.account import Account, AccountConfig, Callback
from cloudsms_simulator.engine.plan import plan_of, step

SECOND = timedelta(seconds=1)
PUSHED = Account(
    callback=Callback(url="http://127.0.0.1:59999/"),
    plan=plan_of(step(1, SECOND), step(2, 3 * SECOND)),
)
SHOP = Account(name="shop", auth_key="the shop's own key")


def test_what_is_planned_follows_from_messages_and_their_reports(keeper) -> None:
    keeping = keeper(PUSHED)
    start = keeping.now
    keeping.send(2)
    first, second = (message.uid for message in reversed(list(keeping.store.messages(PUSHED))))
    assert list(keeping.store.kept(PUSHED).wakes()) == [(start + SECOND, first), (start + SECOND, second)]
    keeping.let_happen(SECOND)
    assert list(keeping.store.kept(PUSHED).wakes()) == [(start + 3 * SECOND, first), (start + 3 * SECOND, second)]
    keeping.let_happen(2 * SECOND)
    assert list(keeping.store.kept(PUSHED).wakes()) == []


def test_what_was_kept_is_kept_in_another_store(keeper) -> None:
    one, other = keeper(PUSHED, SHOP), keeper(PUSHED, SHOP)
    one.send(3)
    one.let_happen(SECOND)
    one.send(1, SHOP)
    other.send(1)
    configs = (AccountConfig(account=PUSHED), AccountConfig(account=SHOP, made=True))
    everything = [(config, one.store.kept(config.account)) for config in configs]
    other.restore([*everything, (None, one.store.kept(None))], 2)
    assert [(other.store.config(each.account), other.store.kept(each.account)) for each in configs] == everything
    assert other.store.kept(None) == one.store.kept(None)
    assert list(other.store.directory) == [PUSHED, SHOP]
    assert other.read().request_id == 3
    other.now = one.now
    assert [push.uid for push in other.let_happen(2 * SECOND)] == [push.uid for push in one.let_happen(2 * SECOND)]
    assert other.store.kept(PUSHED) == one.store.kept(PUSHED)


def test_an_account_that_is_dropped_leaves_nothing_and_takes_nothing_of_others(keeper) -> None:
    keeping = keeper(PUSHED, SHOP, most_messages=3)
    keeping.send(2)
    keeping.send(1, SHOP)
    keeping.drop(PUSHED)
    assert (keeping.totals(PUSHED), keeping.totals(SHOP)) == ((0, 0, 0), (1, 1, 0))
    keeping.let_happen(10 * SECOND, SHOP)
    keeping.send(2, SHOP)
    assert keeping.evicted(SHOP) == (0, 0, 0), "what was dropped takes no room"
    keeping.drop(Account(name="nobody knows it", auth_key="x"))
