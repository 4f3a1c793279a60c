"""`cloudsms-simulator certs`: makes the complete set of certificates and says how to trust them.

Spec: Interface specification and communication principle.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from cloudsms_simulator.cli.trust_snippets import Snippet
    from cloudsms_simulator.net.certificates import CertificateFiles


class FileRow(msgspec.Struct, frozen=True):
    """A file of the set: where it is, what it is for, and whether it is for its owner's eyes only."""

    path: str
    purpose: str
    private: bool


class CertificateSet(msgspec.Struct, frozen=True):
    """What `--json` prints. `made` are the names of the files written just now, `password` opens every .p12."""

    directory: str
    made: tuple[str, ...]
    password: str
    files: tuple[FileRow, ...]
    snippets: dict[str, str]


@click.command
@click.argument("directory", metavar="[DIR]", default="certs", type=click.Path(path_type=Path))
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="One more host the certificates are good for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--for",
    "language",
    type=click.Choice(["curl", "python", "node", "java", "php", "go", "ruby"]),
    help="Print the snippet for this language and nothing else.",
)
def certs(directory: Path, hosts: tuple[str, ...], as_json: bool, language: str | None) -> None:
    """Make what DIR lacks of the complete set of certificates, and show how to trust them.

    DIR is "certs" by default. The set is an authority, the platform's certificate, the customer's, and an expired one
    of the customer's, each as PEM and as PKCS#12. Files that are there and good stay. Ends 0; 2 when DIR or a file in
    it cannot be used.
    """
    from cloudsms_simulator.cli.trust_snippets import SNIPPETS
    from cloudsms_simulator.net.certificates import PKCS12_PASSWORD, complete_set

    files = complete_set(directory, hosts)
    shown = [snippet for snippet in SNIPPETS if language in (None, snippet.language)]
    if as_json:
        snippets: dict[str, str] = {snippet.language: snippet.text(files) for snippet in shown}
        found = CertificateSet(directory.as_posix(), files.made, PKCS12_PASSWORD, file_rows(files), snippets)
        # Bytes, so that no terminal's encoding comes between.
        click.echo(msgspec.json.encode(found))
    elif language is not None:
        click.echo(shown[0].text(files), nl=False)
    else:
        for line in _lines(files, shown, PKCS12_PASSWORD):
            click.echo(line)


def file_rows(files: CertificateFiles) -> tuple[FileRow, ...]:
    """Every file of the complete set, in the order they are shown."""
    purposes = (
        (files.ca, "the authority: what both sides trust", False),
        (files.ca_key, "its key, so that a later run can issue more", True),
        (files.platform_cert, "the platform: its server, and its client when it pushes reports", False),
        (files.platform_key, "its key", True),
        (files.customer_cert, "the customer: its client, and its server for delivery reports", False),
        (files.customer_key, "its key", True),
        (files.expired_cert, "a customer whose time is over, to be refused", False),
        (files.expired_key, "its key", True),
        (files.ca_p12, "ca.pem as a trust store for Java", False),
        (files.platform_p12, "platform.pem and its key as PKCS#12", True),
        (files.customer_p12, "customer.pem and its key as PKCS#12", True),
        (files.expired_p12, "expired.pem and its key as PKCS#12", True),
    )
    return tuple(FileRow(path.as_posix(), purpose, private) for path, purpose, private in purposes)


def _lines(files: CertificateFiles, snippets: list[Snippet], password: str) -> Iterator[str]:
    rows = file_rows(files)
    width = max(len(row.path) for row in rows)
    for row in rows:
        mode = "0600" if row.private else "0644"
        fresh = "  (new)" if Path(row.path).name in files.made else ""
        yield f"{row.path:<{width}}  {mode}  {row.purpose}{fresh}"
    yield f"The password of every .p12 is {password}."
    for snippet in snippets:
        yield f"\n--- {snippet.title}"
        yield snippet.text(files).removesuffix("\n")
