"""An authority: what it makes, and how hosts are spelt."""

from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from cloudsms_simulator.net.certificates import Authority, Purpose, certificate_host, hosts_of, issued_by, made_here

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def issue(authority: Authority) -> x509.Certificate:
    leaf = authority.issue("A customer", ("localhost", "::1"), NOW, NOW + timedelta(days=1))
    return x509.load_pem_x509_certificate(leaf.certificate)


def test_an_authority_lasts_ten_years_from_an_hour_ago() -> None:
    certificate = Authority.create(NOW).certificate
    assert certificate.not_valid_before_utc == NOW - timedelta(hours=1)
    assert certificate.not_valid_after_utc == NOW + timedelta(days=3652)


def test_an_authority_signs_leaves_only() -> None:
    extensions = Authority.create(NOW).certificate.extensions
    basic = extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical
    assert basic.value == x509.BasicConstraints(ca=True, path_length=0)


def test_keys_are_p256() -> None:
    authority = Authority.create(NOW)
    for key in (authority.certificate.public_key(), issue(authority).public_key()):
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert isinstance(key.curve, ec.SECP256R1)


def test_two_authorities_have_two_names() -> None:
    assert Authority.create(NOW).certificate.subject != Authority.create(NOW).certificate.subject


def test_a_leaf_has_the_dates_hosts_and_name_asked_for() -> None:
    leaf = issue(Authority.create(NOW))
    assert (leaf.not_valid_before_utc, leaf.not_valid_after_utc) == (NOW, NOW + timedelta(days=1))
    assert hosts_of(leaf) == ("localhost", "::1")
    assert leaf.subject.rfc4514_string() == "CN=A customer,OU=Issued for tests,O=CloudSMS simulator"


def test_an_authority_knows_what_it_issued_and_nothing_else() -> None:
    authority = Authority.create(NOW)
    assert issued_by(issue(authority), authority.certificate)
    assert not issued_by(issue(Authority.create(NOW)), authority.certificate)


def test_what_was_made_here_is_known_by_its_organization() -> None:
    assert made_here(Authority.create(NOW).certificate)
    assert made_here(issue(Authority.create(NOW)))
    assert not made_here(x509.load_pem_x509_certificate(trustme.CA().cert_pem.bytes()))


def test_a_certificate_without_names_is_good_for_no_host() -> None:
    assert hosts_of(Authority.create(NOW).certificate) == ()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("localhost", "localhost"),
        (" SMS.Test. ", "sms.test"),
        ("*.sms.test", "*.sms.test"),
        ("café.test", "xn--caf-dma.test"),
        ("xn--caf-dma.test", "xn--caf-dma.test"),
        ("127.0.0.1", "127.0.0.1"),
        ("0:0::1", "::1"),
        ("[::1]", "::1"),
    ],
)
def test_a_host_is_spelt_as_certificates_do(text: str, name: str) -> None:
    assert certificate_host(text) == name


@pytest.mark.parametrize(
    "text", ["", " ", "bad host", "a..b", "-a", "a_b", "https://sms.test", "sms.test:61815", "me@sms.test", "x" * 64]
)
def test_what_is_no_host_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is neither a host name nor an IP address"):
        certificate_host(text)


@pytest.mark.parametrize(
    ("purpose", "usage"),
    [("server", ExtendedKeyUsageOID.SERVER_AUTH), ("client", ExtendedKeyUsageOID.CLIENT_AUTH)],
)
def test_a_restricted_leaf_differs_in_its_use_alone(purpose: Purpose, usage: x509.ObjectIdentifier) -> None:
    authority = Authority.create(NOW)
    leaf = authority.issue("A customer", ("localhost", "::1"), NOW, NOW + timedelta(days=1))
    restricted = authority.restrict(leaf, purpose)
    before, after = (x509.load_pem_x509_certificate(each.certificate) for each in (leaf, restricted))
    assert restricted.key == leaf.key
    assert issued_by(after, authority.certificate)
    assert after.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value == x509.ExtendedKeyUsage([usage])
    assert (after.subject, after.not_valid_before_utc, after.not_valid_after_utc, after.public_key()) == (
        before.subject,
        before.not_valid_before_utc,
        before.not_valid_after_utc,
        before.public_key(),
    )
    assert [each for each in after.extensions if not isinstance(each.value, x509.ExtendedKeyUsage)] == [
        each for each in before.extensions if not isinstance(each.value, x509.ExtendedKeyUsage)
    ]
