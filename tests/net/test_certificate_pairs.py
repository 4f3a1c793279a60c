"""A certificate and its key, read from two files: what is said about those that cannot serve."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from cloudsms_simulator.net.certificates import CertificateError, KeyPair, read_pair


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two files that belong together: `my.pem` with its authority behind it, and `my-key.pem`."""
    authority = trustme.CA()
    leaf = authority.issue_cert("sms.test")
    certificate, key = tmp_path / "my.pem", tmp_path / "my-key.pem"
    certificate.write_bytes(leaf.cert_chain_pems[0].bytes() + authority.cert_pem.bytes())
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate, key


def read(pair: tuple[Path, Path]) -> KeyPair | None:
    return read_pair(*pair)


def error_of(pair: tuple[Path, Path]) -> tuple[str, str]:
    with pytest.raises(CertificateError) as caught:
        read(pair)
    assert str(caught.value) == f"{caught.value.path}: {caught.value.problem}; {caught.value.remedy}"
    return caught.value.path.name, caught.value.problem


def test_a_pair_is_the_first_certificate_its_chain_and_the_key(pair: tuple[Path, Path]) -> None:
    found = read(pair)
    certificates = x509.load_pem_x509_certificates(pair[0].read_bytes())
    assert found is not None
    assert found.key is not None
    assert [found.certificate, *found.chain] == certificates
    assert found.key.public_key() == certificates[0].public_key()


def test_nothing_there_is_no_pair(pair: tuple[Path, Path]) -> None:
    for path in pair:
        path.unlink()
    assert read(pair) is None


def test_a_certificate_is_current_between_its_dates(pair: tuple[Path, Path]) -> None:
    found = read(pair)
    assert found is not None
    first, last = found.certificate.not_valid_before_utc, found.certificate.not_valid_after_utc
    second = timedelta(seconds=1)
    assert [found.is_current(moment) for moment in (first - second, first, last - second, last)] == [
        False,
        True,
        True,
        False,
    ]
    assert found.is_current(datetime.now(UTC))


def test_a_missing_key_is_told(pair: tuple[Path, Path]) -> None:
    pair[1].unlink()
    assert error_of(pair) == ("my.pem", "my-key.pem, its private key, is missing")


def test_an_authority_may_lack_its_key(pair: tuple[Path, Path]) -> None:
    pair[1].unlink()
    found = read_pair(*pair, key_optional=True)
    assert found is not None
    assert found.key is None


def test_a_missing_certificate_is_told(pair: tuple[Path, Path]) -> None:
    pair[0].unlink()
    assert error_of(pair) == ("my-key.pem", "my.pem, the certificate of this key, is missing")


def test_a_file_that_cannot_be_read_is_told(pair: tuple[Path, Path]) -> None:
    pair[0].unlink()
    pair[0].mkdir()
    name, problem = error_of(pair)
    assert name == "my.pem"
    assert problem.startswith("cannot be read: ")


@pytest.mark.parametrize(
    "pem", [b"", b"\xff", b"hello", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"]
)
def test_a_certificate_that_is_none_is_told(pem: bytes, pair: tuple[Path, Path]) -> None:
    pair[0].write_bytes(pem)
    assert error_of(pair) == ("my.pem", "holds no certificate in PEM")


@pytest.mark.parametrize("pem", [b"", b"\xff", b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_is_none_is_told(pem: bytes, pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(pem)
    assert error_of(pair) == ("my-key.pem", "holds no private key in PEM")


def test_an_encrypted_key_is_told(pair: tuple[Path, Path]) -> None:
    key = load_pem_private_key(pair[1].read_bytes(), None)
    pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    assert error_of(pair) == ("my-key.pem", "is encrypted")


def test_a_key_of_a_kind_that_tls_has_no_use_for_is_told(pair: tuple[Path, Path]) -> None:
    key = x25519.X25519PrivateKey.generate()
    pair[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert error_of(pair) == ("my-key.pem", "holds a key that TLS has no use for")


def test_a_key_of_another_certificate_is_told(pair: tuple[Path, Path]) -> None:
    pair[1].write_bytes(trustme.CA().issue_cert("sms.test").private_key_pem.bytes())
    assert error_of(pair) == ("my.pem", "does not belong to the key in my-key.pem")
