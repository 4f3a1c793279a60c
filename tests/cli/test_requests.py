"""What `requests` can do besides what all three can, against a server that runs."""

import json
import socket

from cloudsms_simulator.cli.process import ExitCode


def newest(shop, search: str = "", account: str | None = None) -> str:
    """The number of the newest request that fits."""
    return str(shop.api.of(account or shop.name).requests.page(search, limit=1).items[0].id)


def test_show_tells_what_came_what_is_wrong_and_the_answer_with_the_key_masked(shop) -> None:
    shop.send("67000011", "12ab", SMS_CONTENT="云")
    number = newest(shop)
    result = shop.run("requests", "show", number)
    assert result.exit_code == 0
    assert shop.auth_key not in result.stdout
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"request     {number}, uip, 20")
    assert f"account     {shop.name}" in lines
    [tls] = [line for line in lines if line.startswith("tls ")]
    assert tls.endswith(", certificate CN=CloudSMS customer,OU=Issued for tests,O=CloudSMS simulator")
    assert "outcome     0x01 OK, HTTP 200" in lines
    assert f"messages    {shop.api.messages.page().items[0].uid}" in lines
    [finding] = [each for each in shop.api.requests.show(int(number)).findings if each.rule == "msisdn-wrong"]
    found = lines.index(
        f'error       msisdn-wrong at $.MULTI_MSISDN_LIST[1].DEST_MSISDN: got "12ab", want {finding.want}'
    )
    assert lines[found + 1] == "            see Remark"
    assert '      "SMS_CONTENT": "\\u4e91",' in lines[lines.index("body") :]
    assert '      "RESULT_CODE": 1,' in lines[lines.index("answer") :]


def test_a_body_that_is_no_json_is_shown_as_it_came(shop) -> None:
    shop.post(b"{\nnot json\x07")
    lines = shop.run("requests", "show", newest(shop, account="*"), account="*").stdout.splitlines()
    assert lines[lines.index("body") + 1 : lines.index("answer")] == ["    {", "    not json\\u0007"]
    assert "account     none" in lines


def test_what_is_said_twice_in_a_body_is_shown_twice(shop) -> None:
    shop.post(b'{"A": 1.0, "A": 1e2}')
    lines = shop.run("requests", "show", newest(shop, account="*"), account="*").stdout.splitlines()
    assert lines[lines.index("body") + 2 : lines.index("body") + 4] == ['      "A": 1.0,', '      "A": 1e2']


def test_a_refused_handshake_says_what_mends_it(shop) -> None:
    port = int(shop.server.url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), 30) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
        peer = f'peer:"127.0.0.1:{sock.getsockname()[1]}"'
        while sock.recv(1000):
            pass
    [request] = shop.api.of("*").requests.wait(peer)
    lines = shop.run("requests", "show", str(request.id), account="*").stdout.splitlines()
    assert "outcome     plain-http" in lines
    assert any("let its URL begin with https://" in line for line in lines)
    assert "body" not in lines
    shown = shop.run("requests", "ls", peer, account="*").stdout
    assert "handshake  127.0.0.1:" in shown
    assert "plain-http  The client speaks plain HTTP to a TLS port" in shown


def test_faults_and_rules_are_told(shop) -> None:
    shop.api.rules.add({"id": "busy", "match": {"to": "852*"}, "scope": "packet", "reply": ["Busy"]})
    shop.send()
    lines = shop.run("requests", "show", newest(shop)).stdout.splitlines()
    assert "outcome     0x03 Busy, HTTP 200" in lines
    assert "rule        busy" in lines


def test_show_as_json_is_the_request(shop) -> None:
    shop.send()
    number = newest(shop)
    assert json.loads(shop.run("requests", "show", number, "--json").stdout)["id"] == int(number)


def test_a_request_of_somebody_else_is_told_where_it_is(shop) -> None:
    shop.post(b"[]")
    number = newest(shop, account="*")
    result = shop.run("requests", "show", number)
    assert (result.exit_code, "; --account '*' has it" in result.stderr) == (ExitCode.USAGE, True)
    assert shop.run("requests", "show", "first").exit_code == ExitCode.USAGE


def test_explain_tells_of_something_newer_that_belongs_to_nobody(shop) -> None:
    shop.send()
    explain = ("explain", "--account", shop.name)
    assert shop.run(*explain).stderr == ""
    shop.post(b"[]")
    number = newest(shop, account="*")
    told = f"request {number} came later and belongs to no account: explain {number} --account '*'\n"
    assert shop.run(*explain).stderr == told
    assert shop.run("explain", "--account", "*").stderr == ""


def test_ls_says_how_many_belong_to_nobody(shop) -> None:
    shop.send()
    shop.post(b"[]")
    result = shop.run("requests", "ls")
    assert result.stderr.endswith(" more belong to no account: cloudsms-simulator requests ls --account '*'\n")
    assert "1 message" in result.stdout
