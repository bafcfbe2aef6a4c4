"""The pools under httpx itself, as any of its transports: so another user of httpx can have them."""

import gzip

import httpx
import pytest

from sidecar.errors import UpstreamProtocol
from sidecar.http_pool import Cut
from sidecar.http_pool.httpx_transport import PoolTransport
from tests.http_pool.asking import idle, opened, says
from tests.providers.scripted import Asked, running

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("error")]


async def test_a_client_of_httpx_asks_through_them_and_gets_all_of_the_answer() -> None:
    def script(asked: Asked) -> None:
        asked.head(201, kind="text/plain", X_Request_Id="7")
        for text in (b"The ", b"sky"):
            asked.chunk(text)
        asked.end()

    with running(script) as server:
        host = f"127.0.0.1:{server.port}"
        async with opened() as pools, httpx.AsyncClient(transport=PoolTransport(pools)) as client:
            for _ in range(2):
                response = await client.post(f"{server.url}/v1?a=b", content=b"{}", headers={"X-Mine": "yes"})
                assert (response.status_code, response.text) == (201, "The sky")
                assert response.headers["x-request-id"] == "7"
            assert idle(pools) == 1
    assert server.connected == 1
    asked = server.asked[0]
    assert (asked.method, asked.target, asked.body) == ("POST", "/v1?a=b", b"{}")
    assert (asked.headers["x-mine"], asked.headers["host"]) == ("yes", host)


async def test_an_answer_that_is_left_closes_its_connection() -> None:
    def script(asked: Asked) -> None:
        asked.head()
        asked.chunk(b"a")
        asked.hold()

    with running(script) as server:
        async with opened() as pools, httpx.AsyncClient(transport=PoolTransport(pools)) as client:
            async with client.stream("POST", server.url, content=b"") as response:
                assert response.status_code == 200
            assert idle(pools) == 0


async def test_a_redirect_is_an_answer_and_an_error_is_ours() -> None:
    with running(says(b"", 302), lambda asked: asked.cut(), lambda asked: asked.send(b"?")) as server:
        async with opened() as pools, httpx.AsyncClient(transport=PoolTransport(pools)) as client:
            assert (await client.post(server.url, content=b"")).status_code == 302
            with pytest.raises((Cut, UpstreamProtocol)):
                await client.post(server.url, content=b"")


async def test_what_is_compressed_is_refused_before_it_grows() -> None:
    def script(asked: Asked) -> None:
        asked.head(kind="application/json", Content_Encoding="gzip")
        asked.chunk(gzip.compress(bytes(1_000_000)))
        asked.end()

    with running(script) as server:
        async with opened() as pools, httpx.AsyncClient(transport=PoolTransport(pools)) as client:
            with pytest.raises(UpstreamProtocol, match="compressed"):
                await client.get(server.url)
            assert idle(pools) == 0


async def test_only_what_can_be_asked_is() -> None:
    async with opened() as pools, httpx.AsyncClient(transport=PoolTransport(pools)) as client:
        with pytest.raises(ValueError, match="POST"):
            await client.head("http://127.0.0.1:1")


async def test_a_get_has_no_body() -> None:
    with running(says(b"{}")) as server:
        async with opened() as pools, httpx.AsyncClient(transport=PoolTransport(pools)) as client:
            assert (await client.get(f"{server.url}/v1/models")).json() == {}
    (asked,) = server.asked
    assert (asked.method, asked.target, asked.body) == ("GET", "/v1/models", b"")
    assert "content-length" not in asked.headers
