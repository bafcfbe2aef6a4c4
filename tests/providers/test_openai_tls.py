import os
import re
import shutil
import socket
import ssl
import threading
from contextlib import closing
from pathlib import Path

import pytest
import trustme

from protocol.errors import Code
from sidecar.errors import SidecarError
from sidecar.providers.tls import make_tls_context
from sidecar.settings import SettingsError
from tests.providers.asking import ask, opened
from tests.providers.certificates import make_server, write
from tests.providers.scripted import DONE, Asked, chunk, event, good, running, stream

pytestmark = pytest.mark.anyio

AUTHORITY = trustme.CA()
OK = stream(good("ok"))


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    return write(AUTHORITY, tmp_path / "school.pem")


async def refused(url: str, ca: Path | None = None) -> SidecarError:
    async with opened(url, SIDECAR_CA=str(ca or "")) as provider:
        with pytest.raises(SidecarError) as caught:
            await ask(provider)
        return caught.value


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_a_certificate_of_an_own_authority(ca: Path, name: str) -> None:
    with running(OK, tls=make_server(AUTHORITY)) as server:
        async with opened(server.url.replace("127.0.0.1", name), SIDECAR_CA=str(ca)) as provider:
            assert (await ask(provider))[0] == ["ok"]


async def test_a_directory_of_certificates(ca: Path) -> None:
    (ca.parent / "readme.txt").write_text("no certificate")
    with running(OK, tls=make_server(AUTHORITY)) as server:
        async with opened(server.url, SIDECAR_CA=str(ca.parent)) as provider:
            assert (await ask(provider))[0] == ["ok"]


def old_tls() -> ssl.SSLContext:
    context = make_server(AUTHORITY)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (lambda: make_server(AUTHORITY, days=(-30, -1)), "certificate has expired"),
        (lambda: make_server(AUTHORITY, days=(1, 30)), "certificate is not yet valid"),
        (lambda: make_server(AUTHORITY, names=("other.example",)), "is not valid for '127.0.0.1'"),
        (lambda: make_server(trustme.CA()), "unable to get local issuer|self-signed certificate"),
        (old_tls, "TLS 1.2 or later"),
    ],
    ids=["expired", "not yet valid", "another name", "unknown authority", "TLS 1.1"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_u08_what_is_not_trusted_sees_no_request(ca: Path, tls: object, words: str) -> None:
    with running(OK, tls=tls()) as server:  # type: ignore[operator]
        error = await refused(server.url, ca)
        assert error.code == Code.UPSTREAM_TLS
        assert re.search(words, str(error))
        assert server.connected == 1
        assert server.asked == []


async def test_u08_an_authority_that_nobody_named() -> None:
    with running(OK, tls=make_server(AUTHORITY)) as server:
        assert (await refused(server.url)).code == Code.UPSTREAM_TLS
        assert server.asked == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("spares", ["0", "2"])
async def test_who_wants_a_certificate_of_ours_is_asked_once(ca: Path, version: ssl.TLSVersion, spares: str) -> None:
    """With TLS 1.3 it says so behind the hand-shake, where else the answer stands."""
    strict = make_server(AUTHORITY)
    strict.verify_mode = ssl.CERT_REQUIRED
    strict.maximum_version = version
    with running(OK, tls=strict) as server:
        async with opened(server.url, SIDECAR_CA=str(ca), SIDECAR_SPARE_CONNECTIONS=spares) as provider:
            for _ in range(2):
                with pytest.raises(SidecarError, match="OPENAI_BASE_URL") as caught:
                    await ask(provider)
                assert caught.value.code == Code.UPSTREAM_TLS
        assert server.asked == []
        assert spares == "2" or server.connected == 2


async def test_u11_plain_http_where_tls_is_asked_for() -> None:
    def confused() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=confused, daemon=True).start()
        error = await refused(f"https://127.0.0.1:{listener.getsockname()[1]}")
    assert error.code == Code.UPSTREAM_TLS


async def test_u11_tls_where_plain_http_is_asked_for() -> None:
    with running(OK, tls=make_server(AUTHORITY)) as server:
        error = await refused(server.url.replace("https:", "http:"))
        assert error.code in (Code.UPSTREAM_PROTOCOL, Code.UPSTREAM_ERROR)
        assert server.asked == []


@pytest.mark.parametrize("framing", ["chunks", "until the close"])
@pytest.mark.parametrize("end", ["cut", "reset"])
async def test_u10_an_end_without_farewell_is_a_truncation(ca: Path, framing: str, end: str) -> None:
    def script(asked: Asked) -> None:
        if framing == "chunks":
            asked.head()
            asked.chunk(event(chunk("a")))
        else:
            asked.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event(chunk("a")))
        if end == "reset":
            asked.pause(0.05)
            asked.reset()
        asked.cut()

    with running(script, tls=make_server(AUTHORITY)) as server:
        assert (await refused(server.url, ca)).code == Code.TRUNCATED


async def test_u10_behind_the_last_word_it_is_none(ca: Path) -> None:
    with running(stream(event(chunk("a")) + DONE, cut=True), tls=make_server(AUTHORITY)) as server:
        async with opened(server.url, SIDECAR_CA=str(ca)) as provider:
            assert (await ask(provider))[0] == ["a"]


async def test_the_connection_is_kept_over_tls(ca: Path) -> None:
    with running(OK, tls=make_server(AUTHORITY)) as server:
        async with opened(server.url, SIDECAR_CA=str(ca)) as provider:
            for _ in range(3):
                await ask(provider)
        assert server.connected == 1


async def test_u57_the_environments_own_ideas_are_ignored(
    ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = tmp_path / "keys.log"
    with running(OK) as nowhere, running(OK, tls=make_server(AUTHORITY)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, nowhere.url)
        monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login canary password canary\n")
        monkeypatch.setenv("NETRC", str(netrc))
        async with opened(server.url, SIDECAR_CA=str(ca)) as provider:
            assert (await ask(provider))[0] == ["ok"]
        assert nowhere.connected == 0
        assert not keys.exists()
        assert server.asked[0].headers["authorization"].startswith("Bearer ")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
            monkeypatch.setenv(name, str(ca))
        monkeypatch.setenv("SSL_CERT_DIR", str(ca.parent))
        assert (await refused(server.url)).code == Code.UPSTREAM_TLS


class TestContext:
    def test_it_verifies_and_is_of_tls_1_2(self) -> None:
        context = make_tls_context()
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert context.options & ssl.OP_NO_RENEGOTIATION

    def test_a_ca_that_cannot_be_used(self, tmp_path: Path) -> None:
        junk = tmp_path / "junk.pem"
        junk.write_text("canary")
        for path, words in (
            (tmp_path / "canary", "a readable file or directory: No such file"),
            (junk, "certificates in PEM"),
            (tmp_path, "certificates in PEM"),
        ):
            with pytest.raises(SettingsError, match=rf"\ASIDECAR_CA must name {words}") as caught:
                make_tls_context(path)
            assert "canary" not in str(caught.value)
        junk.unlink()
        with pytest.raises(SettingsError, match="it has none"):
            make_tls_context(tmp_path)

    def test_the_systems_certificates_from_a_file(
        self, ca: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("sidecar.providers.tls._SYSTEM_DIRECTORIES", (str(ca.parent / "none"),))
        monkeypatch.setattr("sidecar.providers.tls._SYSTEM_FILES", (str(ca),))
        assert make_tls_context().cert_store_stats()["x509_ca"] == 1
        monkeypatch.setattr("sidecar.providers.tls._SYSTEM_FILES", ())
        assert make_tls_context().cert_store_stats()["x509_ca"] == 0
        assert "ca-certificates" in caplog.text

    def test_the_systems_certificates_from_a_directory(self, ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        shutil.copy(ca, ca.parent / "0a1b2c3d.0")
        monkeypatch.setattr("sidecar.providers.tls._SYSTEM_DIRECTORIES", (str(ca.parent),))
        monkeypatch.setattr("sidecar.providers.tls._SYSTEM_FILES", (os.devnull,))
        make_tls_context()
