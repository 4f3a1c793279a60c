"""Explanations, before a whole platform: they move nothing, and what they correct really passes. Reading: R24."""

import asyncio
import gzip
import ipaddress
import json
import shlex
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsms_simulator.engine.account import Account, Blacklist, Callback
from cloudsms_simulator.engine.records import Exchange
from cloudsms_simulator.engine.rules import CompiledRules, ReplyStep, Rule, RuleBook
from cloudsms_simulator.engine.transaction import Arrival, Reply, Transaction
from cloudsms_simulator.models.explanation import Explanation, FaultItem
from cloudsms_simulator.protocol.codes import ResultCode
from cloudsms_simulator.protocol.correction import KEY_PLACEHOLDER, REMEDIES
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.protocol.masking import fingerprint
from cloudsms_simulator.protocol.profile import OBSERVED
from cloudsms_simulator.services.explainer import Explainer, curl_line
from cloudsms_simulator.services.ready_file import Ready

READY = Ready("https://localhost:61815/dave/io", "http://localhost:61816", "a b/ca.pem", "c.pem", "k.pem", "", "", 1)
OUT = msgspec.UNSET
BUSY = CompiledRules(RuleBook(rules=(Rule(id="busy-once", replies=(ReplyStep(ResultCode.BUSY, times=1),)),)))


def to(country: object = 852, msisdn: object = "67000011") -> dict[str, object]:
    """A packet's only destination."""
    return {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": country, "DEST_MSISDN": msisdn}]}


class Desk:
    """A stage with somebody who explains."""

    def __init__(self, stage, account: Account | None = None) -> None:
        self.stage = stage(account or Account())
        self.account = self.stage.account
        self.explainer = Explainer(self.stage.platform, self.stage.store, self.stage.wall, lambda: READY)

    def packet(self, **changes: object) -> dict[str, object]:
        smallest = {
            "METHOD": "SMS_SEND_REQUEST",
            "TYPE": "REQUEST",
            "SERIAL": 7,
            "TIME": "2026-11-22 12:00:00",
            "AUTH_KEY": KEY_PLACEHOLDER,
            "ROUTE_ID": "VerifyCode_516",
            "MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}],
            "SMS_CONTENT": "Your code is 123345",
            "VERSION": "2021-01-01",
            "CUSTOMER_BODY": {},
        }
        return {name: value for name, value in (smallest | changes).items() if value is not OUT}

    def explain(self, body: bytes | None = None, **changes: object) -> Explanation:
        """What would happen to a body, or to a packet in order but for what is changed."""
        sent = msgspec.json.encode(self.packet(**changes)) if body is None else body
        return asyncio.run(self.explainer.explain_body(self.account, sent))

    def explain_kept(self, number: int, account: Account | None = None) -> Explanation:
        exchange = self.stage.store.exchange(account, number)
        assert isinstance(exchange, Exchange)
        return asyncio.run(self.explainer.explain_exchange(account, exchange, self.account))

    def send(self, body: bytes) -> Reply:
        """Sends a body, with the account's key in the place of what stands for it."""
        body = body.replace(KEY_PLACEHOLDER.encode(), self.account.auth_key.encode())

        async def story() -> Reply:
            identified = self.stage.platform.identify(body)
            judged = self.stage.platform.check(identified, body)

            def receive(transaction: Transaction) -> Reply:
                now = transaction.standing.clock.now(self.stage.wall.now())
                return self.stage.platform.receive(transaction, judged, Arrival(body), now)

            return await self.stage.store.step(identified.account, receive)

        return asyncio.run(story())

    def state(self) -> tuple[object, ...]:
        """Everything a send would change."""
        store = self.stage.store
        exchanges = tuple(store.exchanges(self.account)), tuple(store.exchanges(None))
        return store.standing(self.account), dict(store.tallies(self.account)), store.ledger(self.account), exchanges


@pytest.fixture
def desks(stage) -> Callable[..., Desk]:
    """Makes desks."""
    return lambda account=None: Desk(stage, account)


@pytest.fixture
def desk(desks: Callable[..., Desk]) -> Desk:
    return desks()


# rule, what the smallest packet is changed by, whose packet it is; the corrected packet passes
CORRECTED: list[tuple[str, dict[str, object], Account]] = [
    ("method-missing", {"METHOD": OUT}, Account()),
    ("uip-v2", {"uip_head": {}}, Account()),
    ("names-misspelt", {"METHOD": OUT, "method": "SMS_SEND_REQUEST"}, Account()),
    ("method-wrong", {"METHOD": "SMS_SEND"}, Account()),
    ("type-missing", {"TYPE": ""}, Account()),
    ("type-wrong", {"TYPE": 1}, Account()),
    ("serial-missing", {"SERIAL": None}, Account()),
    ("serial-wrong", {"SERIAL": 65536}, Account()),
    ("time-missing", {"TIME": ""}, Account()),
    ("time-wrong", {"TIME": "x" * 33}, Account()),
    ("auth-key-missing", {"AUTH_KEY": ""}, Account()),
    ("auth-key-wrong", {"AUTH_KEY": 123456789}, Account()),
    ("auth-key-unknown", {"AUTH_KEY": "nobody's key"}, Account()),
    ("version-missing", {"VERSION": OUT}, Account()),
    ("version-unknown", {"VERSION": "2.3"}, Account(profile=OBSERVED)),
    ("route-missing", {"ROUTE_ID": ""}, Account()),
    ("route-wrong", {"ROUTE_ID": 516}, Account(routes=frozenset({"b", "a"}))),
    ("route-unknown", {"ROUTE_ID": "elsewhere"}, Account()),
    ("route-is-auth-key", {"ROUTE_ID": KEY_PLACEHOLDER}, Account()),
    ("sender-wrong", {"ORIGINAL_ADDR": "云"}, Account()),
    ("signature-wrong", {"SIGNATURE": "S" * 65}, Account()),
    ("signature-type-wrong", {"SIGNATURE_TYPE": "3"}, Account()),
    ("priority-wrong", {"PRIORITY": -1}, Account()),
    ("repeat-wrong", {"REPEAT": "0"}, Account()),
    ("customer-body-wrong", {"CUSTOMER_BODY": "order-1"}, Account()),
    ("content-wrong", {"SMS_CONTENT": 123345}, Account()),
    ("content-too-long", {"SMS_CONTENT": "It’s " + "x" * 700}, Account()),
    ("list-wrong", {"MULTI_MSISDN_LIST": "+85267000011"}, Account()),
    ("list-is-object", {"MULTI_MSISDN_LIST": {"COUNTRY_CODE": 852, "DEST_MSISDN": "1"}}, Account()),
    ("list-is-json-text", {"MULTI_MSISDN_LIST": '[{"COUNTRY_CODE":852,"DEST_MSISDN":"1"}]'}, Account()),
    ("list-too-long", {"MULTI_MSISDN_LIST": [{"COUNTRY_CODE": 852, "DEST_MSISDN": "1"}] * 201}, Account()),
    ("destination-wrong", {"MULTI_MSISDN_LIST": ["+85267000011"]}, Account()),
    ("country-missing", to(None, "+85267000011"), Account()),
    ("country-wrong", to("852"), Account()),
    ("msisdn-wrong", to(852, 67000011), Account()),
    ("msisdn-plus", to(852, "+852 67000011"), Account()),
    ("msisdn-spaces", to(852, "6700 0011"), Account()),
    ("msisdn-other-digits", to(852, "６７００００１１"), Account()),
    ("msisdn-mainland", to(86, "8613800138000"), Account()),
]

# the same; only the sender, or the account, can mend it
LEFT: list[tuple[str, dict[str, object], Account]] = [
    ("polled-for-report", {"METHOD": "SMS_PUSH_REPORT"}, Account()),
    ("content-missing", {"SMS_CONTENT": ""}, Account()),
    ("content-wrong", {"SMS_CONTENT": []}, Account()),
    ("content-too-long", {"SMS_CONTENT": "x" * 1531}, Account()),
    ("list-missing", {"MULTI_MSISDN_LIST": []}, Account()),
    ("list-wrong", {"MULTI_MSISDN_LIST": 67000011}, Account()),
    ("destination-wrong", {"MULTI_MSISDN_LIST": ["67000011"]}, Account()),
    ("country-missing", to(None), Account()),
    ("country-wrong", to(999), Account()),
    ("msisdn-missing", to(852, ""), Account()),
    ("msisdn-wrong", to(852, "1" * 33), Account()),
    ("msisdn-placeholder", to(852, "67xxxx11"), Account()),
    ("msisdn-mainland", to(86, "1380013800"), Account()),
    ("blacklisted-number", {}, Account(blacklist=Blacklist(numbers=("852*",)))),
    ("blacklisted-word", {}, Account(blacklist=Blacklist(words=("code",)))),
    ("unpriced", {}, Account(prices={65: Decimal("0.05")})),
    ("rate-limited", {}, Account(rate_limit=0)),
    ("queue-full", {}, Account(pending_limit=0)),
    ("batch-refused", {"MULTI_MSISDN_LIST": [to()["MULTI_MSISDN_LIST"][0], to(852, "")["MULTI_MSISDN_LIST"][0]]},
     Account(profile=msgspec.structs.replace(Account().profile, mixed_batch="all_or_nothing"))),
    ("scripted-code", to(852, "67555103"), Account()),
    ("scripted-fault", to(852, "67555401"), Account()),
    ("local-rejected", to(65, "1"), Account()),
    ("local-rejected", {}, Account(balance=Decimal(0))),
]  # fmt: skip

# rule, how a body differs from the bytes of the packet, whether it can be corrected
BODIES: list[tuple[str, Callable[[bytes], bytes], bool]] = [
    ("body-empty", lambda _packet: b"", False),
    ("body-cut", lambda packet: packet[:-20], False),
    ("body-not-json", lambda packet: b"\xef\xbb\xbf" + packet, True),
    ("body-not-json", lambda packet: packet.replace(b'"', b"'"), False),
    ("body-trailing", lambda packet: packet + b";", True),
    ("body-empty-packet", lambda packet: b"[" + packet + b"]", True),
    ("body-empty-packet", lambda _packet: b"{}", False),
    ("body-compressed", lambda packet: gzip.compress(packet, mtime=0), False),
    ("body-is-form", lambda _packet: b"METHOD=SMS_SEND_REQUEST&TYPE=REQUEST", False),
]


def is_accepted(reply: Reply) -> bool:
    assert reply.body is not None
    answer = json.loads(reply.body)
    codes = {answer["RESULT_CODE"], *(item["RESULT_CODE"] for item in answer["DETAIL_LIST"])}
    return codes == {1}


@pytest.mark.parametrize(("rule", "changes", "account"), CORRECTED, ids=[row[0] for row in CORRECTED])
def test_a_corrected_packet_really_passes(
    desks: Callable[..., Desk], rule: str, changes: dict[str, object], account: Account
) -> None:
    desk = desks(account)
    explanation = desk.explain(**changes)
    correction = explanation.correction

    assert rule in {finding.rule for finding in explanation.findings}
    assert correction is not None
    assert (correction.passes, correction.uncorrected) == (True, ())
    assert correction.changes
    assert is_accepted(desk.send(bytes(correction.request)))
    assert all(message.reason is None for message in desk.stage.store.messages(account))


def test_a_packet_of_uip_v2_is_translated(desk: Desk) -> None:
    packet = {
        "uip_head": {
            "METHOD": "SMS_SEND_REQUEST",
            "SERIAL": 5,
            "CHANNEL": "VerifyCode_516",
            "AUTH_KEY": KEY_PLACEHOLDER,
        },
        "uip_body": {"SMS_CONTENT": "Hello", "DESTINATION_ADDR": ["+85267000011"]},
    }
    explanation = desk.explain(json.dumps(packet).encode())
    correction = explanation.correction

    assert [each.rule for each in explanation.findings] == ["uip-v2"]
    assert correction is not None
    assert (correction.passes, correction.uncorrected) == (True, ())
    made = json.loads(bytes(correction.request))
    assert (made["SERIAL"], made["ROUTE_ID"], made["SMS_CONTENT"]) == (5, "VerifyCode_516", "Hello")
    assert made["MULTI_MSISDN_LIST"] == [{"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}]
    assert not {"uip_head", "uip_body"} & set(made)
    assert is_accepted(desk.send(bytes(correction.request)))


@pytest.mark.parametrize("spelled", [str.lower, str.title, lambda name: name.title().replace("_", "")])
def test_names_in_another_case_are_one_finding_and_are_put_right(desk: Desk, spelled: Callable[[str], str]) -> None:
    packet = desk.packet()
    packet["MULTI_MSISDN_LIST"] = [{spelled("COUNTRY_CODE"): 852, spelled("DEST_MSISDN"): "67000011"}]
    explanation = desk.explain(json.dumps({spelled(name): value for name, value in packet.items()}).encode())
    correction = explanation.correction

    [finding] = explanation.findings
    assert finding.rule == "names-misspelt"
    assert finding.want == ", ".join((*packet, "COUNTRY_CODE", "DEST_MSISDN"))
    assert correction is not None
    assert (correction.passes, correction.uncorrected) == (True, ())
    assert list(json.loads(bytes(correction.request))) == list(packet)


def test_behind_names_in_another_case_the_packet_is_judged(desk: Desk) -> None:
    packet = {name.lower(): value for name, value in desk.packet(SERIAL=0, VERSION="1").items()}
    explanation = desk.explain(json.dumps(packet).encode())

    assert [each.rule for each in explanation.findings] == ["names-misspelt", "serial-wrong", "version-unknown"]


def test_what_asks_for_a_report_is_not_made_a_send(desk: Desk) -> None:
    explanation = desk.explain(SMS_UID="0" * 30, SMS_CONTENT=OUT, MULTI_MSISDN_LIST=OUT)
    correction = explanation.correction

    assert [each.rule for each in explanation.findings] == ["polled-for-report"]
    assert correction is not None
    assert (correction.request, [each.rule for each in correction.uncorrected]) == (
        msgspec.UNSET,
        ["polled-for-report"],
    )


@pytest.mark.parametrize(("rule", "changes", "account"), LEFT, ids=[row[0] for row in LEFT])
def test_what_cannot_be_corrected_by_itself_is_said(
    desks: Callable[..., Desk], rule: str, changes: dict[str, object], account: Account
) -> None:
    explanation = desks(account).explain(**changes)
    correction = explanation.correction

    assert rule in {finding.rule for finding in explanation.findings}
    assert correction is not None
    assert rule in {left.rule for left in correction.uncorrected}
    assert (correction.passes, correction.changes) == (False, ())


@pytest.mark.parametrize(("rule", "spoil", "passes"), BODIES)
def test_a_body_is_corrected_where_a_packet_is_in_it(
    desk: Desk, rule: str, spoil: Callable[[bytes], bytes], passes: bool
) -> None:
    explanation = desk.explain(spoil(msgspec.json.encode(desk.packet())))
    correction = explanation.correction

    assert explanation.findings[0].rule == rule
    assert correction is not None
    assert (correction.passes, correction.request is not msgspec.UNSET) == (passes, passes)
    if passes:
        assert is_accepted(desk.send(bytes(correction.request)))
    else:
        assert [left.rule for left in correction.uncorrected] == [rule]


def test_every_rule_that_refuses_a_packet_is_in_a_table_here() -> None:
    here = {row[0] for row in (*CORRECTED, *LEFT, *BODIES)}
    of_the_line = {
        "body-too-large", "body-unfinished", "head-unfinished", "path-wrong", "http-method-wrong", "not-http",
        "handshake-refused", "source-not-whitelisted", "unknown-error", "store-failed", "surplus-bytes",
    }  # fmt: skip
    refusing = {
        rule.id
        for rule in FINDING_RULES.values()
        if rule.severity == "error" and not rule.id.startswith(("push-", "dr-"))
    }
    unmended = {rule.id for rule in FINDING_RULES.values() if rule.no_remedy or rule.not_in_packet}
    assert here == (refusing | set(REMEDIES) | unmended) - of_the_line


def test_a_dry_run_moves_nothing(desks: Callable[..., Desk]) -> None:
    desk = desks(Account(rate_limit=2, rules=BUSY))
    before = desk.state()
    explanations = [desk.explain(), desk.explain(), desk.explain(), desk.explain(b"")]

    assert [each.code.name for each in explanations if each.code] == ["Busy", "Busy", "Busy", "Empty_data"]
    assert desk.state() == before
    desk.send(msgspec.json.encode(desk.packet()))
    assert desk.explain().code.name == "OK"


def test_a_dry_run_tells_what_the_next_request_gets(desks: Callable[..., Desk], noon: datetime) -> None:
    desk = desks(Account(callback=Callback(url="http://127.0.0.1:59999/")))
    explanation = desk.explain(SMS_CONTENT="It’s 123345", **to(852, "67555303"))
    (destination,) = explanation.destinations

    assert (explanation.request_id, explanation.correction, explanation.summary) == (None, None, "1 accepted")
    assert (explanation.text.dcs, explanation.text.forced_by.character) == (8, "’")
    assert str(explanation.total) == "USD 0.05"
    assert destination.charge.line == "1 x USD 0.05 = USD 0.05; balance USD 1000.00, then USD 999.95"
    assert [(each.state_name, each.push_at - noon) for each in destination.reports] == [
        ("ENROUTE", timedelta(seconds=1)),
        ("DELIVERED", timedelta(seconds=2)),
    ]
    reply = desk.send(msgspec.json.encode(desk.packet(SMS_CONTENT="It’s 123345", **to(852, "67555303"))))
    assert json.loads(reply.body)["DETAIL_LIST"][0]["SMS_UID"] == destination.uid


def test_a_kept_exchange_is_told_as_it_was(desk: Desk) -> None:
    desk.send(msgspec.json.encode(desk.packet()))
    as_it_was = desk.explain_kept(1, desk.account)
    desk.send(msgspec.json.encode(desk.packet(SMS_CONTENT="Another")))

    assert desk.explain_kept(1, desk.account) == as_it_was
    assert (as_it_was.request_id, as_it_was.account, as_it_was.code.name) == (1, "default", "OK")
    assert as_it_was.destinations[0].charge.line.endswith("balance USD 1000.00, then USD 999.95")


def test_a_kept_exchange_has_the_suspicions_of_what_came_around_it(desk: Desk) -> None:
    for _ in range(2):
        desk.send(msgspec.json.encode(desk.packet(VERSION="1")))

    assert [desk.explain_kept(each, desk.account).findings[-1].rule for each in (1, 2)] == [
        "version-unknown",
        "resent-unchanged",
    ]


def test_what_a_limit_refused_needs_no_change(desks: Callable[..., Desk]) -> None:
    desk = desks(Account(rules=BUSY))
    desk.send(msgspec.json.encode(desk.packet()))
    correction = desk.explain_kept(1, desk.account).correction

    assert (correction.changes, correction.uncorrected, correction.passes) == ((), (), True)


def test_a_kept_exchange_of_nobody_is_corrected_for_an_account(desk: Desk) -> None:
    desk.send(msgspec.json.encode(desk.packet(AUTH_KEY="nobody's key")))
    explanation = desk.explain_kept(1)

    assert (explanation.account, explanation.decided_by.name) == (None, "auth-key-unknown")
    assert [change.path for change in explanation.correction.changes] == ["$.AUTH_KEY"]
    assert is_accepted(desk.send(bytes(explanation.correction.request)))


def test_a_batch_shows_each_destination(desks: Callable[..., Desk]) -> None:
    desk = desks(Account(profile=msgspec.structs.replace(OBSERVED, unpriced="sync"), prices={852: Decimal("0.05")}))
    both = [{"COUNTRY_CODE": 65, "DEST_MSISDN": "81234567"}, {"COUNTRY_CODE": 852, "DEST_MSISDN": "67000011"}]
    explanation = desk.explain(MULTI_MSISDN_LIST=both)

    assert explanation.summary == "1 accepted, 1 refused"
    assert [(each.index, each.to, each.code.name) for each in explanation.destinations] == [
        (0, "6581234567", "Unpriced_area"),
        (1, "85267000011", "OK"),
    ]
    assert [each.decided_by.by for each in explanation.destinations] == ["account", "default"]
    assert (explanation.text.price, explanation.correction.passes) == (None, False)


def test_a_packet_that_is_refused_whole_tells_each_destination_why(desk: Desk) -> None:
    (destination,) = desk.explain(VERSION="1").destinations
    assert (destination.code.name, destination.decided_by.name, destination.charge, destination.reports) == (
        "Invalid_Version",
        "version-unknown",
        None,
        (),
    )


@pytest.mark.parametrize(
    ("msisdn", "fault", "code"),
    [
        ("67555401", FaultItem("CONNECTION_RESET_BY_PEER", "magic 555401", 0.0, False), None),
        ("67555405", FaultItem("PROCESSED_NO_ANSWER", "magic 555405", 0.0, True), "OK"),
    ],
)
def test_a_fault_is_told_with_what_comes_of_the_request(
    desk: Desk, msisdn: str, fault: FaultItem, code: str | None
) -> None:
    explanation = desk.explain(**to(852, msisdn))
    assert (explanation.fault, explanation.code and explanation.code.name) == (fault, code)
    assert len(explanation.destinations) == (0 if code is None else 1)
    desk.send(msgspec.json.encode(desk.packet(**to(852, msisdn))))
    kept = desk.explain_kept(1, desk.account)
    assert kept.fault == FaultItem(fault.fault, fault.rule, None, None)
    assert "scripted-fault" in {left.rule for left in kept.correction.uncorrected}


def test_an_address_that_is_not_expected_is_turned_away_by_the_account_or_by_the_server(
    desks: Callable[..., Desk],
) -> None:
    desk = desks(Account(whitelist=(ipaddress.ip_network("10.0.0.0/8"),)))
    here, body = desk.stage, msgspec.json.encode(desk.packet())
    explainer = Explainer(here.platform, here.store, here.wall, lambda: READY, lambda host: host != "10.0.0.66")

    def ask(peer: str | None) -> Explanation:
        before = desk.state()
        told = asyncio.run(explainer.explain_body(desk.account, body, peer))
        assert desk.state() == before
        return told

    for peer in (None, "10.0.0.7"):
        assert (ask(peer).code.name, ask(peer).correction) == ("OK", None)
    for peer, whose, account in (("11.0.0.1", "account's", "default"), ("10.0.0.66", "server's", None)):
        told = ask(peer)
        assert (told.kind, told.code, told.account, told.destinations) == ("closed", None, account, ())
        assert told.summary == (
            f"no answer, because of account source-not-whitelisted: connection: got {peer}, "
            f"want an address on the {whose} whitelist"
        )
        assert [left.rule for left in told.correction.uncorrected] == ["source-not-whitelisted"]
        assert (told.correction.curl, told.correction.passes) == (None, False)


def test_what_was_no_packet_is_explained_by_its_finding(desk: Desk, noon: datetime) -> None:
    from cloudsms_simulator.protocol.findings import Told, found

    finding = found("path-wrong", "path", Told("POST /sms"), "/dave/io")
    exchange = Exchange(9, None, "http", noon, None, (), 404, None, b"", b"{}", (finding,))
    explanation = asyncio.run(desk.explainer.explain_exchange(None, exchange, desk.account))

    assert explanation.summary == "HTTP 404, because of transport path-wrong: path: got POST /sms, want /dave/io"
    assert [left.rule for left in explanation.correction.uncorrected] == ["path-wrong"]
    assert (explanation.correction.request, explanation.correction.curl) == (msgspec.UNSET, None)


@pytest.mark.parametrize("stand_in", [KEY_PLACEHOLDER, "its fingerprint", "the key"])
def test_the_key_is_told_nowhere_however_it_was_said(desk: Desk, stand_in: str) -> None:
    key = desk.account.auth_key
    said = {"its fingerprint": fingerprint(key), "the key": key}.get(stand_in, stand_in)
    for changes in ({}, {"ROUTE_ID": said}, {"SERIAL": 0, "SMS_CONTENT": f"my key: {key}"}, {"SENDER_ID": key}):
        explanation = desk.explain(**({"AUTH_KEY": said} | changes))
        assert explanation.account == "default"
        assert key.encode() not in msgspec.json.encode(explanation)


def test_an_account_of_any_key_takes_what_stands_for_one(desks: Callable[..., Desk]) -> None:
    desk = desks(Account(auth_key="*", routes=frozenset({"*"})))
    assert (desk.explain().code.name, desk.account.route_at_hand) == ("OK", "VerifyCode_516")


def test_an_exchange_is_a_line_for_a_shell_that_sends_what_came_with_the_key_of_its_account(desk: Desk) -> None:
    body = json.dumps(desk.packet(SMS_CONTENT="It's 100% `yours` $HOME", ROUTE_ID=KEY_PLACEHOLDER), indent=1)
    desk.send(body.encode())
    exchange = desk.stage.store.exchange(desk.account, 1)
    line = desk.explainer.curl(desk.account, exchange)
    assert desk.account.auth_key not in line
    printed = subprocess.run(
        ["sh", "-c", line.replace("curl", "printf '%s\\n'", 1)],
        env={"CLOUDSMS_AUTH_KEY": "the key"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.partition("--data-binary\n")[2] == body.replace(KEY_PLACEHOLDER, "the key") + "\n"


@pytest.mark.parametrize("body", [b"\xff", b"{\0}"])
def test_what_is_no_text_is_no_line_for_a_shell(desk: Desk, body: bytes) -> None:
    desk.send(body)
    assert desk.explainer.curl(None, desk.stage.store.exchange(None, 1)) is None


def test_an_explanation_travels_as_json(desk: Desk) -> None:
    for explanation in (desk.explain(), desk.explain(SERIAL=0), desk.explain(b"")):
        body = msgspec.json.encode(explanation)
        assert msgspec.json.encode(msgspec.json.decode(body, type=Explanation)) == body


def test_a_curl_line_is_words_for_a_shell_with_the_keys_variable() -> None:
    body = json.dumps(
        {"SERIAL": 1, "AUTH_KEY": KEY_PLACEHOLDER, "SMS_CONTENT": "it's $5"}, separators=(",", ":")
    ).encode()
    line = curl_line(READY, body)

    assert '"AUTH_KEY":"\'"$CLOUDSMS_AUTH_KEY"\'"' in line
    assert shlex.split(line) == [
        *("curl", "--cacert", "a b/ca.pem", "--cert", "c.pem", "--key", "k.pem", READY.url),
        *("-H", "Content-Type: application/json", "--data-binary", body.decode()),
    ]
    plain = msgspec.structs.replace(READY, url="http://localhost:1/dave/io")
    assert shlex.split(curl_line(plain, body))[1] == plain.url


@pytest.mark.parametrize(("routes", "route"), [({"b", "a"}, "a"), ({"x", "VerifyCode_516"}, "VerifyCode_516")])
def test_a_route_is_one_of_the_accounts(routes: set[str], route: str) -> None:
    assert Account(routes=frozenset(routes)).route_at_hand == route


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(exclude_categories=["Cs"])),
        st.sampled_from(["852", "+852 6700 0011", "{}", "[]", "67555103", "'", "$", "7", "００"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["COUNTRY_CODE", "DEST_MSISDN", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["SERIAL", "TIME", "AUTH_KEY", "ROUTE_ID", "MULTI_MSISDN_LIST", "SMS_CONTENT", "VERSION", "CUSTOMER_BODY"]
FIELDS += ["SIGNATURE", "SIGNATURE_TYPE", "PRIORITY", "REPEAT", "ORIGINAL_ADDR", "METHOD", "uip_head", "SENDER_ID"]


@given(changes=st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=4))
def test_whatever_a_packet_holds_it_is_explained_and_what_is_said_to_pass_passes(
    stage, changes: dict[str, object]
) -> None:
    desk = Desk(stage)
    explanation = desk.explain(json.dumps(desk.packet(**changes)).encode())
    correction = explanation.correction

    if correction is None:
        assert is_accepted(desk.send(json.dumps(desk.packet(**changes)).encode()))
    elif correction.passes:
        assert correction.uncorrected == ()
        assert is_accepted(desk.send(bytes(correction.request)))
    else:
        assert correction.uncorrected


@given(body=st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_body_is_it_is_explained(stage, body: bytes) -> None:
    explanation = Desk(stage).explain(body)
    assert explanation.correction is not None
    assert explanation.correction.uncorrected
