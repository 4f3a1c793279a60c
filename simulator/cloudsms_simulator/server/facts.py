"""Facts: what a running server is, for who asks it over the API.

Spec: CloudSMS Platform Server.
"""

import os
from pathlib import Path

from cloudsms_simulator.protocol.limits import MOST_DESTINATIONS, MOST_SEGMENTS
from cloudsms_simulator.server.certificates import CertificateFiles
from cloudsms_simulator.server.ready_file import Ready
from cloudsms_simulator.server.server_item import Certs, Info, Limits, Ports, Urls
from cloudsms_simulator.server.settings import Settings


def info_of(
    settings: Settings, seed: int, scenario: str | None, ready: Ready, ports: Ports, features: tuple[str, ...]
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
    )


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
