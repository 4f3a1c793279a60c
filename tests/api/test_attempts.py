"""Attempts: who tried too many wrong tokens waits, and nobody else. Reading: R19."""

import pytest

from cloudsms_simulator.api.auth import MAX_ADDRESSES, RATE_OVERALL, RATE_PER_ADDRESS, AttemptLimiter


class Time:
    def __init__(self) -> None:
        self.now = 5000.0

    def __call__(self) -> float:
        return self.now


def test_a_few_are_free_and_then_one_in_a_while() -> None:
    time = Time()
    attempts = AttemptLimiter(time)
    for _ in range(RATE_PER_ADDRESS.at_once):
        assert attempts.wait("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
    assert attempts.wait("192.0.2.1") == pytest.approx(12)
    time.now += 11
    assert attempts.wait("192.0.2.1") == pytest.approx(1)
    time.now += 1
    assert attempts.wait("192.0.2.1") == pytest.approx(0, abs=1e-6)
    attempts.failed("192.0.2.1")
    assert attempts.wait("192.0.2.1") == pytest.approx(12)
    time.now += RATE_PER_ADDRESS.at_once * RATE_PER_ADDRESS.seconds
    assert attempts.wait("192.0.2.1") == 0


def test_another_address_does_not_wait_until_there_were_too_many_of_all() -> None:
    attempts = AttemptLimiter(Time())
    for number in range(RATE_OVERALL.at_once):
        assert attempts.wait("198.51.100.1") == 0
        attempts.failed(f"192.0.2.{number}")
    assert attempts.wait("198.51.100.1") == pytest.approx(1.2)


def test_the_addresses_of_one_ipv6_network_are_one() -> None:
    attempts = AttemptLimiter(Time())
    for number in range(RATE_PER_ADDRESS.at_once):
        attempts.failed(f"2001:db8::{number}")
    assert attempts.wait("2001:db8::ffff") > 0
    assert attempts.wait("2001:db8:0:1::1") == 0


def test_no_more_than_so_many_addresses_are_remembered() -> None:
    time = Time()
    attempts = AttemptLimiter(time)
    for number in range(3 * MAX_ADDRESSES):
        time.now += 60
        for _ in range(RATE_PER_ADDRESS.at_once):
            attempts.failed(f"10.0.{number // 250}.{number % 250}")
    assert len(attempts._each) == MAX_ADDRESSES
    assert attempts.wait("10.0.0.0") == 0
    last = 3 * MAX_ADDRESSES - 1
    assert attempts.wait(f"10.0.{last // 250}.{last % 250}") > 0
