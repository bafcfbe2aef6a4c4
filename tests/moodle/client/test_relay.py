"""examples/relay.php behind real nginx and php-fpm: tokens one by one, and nobody pays for a browser that has left."""

import http.client
import itertools
import json
import shutil
import statistics
import time
import urllib.parse
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pytest

from tests.e2e.conftest import serve_command
from tests.e2e.program import CHECKOUT, PATIENCE_SECONDS, Program, environment, wait_until
from tests.e2e.scripts import openai_at
from tests.providers.scripted import DONE, ROLE, USAGE, Asked, Script, ScriptedProvider, chunk, event, running, status
from tests.webservers import rig

TOKENS = 12
GAP_SECONDS = 0.05

_SITE = """
server {
    listen 127.0.0.1:%d;
    location / {
        include fastcgi.conf;
        fastcgi_param SCRIPT_FILENAME %s$fastcgi_script_name;
        fastcgi_param SIDECAR_SOCKET %s;
        fastcgi_pass unix:%s;
    }
}
"""


def paced(asked: Asked) -> None:
    """Send a token, then one every 50 ms."""
    asked.head()
    asked.chunk(ROLE)
    for number in range(TOKENS):
        asked.chunk(event(chunk(f"{number} ")))
        asked.pause(GAP_SECONDS)
    asked.chunk(event(chunk(finish_reason="stop")) + event(USAGE) + DONE)
    asked.end()


def endless(asked: Asked) -> None:
    asked.head()
    while True:
        asked.chunk(event(chunk("more ")))
        asked.pause(GAP_SECONDS)


def silent(asked: Asked) -> None:
    asked.hold()


@dataclass
class Site:
    port: int
    provider: ScriptedProvider
    program: Program
    web: rig.Rig

    def post(self, content: str = "Hi") -> "Page":
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        form = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "gzip"}
        connection.request("POST", "/client/examples/relay.php", urllib.parse.urlencode({"content": content}), form)
        return Page(connection)


class Page:
    """A browser that reads: it takes gzip, and nginx gives it."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection
        self.response = connection.getresponse()
        is_compressed = self.response.getheader("Content-Encoding") == "gzip"
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress if is_compressed else bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def blocks(self) -> Iterator[str]:
        """Give each block as it comes."""
        text = b""
        while chunk := self.response.read1():
            *blocks, text = (text + self._inflate(chunk)).split(b"\n\n")
            for block in blocks:
                yield block.decode()

    def json(self) -> object:
        return json.loads(self._inflate(self.response.read()))

    def leave(self) -> float:
        # A response keeps a socket open that its connection has closed.
        self.response.close()
        self._connection.close()
        return time.monotonic()


def data_of(block: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(block.partition("data: ")[2])
    return fields


@contextmanager
def site(*scripts: Script, workers: int = 2, **settings: str) -> Iterator[Site]:
    with running(*scripts) as provider, rig.running() as web:
        shutil.copytree(CHECKOUT / "moodle" / "client", web.pages / "client")
        socket = web.folder / "sidecar.sock"
        env = environment(
            SIDECAR_SOCKET=str(socket),
            SIDECAR_ALLOWED_UIDS=str(web.user.pw_uid),
            SIDECAR_SOCKET_MODE="0666",
            SIDECAR_TCP="off",
            **openai_at(provider),
            **settings,
        )
        fpm = web.php_fpm(workers=workers)
        port = web.nginx(lambda port: _SITE % (port, web.pages, socket, fpm))
        with closing(Program(serve_command(None), cwd=Path(web.folder), env=env)) as program:
            assert program.socket_path == socket
            yield Site(port, provider, program, web)


def test_tokens_come_one_by_one() -> None:
    times, texts = [], []
    with site(paced) as on, on.post() as page:
        assert page.response.status == 200
        assert page.response.getheader("Content-Type") == "text/event-stream; charset=utf-8"
        for block in page.blocks():
            if block.startswith("event: delta"):
                times.append(time.monotonic())
                texts.append(data_of(block)["text"])
    assert "".join(texts) == "".join(f"{number} " for number in range(TOKENS))
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(gaps) > TOKENS / 2
    assert statistics.median(gaps) > 0.5 * GAP_SECONDS


def test_the_blocks_are_those_of_the_wire() -> None:
    with site(paced) as on, on.post() as page:
        blocks = list(page.blocks())
    assert blocks[0].startswith('event: start\ndata: {"event":"start","reply":"r_')
    assert blocks[1].startswith('event: delta\nid: 1\ndata: {"event":"delta","seq":1,"text":"')
    assert blocks[-1].startswith('event: done\ndata: {"event":"done","finish_reason":"stop","usage":{')


def test_a_browser_that_leaves_ends_the_call_and_php_knows_its_cost() -> None:
    with site(endless) as on:
        with on.post() as page:
            next(block for block in page.blocks() if block.startswith("event: delta"))
            left_at = page.leave()
        [asked] = on.provider.asked
        assert asked.left.wait(PATIENCE_SECONDS)
        assert asked.left_at - left_at < 5
        log = on.web.folder / "php.log"
        wait_until(lambda: log.exists() and "the browser left after" in log.read_text())


def test_a_browser_that_leaves_while_the_model_thinks_is_noticed_by_the_heartbeat() -> None:
    with site(silent, SIDECAR_HEARTBEAT_SECONDS="0.1") as on:
        with on.post() as page:
            blocks = page.blocks()
            assert next(blocks).startswith("event: start")
            assert next(blocks) == ": ping"
            left_at = page.leave()
        [asked] = on.provider.asked
        assert asked.left.wait(PATIENCE_SECONDS)
        assert asked.left_at - left_at < 5


def test_a_refusal_has_its_status() -> None:
    with site(paced) as on, on.post(content=" ") as page:
        assert page.response.status == 400
        assert page.json() == {"code": "invalid_parameter", "usage": {"prompt_tokens": 0, "completion_tokens": 0}}


def test_without_a_sidecar_the_page_says_so_and_names_no_path() -> None:
    with site(paced) as on:
        on.program.end()
        with on.post() as page:
            assert page.response.status == 503
            assert page.json() == {"code": "connection_failed"}
        assert "sidecar.sock" in (on.web.folder / "php.log").read_text()


def test_a_failure_in_the_middle_is_an_event() -> None:
    def break_off(asked: Asked) -> None:
        asked.head()
        asked.chunk(event(chunk("One")))
        asked.cut()

    with site(break_off) as on, on.post() as page:
        *_, last = page.blocks()
    assert last.startswith('event: error\ndata: {"event":"error","code":"truncated",')


def test_a_limit_tells_when_to_come_back() -> None:
    limited = status(429, {"error": {"message": "slow down"}}, Retry_After="7")
    with site(limited, SIDECAR_TIMEOUT_FIRST_TOKEN="2") as on, on.post() as page:
        *_, last = page.blocks()
    error = data_of(last)
    assert (error["code"], error["retry_after"]) == ("upstream_rate_limited", pytest.approx(7, abs=1))
