"""P: the gateway that one would write in an hour, with anyio, httpx and json, line by line. No limits, no errors.

It speaks frames on a Unix socket like the sidecar (SPEC.md 2.2), and asks the provider for each request.

    python naive.py SOCKET URL [CA]
"""

import json
import ssl
import sys

import anyio
import httpx
from anyio.abc import SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream


async def serve_client(stream: SocketStream, client: httpx.AsyncClient, url: str) -> None:
    """Serve the requests of one connection, one after the other."""
    async with stream:
        buffered = BufferedByteReceiveStream(stream)
        try:
            while True:
                size = int.from_bytes(await buffered.receive_exactly(4), "big")
                request = json.loads(await buffered.receive_exactly(size))
                await answer(request, stream, client, url)
        except (anyio.IncompleteRead, anyio.EndOfStream, anyio.BrokenResourceError, httpx.HTTPError):
            return


async def answer(request: dict[str, object], stream: SocketStream, client: httpx.AsyncClient, url: str) -> None:
    """Ask the provider and pass on token after token."""
    await send(stream, {"event": "start", "id": request.get("id"), "reply": "r", "model": request["model"]})
    body = {
        "model": request["model"],
        "messages": [{"role": "user", "content": request["content"]}],
        "stream": True,
    }
    seq = 0
    async with client.stream("POST", url, json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: ") or line == "data: [DONE]":
                continue
            text = json.loads(line[6:])["choices"][0]["delta"].get("content")
            if text:
                seq += 1
                await send(stream, {"event": "delta", "id": request.get("id"), "seq": seq, "text": text})
    usage = {"prompt_tokens": 0, "completion_tokens": seq}
    await send(stream, {"event": "done", "id": request.get("id"), "finish_reason": "stop", "usage": usage})


async def send(stream: SocketStream, event: dict[str, object]) -> None:
    """Send one frame."""
    payload = json.dumps(event).encode()
    await stream.send(len(payload).to_bytes(4, "big") + payload)


async def serve(path: str, url: str, ca: str | None) -> None:
    """Serve what comes in on the socket `path`, until the process is stopped."""
    tls: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca) if ca else True
    # Without these httpx would make a hundred streams wait for each other, and drop most connections after each reply.
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=60)
    async with httpx.AsyncClient(verify=tls, limits=limits, timeout=None, trust_env=False) as client:
        listener = await anyio.create_unix_listener(path, backlog=2048)
        await listener.serve(lambda stream: serve_client(stream, client, url))


if __name__ == "__main__":
    socket_path, provider_url, *authorities = sys.argv[1:]
    anyio.run(serve, socket_path, provider_url, authorities[0] if authorities else None)
