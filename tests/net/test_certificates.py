"""The folder of certificates: what is made, what stays, and what is said about files that cannot serve."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import freezegun
import pytest
import time_machine
import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

from cloudsms_simulator.net import private_files
from cloudsms_simulator.net.certificates import (
    PKCS12_PASSWORD,
    Authority,
    CertificateError,
    CertificateFiles,
    complete_set,
    hosts_of,
    issued_by,
    open_certificates,
    read_pair,
)

PEM_OF_A_SERVER = ("ca.pem", "ca-key.pem", "platform.pem", "platform-key.pem", "customer.pem", "customer-key.pem")
THE_REST = ("expired.pem", "expired-key.pem", "ca.p12", "platform.p12", "customer.p12", "expired.p12")
PRIVATE = {name for name in (*PEM_OF_A_SERVER, *THE_REST) if "key" in name or name.endswith(".p12")} - {"ca.p12"}
LOCAL = ("localhost", "127.0.0.1", "::1")
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX's")


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if path.name != ".lock"}


def our_authority(files: CertificateFiles) -> Authority:
    pair = read_pair(files.ca, files.ca_key)
    assert pair is not None
    assert pair.key is not None
    return Authority(pair.certificate, pair.key)


def put_customer(files: CertificateFiles, ends: timedelta) -> bytes:
    """Puts a customer's certificate there that we made and that ends so long from now."""
    now = datetime.now(UTC)
    leaf = our_authority(files).issue("CloudSMS customer", LOCAL, now - timedelta(days=300), now + ends)
    files.customer_cert.write_bytes(leaf.certificate)
    files.customer_key.write_bytes(leaf.key)
    return leaf.certificate


def put_foreign(certificate: Path, key: Path, authority: trustme.CA, ends: timedelta = timedelta(days=9)) -> bytes:
    """Puts somebody else's certificate there."""
    now = datetime.now(UTC)
    leaf = authority.issue_cert("sms.corp", not_before=now - timedelta(days=300), not_after=now + ends)
    certificate.write_bytes(leaf.cert_chain_pems[0].bytes())
    key.write_bytes(leaf.private_key_pem.bytes())
    return certificate.read_bytes()


def test_an_empty_folder_gets_the_six_pem_files_of_a_server(tmp_path: Path) -> None:
    files = open_certificates(tmp_path / "certs")
    assert files.made == PEM_OF_A_SERVER
    assert set(contents(tmp_path / "certs")) == set(PEM_OF_A_SERVER)


def test_the_complete_set_has_the_expired_customer_and_pkcs12_too(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    assert files.made == (*PEM_OF_A_SERVER, *THE_REST)
    assert set(contents(tmp_path)) == {*PEM_OF_A_SERVER, *THE_REST}


@pytest.mark.parametrize("make", [open_certificates, complete_set])
def test_a_folder_that_lacks_nothing_is_only_read(make: Callable[[Path], CertificateFiles], tmp_path: Path) -> None:
    make(tmp_path)
    before = contents(tmp_path)
    (tmp_path / ".lock").unlink()
    assert make(tmp_path).made == ()
    assert contents(tmp_path) == before
    assert not (tmp_path / ".lock").exists()


def test_the_complete_set_keeps_what_a_server_made(tmp_path: Path) -> None:
    open_certificates(tmp_path)
    before = contents(tmp_path)
    assert complete_set(tmp_path).made == THE_REST
    assert before.items() <= contents(tmp_path).items()


def test_the_leaves_are_good_for_this_machine_and_the_hosts_asked_for(tmp_path: Path) -> None:
    files = open_certificates(tmp_path, ("sms.test", "CAFÉ.test.", "[fd00::1]", "10.0.0.7"))
    for path in (files.platform_cert, files.customer_cert):
        assert hosts_of(certificate(path)) == (*LOCAL, "sms.test", "xn--caf-dma.test", "fd00::1", "10.0.0.7")


def test_the_leaves_are_issued_by_the_authority_and_name_their_role(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    leaves = [certificate(path) for path in (files.platform_cert, files.customer_cert, files.expired_cert)]
    assert all(issued_by(leaf, certificate(files.ca)) for leaf in leaves)
    assert [leaf.subject.rfc4514_string().split(",OU=")[0] for leaf in leaves] == [
        "CN=CloudSMS platform",
        "CN=CloudSMS customer",
        "CN=CloudSMS customer\\, expired",
    ]


def test_the_expired_certificate_ended_and_the_others_have_begun(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    now = datetime.now(UTC)
    expired = certificate(files.expired_cert)
    assert expired.not_valid_before_utc < expired.not_valid_after_utc < now
    for path in (files.ca, files.platform_cert, files.customer_cert):
        assert now - timedelta(hours=2) < certificate(path).not_valid_before_utc < now
    assert certificate(files.platform_cert).not_valid_after_utc - now < timedelta(days=366)


@posix_only
def test_keys_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        complete_set(tmp_path / "certs")
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "certs").iterdir()}
    assert {name for name, mode in modes.items() if mode == 0o600} == PRIVATE | {".lock"}
    assert {mode for name, mode in modes.items() if name not in PRIVATE | {".lock"}} == {0o644}
    assert (tmp_path / "certs").stat().st_mode & 0o777 == 0o700


def test_a_host_that_is_lacking_renews_the_leaves_and_keeps_the_authority(tmp_path: Path) -> None:
    before = contents(open_certificates(tmp_path).directory)
    files = open_certificates(tmp_path, ("sms.test",))
    assert files.made == PEM_OF_A_SERVER[2:]
    assert contents(tmp_path)["ca.pem"] == before["ca.pem"]
    assert issued_by(certificate(files.platform_cert), certificate(files.ca))


def test_hosts_asked_for_earlier_stay_when_another_is_added(tmp_path: Path) -> None:
    open_certificates(tmp_path, ("one.test",))
    files = open_certificates(tmp_path, ("two.test",))
    assert set(hosts_of(certificate(files.platform_cert))) == {*LOCAL, "one.test", "two.test"}
    assert open_certificates(tmp_path, ("one.test",)).made == ()


def test_a_certificate_that_ends_within_a_month_is_renewed(tmp_path: Path) -> None:
    put_customer(open_certificates(tmp_path), ends=timedelta(days=29))
    assert open_certificates(tmp_path).made == ("customer.pem", "customer-key.pem")


def test_a_certificate_that_lasts_another_month_stays(tmp_path: Path) -> None:
    put = put_customer(open_certificates(tmp_path), ends=timedelta(days=31))
    files = open_certificates(tmp_path)
    assert files.made == ()
    assert files.customer_cert.read_bytes() == put


def test_an_authority_that_ended_is_made_anew_with_all_it_issued(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    ended = Authority.create(datetime.now(UTC) - timedelta(days=3700))
    files.ca.write_bytes(ended.certificate_pem())
    files.ca_key.write_bytes(ended.key_pem())
    assert open_certificates(tmp_path).made == (*PEM_OF_A_SERVER, *THE_REST)


def test_without_the_authority_a_new_one_issues_everything_again(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    files.ca.unlink()
    files.ca_key.unlink()
    made = complete_set(tmp_path).made
    assert made == (*PEM_OF_A_SERVER, *THE_REST)
    assert issued_by(certificate(files.expired_cert), certificate(files.ca))


def test_a_pkcs12_file_that_is_there_follows_its_certificate(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    assert set(open_certificates(tmp_path, ("sms.test",)).made) >= {"platform.p12", "customer.p12"}
    _, held, others = pkcs12.load_key_and_certificates(files.platform_p12.read_bytes(), PKCS12_PASSWORD.encode())
    assert held == certificate(files.platform_cert)
    assert others == [certificate(files.ca)]


def test_a_pkcs12_file_older_than_its_certificate_is_made_anew_with_the_set(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    put_foreign(files.customer_cert, files.customer_key, trustme.CA())
    os.utime(files.customer_p12, (0, 0))
    assert complete_set(tmp_path).made == ("customer.p12",)
    _, held, _ = pkcs12.load_key_and_certificates(files.customer_p12.read_bytes(), PKCS12_PASSWORD.encode())
    assert held == certificate(files.customer_cert)


def test_a_pkcs12_file_as_old_as_its_certificate_stays(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    for file in tmp_path.iterdir():
        os.utime(file, ns=(0, 0))
    assert complete_set(tmp_path).made == ()
    assert files.customer_p12.stat().st_mtime_ns == 0


def test_certificates_of_somebody_else_are_used_and_never_overwritten(tmp_path: Path) -> None:
    files = CertificateFiles.within(tmp_path)
    corporate = trustme.CA()
    files.ca.write_bytes(corporate.cert_pem.bytes())
    put_foreign(files.platform_cert, files.platform_key, corporate)
    put_foreign(files.customer_cert, files.customer_key, trustme.CA())
    before = contents(tmp_path)
    assert open_certificates(tmp_path, ("sms.test",)).made == ()
    assert contents(tmp_path) == before


def test_what_lacks_is_issued_by_an_authority_of_somebody_else_whose_key_is_there(tmp_path: Path) -> None:
    files = CertificateFiles.within(tmp_path)
    corporate = trustme.CA()
    files.ca.write_bytes(corporate.cert_pem.bytes())
    files.ca_key.write_bytes(corporate.private_key_pem.bytes())
    assert open_certificates(tmp_path).made == PEM_OF_A_SERVER[2:]
    assert issued_by(certificate(files.customer_cert), certificate(files.ca))
    assert files.ca.read_bytes() == corporate.cert_pem.bytes()


def test_an_expired_certificate_of_somebody_else_is_an_error_with_its_dates(tmp_path: Path) -> None:
    files = open_certificates(tmp_path)
    put_foreign(files.platform_cert, files.platform_key, trustme.CA(), ends=-timedelta(days=1))
    with pytest.raises(CertificateError, match=r"platform\.pem: is valid from .* UTC only; put a current one there"):
        open_certificates(tmp_path)


def test_an_authority_without_its_key_issues_nothing(tmp_path: Path) -> None:
    files = open_certificates(tmp_path)
    files.ca_key.unlink()
    assert open_certificates(tmp_path).made == ()
    with pytest.raises(CertificateError) as caught:
        open_certificates(tmp_path, ("sms.test",))
    assert caught.value.path == files.ca_key
    assert caught.value.problem == "is missing, and platform.pem has to be made"
    assert caught.value.remedy == "put it back, or delete ca.pem too"


def test_a_broken_file_is_an_error_and_stays(tmp_path: Path) -> None:
    files = open_certificates(tmp_path)
    files.platform_cert.write_bytes(b"")
    with pytest.raises(CertificateError, match=r"platform\.pem: holds no certificate in PEM"):
        open_certificates(tmp_path)
    assert files.platform_cert.read_bytes() == b""


def test_a_name_that_is_no_host_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match="'bad host' is neither a host name nor an IP address"):
        open_certificates(tmp_path / "certs", ("bad host",))
    assert not (tmp_path / "certs").exists()


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    taken = tmp_path / "certs"
    taken.write_bytes(b"")
    with pytest.raises(CertificateError, match=r"certs: is no folder; name a folder"):
        open_certificates(taken)


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(CertificateError, match="cannot be written: "):
        open_certificates(tmp_path)


def test_a_folder_held_by_another_process_is_an_error_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(private_files, "_LOCK_TRIES", 1)
    with private_files.locked(tmp_path), pytest.raises(CertificateError, match="another process has held it"):
        open_certificates(tmp_path)


def test_an_error_in_a_folder_that_cannot_be_written_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_certificates(tmp_path)
    files.customer_key.unlink()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(CertificateError) as caught:
        open_certificates(tmp_path)
    assert caught.value.path == files.customer_cert


def test_threads_that_start_at_once_end_with_the_same_files(tmp_path: Path) -> None:
    made: list[tuple[str, ...]] = []
    threads = [threading.Thread(target=lambda: made.append(open_certificates(tmp_path).made)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [()] * 7 + [PEM_OF_A_SERVER]


def test_processes_that_start_at_once_end_with_the_same_files(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from cloudsms_simulator.net.certificates import open_certificates;"
        "sys.stdin.readline(); print(len(open_certificates(Path(sys.argv[1])).made))"
    )
    run = [sys.executable, "-c", program, str(tmp_path / "certs")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen(run, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) for _ in range(3)
    ]
    outputs = [process.communicate(b"\n", timeout=60)[0].strip() for process in processes]
    assert sorted(outputs) == [b"0", b"0", b"6"]


@pytest.mark.parametrize(
    "elsewhen", [freezegun.freeze_time("2001-01-01"), time_machine.travel("2041-01-01T00:00:00+00:00", tick=False)]
)
def test_a_frozen_clock_does_not_reach_the_dates(elsewhen: AbstractContextManager[object], tmp_path: Path) -> None:
    with elsewhen:
        files = open_certificates(tmp_path)
    now = datetime.now(UTC)
    assert certificate(files.platform_cert).not_valid_before_utc < now < certificate(files.ca).not_valid_after_utc
    with elsewhen:
        assert open_certificates(tmp_path).made == ()


def test_without_a_place_for_temporary_files_the_dates_are_pythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise OSError("no space left")

    monkeypatch.setattr("cloudsms_simulator.net.certificates.tempfile.TemporaryFile", full)
    assert open_certificates(tmp_path).made == PEM_OF_A_SERVER


keytool_only = pytest.mark.skipif(
    shutil.which("keytool") is None, reason="keytool is missing: install default-jdk-headless"
)


def keytool(store: Path) -> str:
    command = ["keytool", "-J-Duser.language=en", "-list", "-v", "-keystore", str(store), "-storepass", PKCS12_PASSWORD]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def test_the_trust_store_opens_with_its_password_alone(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    octets = files.ca_p12.read_bytes()
    store = pkcs12.load_pkcs12(octets, PKCS12_PASSWORD.encode())
    [trusted] = store.additional_certs
    assert (store.key, store.cert) == (None, None)
    assert (trusted.certificate, trusted.friendly_name) == (certificate(files.ca), b"cloudsms")
    with pytest.raises(ValueError, match="password"):
        pkcs12.load_pkcs12(octets, b"another")


@pytest.mark.skipif(not hasattr(pkcs12, "serialize_java_truststore"), reason="cryptography writes none before 45")
def test_the_trust_store_is_what_cryptography_writes_without_encryption_up_to_its_checksum(tmp_path: Path) -> None:
    files = complete_set(tmp_path)
    trusted = pkcs12.PKCS12Certificate(certificate(files.ca), b"cloudsms")
    theirs = pkcs12.serialize_java_truststore([trusted], NoEncryption())
    ours = files.ca_p12.read_bytes()
    checksum = len(theirs) - (32 + 2 + 8 + 4)  # its octets, and those of its salt and of how often it was hashed
    assert ours[:checksum] == theirs[:checksum]
    assert (len(ours), ours[-4:]) == (len(theirs), theirs[-4:])


@keytool_only
def test_java_reads_the_authority_as_a_trust_store(tmp_path: Path) -> None:
    listing = keytool(complete_set(tmp_path).ca_p12)
    assert "Your keystore contains 1 entry" in listing
    assert "Entry type: trustedCertEntry" in listing


@keytool_only
@pytest.mark.parametrize("role", ["platform", "customer", "expired"])
def test_java_reads_a_role_as_a_key_store_with_its_chain(role: str, tmp_path: Path) -> None:
    listing = keytool(complete_set(tmp_path).directory / f"{role}.p12")
    assert f"Alias name: {role}" in listing
    assert "Entry type: PrivateKeyEntry" in listing
    assert "Certificate chain length: 2" in listing


def test_addresses_are_addresses_in_the_certificate_and_not_names(tmp_path: Path) -> None:
    names = certificate(open_certificates(tmp_path).platform_cert).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.IPAddress) == [ip_address("127.0.0.1"), ip_address("::1")]
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost"]
