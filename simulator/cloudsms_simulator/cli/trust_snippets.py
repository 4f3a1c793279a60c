"""How a program in seven languages trusts the platform and shows the customer's certificate.

Each snippet sends `{}` and prints the answer. `certs/README.md` repeats them word for word, and a test runs them.
Imports cryptography by way of the certificates, so it is imported when they are shown.

Spec: Interface specification and communication principle.
"""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from cloudsms_simulator.net.certificates import PKCS12_PASSWORD, CertificateFiles

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
