"""How a step of doctor is printed, on a terminal and elsewhere."""

import pytest

from cloudsms_simulator.cli.doctor_steps import DoctorStep, print_step

STEP = DoctorStep("tls", "wrong", "the server's certificate has expired: " + "x" * 30, "renew it, or trust anybody")


def test_where_nobody_looks_a_step_is_a_line_and_its_remedy_another(capsys: pytest.CaptureFixture[str]) -> None:
    print_step(STEP)
    print_step(DoctorStep("dns", "ok", "localhost is 127.0.0.1"))
    assert capsys.readouterr().out.splitlines() == [
        f"wrong  tls         the server's certificate has expired: {'x' * 30}",
        "       fix:        renew it, or trust anybody",
        "ok     dns         localhost is 127.0.0.1",
    ]


def test_on_a_terminal_it_is_wrapped_below_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloudsms_simulator.cli.doctor_steps.terminal_width", lambda: 60)
    print_step(STEP)
    assert capsys.readouterr().out.splitlines() == [
        "wrong  tls         the server's certificate has expired:",
        f"                   {'x' * 30}",
        "       fix:        renew it, or trust anybody",
    ]
