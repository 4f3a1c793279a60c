"""`account` against a server that runs."""

import csv
import io
import json

import pytest

from cloudsms_simulator.cli.process import ExitCode


def test_create_prints_the_whole_key_this_once_and_it_opens_the_account(shop) -> None:
    result = shop.run("account", "create", f"name={shop.name}-b", "balance=1.50", "clock=frozen")
    assert result.exit_code == 0
    shown = dict(line.split(maxsplit=1) for line in result.stdout.splitlines() if not line.startswith(" "))
    assert (shown["name"], shown["balance"]) == (f"{shop.name}-b", "USD 1.50, credit limit USD 0")
    assert shop.send(AUTH_KEY=shown["auth_key"])["RESULT_CODE"] == 1
    later = shop.run("account", "show", f"{shop.name}-b")
    assert shown["auth_key"] not in later.stdout
    assert "auth_key    key-" in later.stdout
    assert shop.run("account", "delete", f"{shop.name}-b").stdout == f"{shop.name}-b is deleted\n"
    assert shop.run("account", "show", f"{shop.name}-b").exit_code == ExitCode.USAGE


def test_create_and_delete_speak_json(shop) -> None:
    made = json.loads(shop.run("account", "create", "--json").stdout)
    assert len(made["auth_key"]) == 88
    assert json.loads(shop.run("account", "delete", made["name"], "--json").stdout) == {"deleted": made["name"]}


def test_ls_has_a_row_for_each(shop) -> None:
    lines = shop.run("account", "ls").stdout.splitlines()
    assert lines[0].split() == ["TIME", "NAME", "AUTH_KEY", "BALANCE", "OUTSTANDING", "CALLBACK"]
    [row] = [line for line in lines if f"  {shop.name} " in line]
    assert row.split()[4:] == ["USD", "1000.00", "0", "none"]
    names = [item["name"] for item in json.loads(shop.run("account", "ls", "--json").stdout)["items"]]
    assert {"default", shop.name} <= set(names)


def test_show_is_of_the_account_default_unless_said(shop) -> None:
    assert shop.run("account", "show").stdout.startswith("name        default\n")
    assert json.loads(shop.run("account", "show", shop.name, "--json").stdout)["name"] == shop.name


def test_set_changes_and_reset_takes_it_back(shop) -> None:
    said = (
        "callback.url=https://localhost:1/",
        'callback.retries=["1s"]',
        "callback.verify=false",
        "directions=[852,65]",
    )
    lines = shop.run("account", "set", shop.name, *said).stdout.splitlines()
    assert lines[5] == "directions  65, 852"
    assert lines[7:10] == [
        "callback    https://localhost:1/",
        "            retries after 1 s",
        "            verify off: any certificate is good",
    ]
    changed = json.loads(shop.run("account", "set", shop.name, "callback=null", "--json").stdout)
    assert changed["callback"]["url"] is None
    lines = shop.run("account", "reset", shop.name).stdout.splitlines()
    assert lines[5:8] == ["directions  all", "sender      CloudSMS", "callback    none: reports are pushed nowhere"]


def test_what_cannot_be_set_is_told_in_the_servers_words(shop) -> None:
    result = shop.run("account", "set", shop.name, "balnce=1", "colour=red")
    assert (result.exit_code, result.stderr.splitlines()) == (
        ExitCode.USAGE,
        [
            "Error: 2 things are wrong:",
            '  body: unknown key "balnce"; did you mean "balance"?',
            '  body: unknown key "colour"',
        ],
    )
    result = shop.run("account", "delete", "default")
    assert (result.exit_code, "is one of the configuration" in result.stderr) == (ExitCode.FAILED, True)


def test_credit_and_what_moved(shop) -> None:
    result = shop.run("account", "credit", shop.name, "5.5")
    assert result.stdout == f"USD 5.5 put on {shop.name}; balance USD 1005.50\n"
    uid = shop.uid("67000011")
    assert json.loads(shop.run("account", "credit", shop.name, "1", "USD", "--json").stdout)["reason"] == "credit"
    lines = shop.run("account", "ledger", shop.name).stdout.splitlines()
    assert lines[0].split() == ["TIME", "UID", "REASON", "AMOUNT", "BALANCE"]
    assert [line.split()[2:] for line in lines[1:]] == [
        ["opening", "USD", "1000.00", "USD", "1000.00"],
        ["credit", "USD", "5.5", "USD", "1005.50"],
        [uid, "debit", "USD", "-0.05", "USD", "1005.45"],
        ["credit", "USD", "1", "USD", "1006.45"],
    ]
    table = list(csv.reader(io.StringIO(shop.run("account", "ledger", shop.name, "--csv").stdout)))
    assert table[0] == ["at", "uid", "reason", "amount", "currency", "balance_after"]
    assert table[3][1:] == [uid, "debit", "-0.05", "USD", "1005.45"]
    items = json.loads(shop.run("account", "ledger", shop.name, "--json").stdout)["items"]
    assert [item["reason"] for item in items] == ["opening", "credit", "debit", "credit"]


def test_an_unlimited_balance_never_moves(open_shop) -> None:
    shop = open_shop(balance="unlimited")
    result = shop.run("account", "ledger", shop.name)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "nothing moved\n")


@pytest.mark.parametrize(
    "args",
    [["set"], ["set", "shop"], ["set", "shop", "x"], ["credit", "shop"], ["ledger", "--csv", "--json"], ["nope"]],
)
def test_wrong_usage_ends_2(shop, args: list[str]) -> None:
    assert shop.run("account", *args).exit_code == ExitCode.USAGE


@pytest.mark.parametrize("args", [["ls"], ["show"], ["create"], ["reset", "x"], ["ledger"]])
def test_nobody_there_ends_3(shop, unused_url: str, args: list[str]) -> None:
    result = shop.run("account", *args, "--admin-url", unused_url)
    assert (result.exit_code, result.stdout) == (ExitCode.UNREACHABLE, "")
