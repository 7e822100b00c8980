"""A server that speaks TLS, whose certificate an authority of one's own has signed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from spanloom import Client, Runner, SpanloomError

from .conftest import ROOT, Server
from .tasks import busy


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Path]:
    """The certificate of a server that runs, as a file."""
    source = (ROOT / "packages" / "testing" / "src" / "test-certificates.ts").read_text()
    for name, pem in re.findall(r"(cert|key): `(.*?)`", source, re.DOTALL)[:2]:
        (tmp_path / f"{name}.pem").write_text(pem)
    yield tmp_path / "cert.pem"


@pytest.fixture
def secure_server(tmp_path: Path, authority: Path) -> Iterator[Server]:
    flags = ["--tls-cert", str(authority), "--tls-key", str(tmp_path / "key.pem"), "--default-lease-ms", "3000"]
    started = Server(tmp_path / "data", *flags).start()
    yield started
    started.stop()


def test_trusts_the_authority_that_ssl_cert_file_names(
    secure_server: Server, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert secure_server.url.startswith("https://")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    with Runner(secure_server.url, tasks=[busy], log=lambda _: None), Client(secure_server.url) as client:
        # Longer than a lease: the process that keeps leases while C code holds the interpreter's lock trusts it, too.
        handle = client.jobs.submit(busy, 5)
        assert [job.state for job in handle.watch()][-1] == "SUCCEEDED"
        assert handle.result() == 1
        assert client.query_spans(job=handle.id, type="attempt").to_arrow().num_rows == 1


def test_says_why_a_server_is_not_trusted(secure_server: Server) -> None:
    with Client(secure_server.url) as client, pytest.raises(SpanloomError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        client.jobs.get("0190163d-8694-739b-aea5-966c26f8ad90")
    assert str(caught.value).startswith(f"cannot reach the server at {secure_server.url}: ")
