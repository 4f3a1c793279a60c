"""What a running server is, for who asks it over the API: version, ports, limits, certificates, and the readings.

A reading says where the specification is silent or contradicts itself, and what the simulator does there; they are
read from READINGS.md, which ships with the package.

Spec: CloudSMS Platform Server.
"""

import os
import re
from functools import cache
from pathlib import Path

from cloudsms_simulator.config.settings import Settings
from cloudsms_simulator.expressions import lazy_pattern
from cloudsms_simulator.models.server import Certs, Info, Limits, Ports, Reading, StoreInfo, Urls
from cloudsms_simulator.net.certificates import CertificateFiles
from cloudsms_simulator.protocol.packet import MOST_DESTINATIONS, MOST_SEGMENTS
from cloudsms_simulator.services.ready_file import Ready
from cloudsms_simulator.stores.store import Store


def info_of(
    settings: Settings,
    seed: int,
    scenario: str | None,
    ready: Ready,
    ports: Ports,
    features: tuple[str, ...],
    store: Store,
) -> Info:
    """What a server is."""
    return Info(
        version=own_version(),
        profile=settings.profile,
        plain=settings.plain,
        mtls=settings.mtls,
        ports=ports,
        urls=Urls(ready.url, ready.admin_url),
        clock=settings.clock,
        seed=seed,
        scenario=scenario,
        limits=Limits(
            settings.body_limit,
            settings.body_timeout.total_seconds(),
            settings.keep_alive.total_seconds(),
            MOST_DESTINATIONS,
            MOST_SEGMENTS,
            settings.journal_messages,
            settings.journal_bytes,
        ),
        features=features,
        whitelist=tuple(map(str, settings.whitelist)),
        container=in_container(),
        store=store_info(store),
    )


def store_info(store: Store) -> StoreInfo:
    """Where everything is kept."""
    facts = store.database_facts
    if facts is None:
        return StoreInfo("memory", store.octets)
    mean = facts.seconds / facts.turns if facts.turns else None
    return StoreInfo(facts.kind, facts.octets, facts.turns, facts.steps, mean, facts.failures, facts.trouble)


def in_container() -> bool:
    """Whether this process runs in a container, as far as Docker, Podman and Kubernetes let it know."""
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return "KUBERNETES_SERVICE_HOST" in os.environ or any(mark.exists() for mark in marks)


def certs_of(files: CertificateFiles) -> Certs:
    """The customer's PEM, as the files hold it by now. OSError when one is gone."""
    return Certs(
        ca_pem=files.ca.read_text(encoding="ascii"),
        client_cert_pem=files.customer_cert.read_text(encoding="ascii"),
        client_key_pem=files.customer_key.read_text(encoding="ascii"),
    )


def own_version() -> str:
    """The version of this program; `unknown` when it is not installed."""
    # Takes 7 ms to import, and only who asks wants it.
    from importlib import metadata

    try:
        return metadata.version("cloudsms-simulator")
    except metadata.PackageNotFoundError:
        return "unknown"


_PACKAGE = Path(__file__).parents[1]
_NAME = "READINGS.md"
_READING = lazy_pattern(
    r"^(?:## (?P<heading>[^\n]+)"
    r"|\*\*(?P<id>R[0-9]+)(?: (?P<title>[^*]+))?\*\*(?P<text>.*?)(?=^\*\*R|^## |^\| rule|\Z))",
    re.MULTILINE | re.DOTALL,
)


def all_readings() -> tuple[Reading, ...]:
    """Every reading, in the order of their numbers; none when the file is neither in the package nor in a checkout."""
    path = readings_file()
    return () if path is None else _read(path)


def readings_file() -> Path | None:
    """READINGS.md in the installed package, else in the checkout."""
    candidates = (_PACKAGE / _NAME, _PACKAGE.parent / _NAME)
    return next((path for path in candidates if path.is_file()), None)


@cache
def _read(path: Path) -> tuple[Reading, ...]:
    found: list[Reading] = []
    heading = ""
    for each in _READING.finditer(path.read_text(encoding="utf-8")):
        if each["heading"]:
            heading = each["heading"]
            continue
        title = each["title"] or f"{heading}."
        # A title without a full stop is the beginning of the first sentence.
        text = each["text"] if title.endswith(".") else title + each["text"]
        found.append(Reading(each["id"], title.rstrip("."), text.strip()))
    return tuple(sorted(found, key=lambda reading: int(reading.id[1:])))
