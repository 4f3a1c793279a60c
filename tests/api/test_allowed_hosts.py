"""The names of the admin port, and which pages are its own. Reading: R19."""

import pytest

from cloudsms_simulator.api.auth import LOOPBACK_HOSTS, AllowedHosts, host_without_port

NAMES = AllowedHosts({*LOOPBACK_HOSTS, "sms.example.com", "10.42.0.0/16", "fd00::/8", "*.sims.test"})


@pytest.mark.parametrize(
    "host",
    [
        "localhost:61816",
        "[::1]:61816",
        "SMS.example.com",
        "sms.example.com:443",
        "10.42.0.7:61816",
        "10.42.255.255",
        "[fd00::7]:61816",
        "one.sims.test:80",
    ],
)
def test_names_addresses_networks_and_a_label_are_known(host: str) -> None:
    assert host in NAMES


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.test",
        "example.com",
        "x.sms.example.com",
        "10.43.0.7",
        "[fe80::1]",
        "a.b.sims.test",
        "sims.test",
        ".sims.test",
        "*",
        "10.42.0.7.evil.test",
        "10.42.0.0/16",
        "localhost.",
    ],
)
def test_others_are_not(host: str) -> None:
    assert host not in NAMES


def test_a_star_is_any_host_and_still_only_its_own_pages() -> None:
    names = AllowedHosts({"localhost", "*"})
    assert "whatever.test:1" in names
    assert names.owns("http://whatever.test:1", "whatever.test:1")
    assert names.owns("https://whatever.test", "whatever.test")
    assert not names.owns("https://evil.test", "localhost:61816")
    assert not names.owns("http://evil.test", "whatever.test:1")


@pytest.mark.parametrize(
    ("origin", "host", "is_own"),
    [
        ("http://localhost:61816", "localhost:61816", True),
        ("https://localhost:61816", "localhost:61816", False),
        ("https://sms.example.com", "sms.example.com", True),
        ("https://sms.example.com", "sms.example.com:443", True),
        ("https://sms.example.com:8443", "sms.example.com:8443", True),
        ("https://sms.example.com", "10.42.0.7:61816", True),
        ("https://sms.example.com", "localhost:61816", True),
        ("https://sms.example.com:8443", "10.42.0.7:61816", False),
        ("https://10.42.0.8", "10.42.0.7:61816", False),
        ("https://one.sims.test", "two.sims.test", False),
        ("https://one.sims.test", "one.sims.test", True),
        ("http://sms.example.com", "10.42.0.7:61816", False),
        ("ftp://sms.example.com", "sms.example.com", False),
        ("https://sms.example.com.evil.test", "sms.example.com", False),
        ("null", "sms.example.com", False),
        ("", "sms.example.com", False),
    ],
)
def test_a_page_is_its_own_where_it_was_read_or_behind_a_proxy_that_ends_tls(
    origin: str, host: str, is_own: bool
) -> None:
    assert NAMES.owns(origin, host) is is_own


@pytest.mark.parametrize(
    ("host", "name"),
    [("A.b:1", "a.b"), ("[::1]", "::1"), ("[::1]:80", "::1"), ("::1", "::1"), ("", ""), (":80", ":80"), ("a:b", "a:b")],
)
def test_a_name_is_read_out_of_a_host(host: str, name: str) -> None:
    assert host_without_port(host) == name
