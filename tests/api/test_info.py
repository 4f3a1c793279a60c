"""What a server tells of itself."""

import re
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from cloudsms_simulator.api.server import InfoHandlers
from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.engine.clock import Clock
from cloudsms_simulator.models.server import Info, Ports
from cloudsms_simulator.net.certificates import open_certificates
from cloudsms_simulator.protocol.findings import FINDING_RULES
from cloudsms_simulator.services.info import all_readings, certs_of, in_container, info_of, readings_file
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.stores.memory import MemoryStore

READY = Ready("https://127.0.0.1:1/dave/io", "http://127.0.0.1:2", "ca", "cert", "key", "the key", "route", 1)


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    files = open_certificates(tmp_path)

    def info(features: tuple[str, ...]) -> Info:
        settings = Settings(clock=3600.0, whitelist=(ip_network("10.0.0.0/8"),))
        store = MemoryStore(lambda _account: Clock.real(datetime.now(UTC)), lambda: 1)
        return info_of(settings, 42, "flaky", READY, Ports(1, 2), features, store)

    facts = InfoHandlers(info, lambda: certs_of(files))
    routes = [Route(f"/api/v1/{name}", getattr(facts, name)) for name in ("info", "readings", "certs")]
    return TestClient(Starlette(routes=[Route("/livez", facts.info), *routes]))


def test_a_server_tells_what_it_is_and_no_key(client: TestClient) -> None:
    answer = client.get("/api/v1/info")
    assert "the key" not in answer.text
    info = answer.json()
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+|unknown", info.pop("version"))
    assert info.pop("container") is in_container()
    assert info == {
        "profile": "spec",
        "plain": False,
        "mtls": "optional",
        "ports": {"platform": 1, "admin": 2},
        "urls": {"platform": READY.url, "admin": READY.admin_url},
        "clock": 3600.0,
        "seed": 42,
        "scenario": "flaky",
        "limits": {
            "body_octets": 1024 * 1024,
            "body_timeout_s": 30.0,
            "keep_alive_s": 240.0,
            "destinations": 200,
            "segments": 10,
            "journal_messages": 10_000,
            "journal_bytes": 64 * 1024 * 1024,
        },
        "features": ["certs", "info", "readings"],
        "whitelist": ["10.0.0.0/8"],
        "store": {
            "kind": "memory",
            "octets": 0,
            "turns": None,
            "steps": None,
            "turn_seconds": None,
            "failures": None,
            "trouble": None,
        },
    }


def test_the_certificates_are_those_of_the_folder(client: TestClient, tmp_path: Path) -> None:
    assert client.get("/api/v1/certs").json() == {
        "ca_pem": (tmp_path / "ca.pem").read_text(),
        "client_cert_pem": (tmp_path / "customer.pem").read_text(),
        "client_key_pem": (tmp_path / "customer-key.pem").read_text(),
    }


def test_every_reading_and_every_rule_is_told(client: TestClient) -> None:
    told = client.get("/api/v1/readings").json()
    assert [rule["id"] for rule in told["rules"]] == list(FINDING_RULES)
    assert all(rule.keys() == {"id", "severity", "heading", "summary"} for rule in told["rules"])
    numbers = [reading["id"] for reading in told["readings"]]
    assert numbers == [f"R{number}" for number in range(1, len(numbers) + 1)]
    by_id = {reading["id"]: reading for reading in told["readings"]}
    assert by_id["R2"]["title"] == "Which account"
    assert by_id["R2"]["text"].startswith("A readable, known AUTH_KEY selects the account")
    assert by_id["R6"]["text"].startswith("Lengths are octets of UTF-8.")
    assert by_id["R20"]["title"] == "Findings"
    assert "body-empty" not in by_id["R20"]["text"]


def test_no_reading_of_the_file_is_missed() -> None:
    path = readings_file()
    assert path is not None
    written = set(re.findall(r"^\*\*(R[0-9]+)", path.read_text(encoding="utf-8"), re.MULTILINE))
    found = all_readings()
    assert {reading.id for reading in found} == written
    assert all(reading.title and reading.text for reading in found)


@pytest.mark.parametrize(("mark", "inside"), [("/.dockerenv", True), ("/run/.containerenv", True), ("/etc", False)])
def test_a_container_is_known_by_its_marks(mark: str, inside: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setattr(Path, "exists", lambda path: str(path) == mark)
    assert in_container() is inside


def test_a_container_is_known_by_the_variable_of_kubernetes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert in_container()
