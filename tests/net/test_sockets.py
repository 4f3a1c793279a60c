"""Sockets that listen, and what users read when one cannot."""

import socket

import pytest

from cloudsms_simulator.net.sockets import ListenError, PortInUse, open_socket


def test_a_socket_listens_on_a_free_port_and_sends_small_answers_at_once() -> None:
    with open_socket("127.0.0.1", 0) as sock:
        host, port = sock.getsockname()
        assert (host, sock.proto, sock.getblocking()) == ("127.0.0.1", socket.IPPROTO_TCP, False)
        with socket.create_connection((host, port), timeout=5):
            pass


def test_a_name_with_addresses_of_both_kinds_gives_the_ipv4_one() -> None:
    with open_socket("localhost", 0) as sock:
        assert sock.family == socket.AF_INET


def test_a_port_that_was_just_left_can_be_taken_again() -> None:
    with open_socket("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port), timeout=5)
        sock.setblocking(True)
        sock.accept()[0].close()
        client.close()
    with open_socket("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


def test_a_port_in_use_names_the_setting_to_change() -> None:
    with open_socket("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            open_socket("127.0.0.1", port, setting="--admin-port")
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: the port is in use by another program; "
        "stop that program, or choose another with --admin-port (0 takes any free one)"
    )


@pytest.mark.parametrize(
    ("host", "port", "problem"),
    [
        ("192.0.2.1", 0, "this machine does not have that address"),
        ("no.such.host.invalid", 0, "nobody knows that host"),
        ("a" * 80, 0, "nobody knows that host"),
        ("127.0.0.1", 65536, "a port is a number from 0 to 65535"),
        ("127.0.0.1", -1, "a port is a number from 0 to 65535"),
    ],
)
def test_a_host_or_port_that_cannot_be_listened_on_is_explained(host: str, port: int, problem: str) -> None:
    with pytest.raises(ListenError) as caught:
        open_socket(host, port)
    assert caught.value.problem == problem
    assert str(caught.value) == f"cannot listen on {host}:{port}: {problem}; {caught.value.remedy}"


def test_an_ipv6_host_is_written_in_brackets() -> None:
    with pytest.raises(ListenError, match=r"^cannot listen on \[2001:db8::1\]:0: "):
        open_socket("2001:db8::1", 0)
