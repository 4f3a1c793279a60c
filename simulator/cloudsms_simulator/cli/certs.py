"""`cloudsms-simulator certs`: makes the complete set of certificates and says how to trust them.

A `Snippet` tells how a program in one of seven languages trusts the platform and shows the customer's certificate: it
sends `{}` and prints the answer. `certs/README.md` repeats the snippets word for word, and a test runs them.

Spec: Interface specification and communication principle.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click
import msgspec

if TYPE_CHECKING:
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


SnippetLanguage = Literal["curl", "python", "node", "java", "php", "go", "ruby"]

PLATFORM_URL = "https://localhost:61815/dave/io"
"""Where `serve` listens unless told otherwise."""


class Snippet(msgspec.Struct, frozen=True):
    """A snippet: `<<ca>>` and the like stand for paths, which `quote` writes as the language does."""

    language: SnippetLanguage
    title: str
    fence: str
    """What Markdown calls the language."""
    quote: Callable[[str], str]
    template: str

    def text(self, files: CertificateFiles) -> str:
        """The snippet with the paths of these files, as they were given: relative ones stay relative."""
        from cloudsms_simulator.net.certificates import PKCS12_PASSWORD

        text = self.template.strip("\n") + "\n"
        paths: dict[str, Path] = {
            "<<ca>>": files.ca,
            "<<cert>>": files.customer_cert,
            "<<key>>": files.customer_key,
            "<<ca_p12>>": files.ca_p12,
            "<<p12>>": files.customer_p12,
        }
        for name, path in paths.items():
            text = text.replace(name, self.quote(path.as_posix()))
        return text.replace("<<url>>", PLATFORM_URL).replace("<<password>>", PKCS12_PASSWORD)


def _double(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _single(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


SNIPPETS: tuple[Snippet, ...] = (
    Snippet(
        "curl",
        "curl",
        "sh",
        shlex.quote,
        r"""
curl --cacert <<ca>> --cert <<cert>> --key <<key>> \
  --data '{}' <<url>>
""",
    ),
    Snippet(
        "python",
        "Python",
        "python",
        _double,
        """
import ssl
import urllib.request

import requests

URL = "<<url>>"
CA = <<ca>>
CUSTOMER = (<<cert>>, <<key>>)

# The standard library, and whatever takes an SSLContext, as aiohttp and httpx do:
context = ssl.create_default_context(cafile=CA)
context.load_cert_chain(*CUSTOMER)
with urllib.request.urlopen(URL, b"{}", context=context) as answer:
    print(answer.read().decode())

# requests:
print(requests.post(URL, "{}", verify=CA, cert=CUSTOMER).text)
""",
    ),
    Snippet(
        "node",
        "Node",
        "js",
        _double,
        """
const fs = require("fs");
const https = require("https");

const identity = {
  ca: fs.readFileSync(<<ca>>),
  cert: fs.readFileSync(<<cert>>),
  key: fs.readFileSync(<<key>>),
};
https
  .request("<<url>>", { method: "POST", ...identity }, (answer) => answer.pipe(process.stdout))
  .end("{}");
""",
    ),
    Snippet(
        "java",
        "Java",
        "java",
        _double,
        """
import java.io.File;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Customer {
    public static void main(String[] arguments) throws Exception {
        char[] password = "<<password>>".toCharArray();
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(KeyStore.getInstance(new File(<<ca_p12>>), password));
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(KeyStore.getInstance(new File(<<p12>>), password), password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);

        HttpClient client = HttpClient.newBuilder().sslContext(context).build();
        HttpRequest request = HttpRequest.newBuilder(URI.create("<<url>>"))
                .POST(HttpRequest.BodyPublishers.ofString("{}"))
                .build();
        System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
""",
    ),
    Snippet(
        "php",
        "PHP",
        "php",
        _single,
        """
<?php
$curl = curl_init('<<url>>');
curl_setopt_array($curl, [
    CURLOPT_CAINFO => <<ca>>,
    CURLOPT_SSLCERT => <<cert>>,
    CURLOPT_SSLKEY => <<key>>,
    CURLOPT_POSTFIELDS => '{}',
    CURLOPT_RETURNTRANSFER => true,
]);
echo curl_exec($curl) ?: curl_error($curl), "\\n";
""",
    ),
    Snippet(
        "go",
        "Go",
        "go",
        _double,
        """
package main

import (
    "crypto/tls"
    "crypto/x509"
    "io"
    "log"
    "net/http"
    "os"
    "strings"
)

func main() {
    ca, err := os.ReadFile(<<ca>>)
    if err != nil {
        log.Fatal(err)
    }
    trusted := x509.NewCertPool()
    trusted.AppendCertsFromPEM(ca)
    customer, err := tls.LoadX509KeyPair(<<cert>>, <<key>>)
    if err != nil {
        log.Fatal(err)
    }
    config := &tls.Config{RootCAs: trusted, Certificates: []tls.Certificate{customer}}
    client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
    answer, err := client.Post("<<url>>", "application/json", strings.NewReader("{}"))
    if err != nil {
        log.Fatal(err)
    }
    defer answer.Body.Close()
    io.Copy(os.Stdout, answer.Body)
}
""",
    ),
    Snippet(
        "ruby",
        "Ruby",
        "ruby",
        _single,
        """
require 'net/http'
require 'openssl'

uri = URI('<<url>>')
http = Net::HTTP.new(uri.host, uri.port)
http.use_ssl = true
http.ca_file = <<ca>>
http.cert = OpenSSL::X509::Certificate.new(File.read(<<cert>>))
http.key = OpenSSL::PKey.read(File.read(<<key>>))
puts http.post(uri.path, '{}').body
""",
    ),
)
"""Every language once, in the order they are shown."""
