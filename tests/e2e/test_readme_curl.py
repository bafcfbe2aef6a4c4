"""The lines of README's section By HTTP, pasted into a shell beside a sidecar with its default settings."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from sidecar.dialects.http.routes import ROUTES, WEB_ROUTES
from sidecar.dialects.http.routing import Route
from tests.e2e.conftest import Serve
from tests.e2e.program import CHECKOUT, PATIENCE_SECONDS

README = (CHECKOUT / "README.md").read_text()
SECTION = README.partition("## By HTTP")[2].partition("\n## ")[0]
BLOCK = re.findall(r"^```sh\n(.*?)^```$", SECTION, flags=re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
def said(serve: Serve, tmp_path: Path) -> dict[str, str]:
    """What each line has written, by the line."""
    program = serve(SIDECAR_TCP_AUTH="on", MAX_TOKENS="20")
    block = BLOCK.replace("/run/openai-moodle-sidecar", str(program.socket_path.parent))
    block = block.replace("127.0.0.1:8081", f"127.0.0.1:{program.tcp_port}")
    lines = [line for line in block.splitlines() if line]
    script = tmp_path / "pasted"
    script.write_text("\n".join(f"{line}\nstatus=$?; printf '\\036%d\\036' $status" for line in lines))
    shell = subprocess.run(
        ["bash", str(script)], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True
    )
    parts = shell.stdout.split("\036")
    assert [status for status in parts[1::2] if status != "0"] == [], shell.stderr
    return dict(zip([line for line in BLOCK.splitlines() if line], parts[0::2], strict=False))


def test_every_line_works_when_it_is_pasted(said: dict[str, str]) -> None:
    def one(*words: str) -> str:
        found = [text for line, text in said.items() if all(word in line for word in words)]
        assert len(found) == 1, words
        return found[0]

    for line in ('/chat -H "$json" -d \'{"content":"What is a prime?"}\'', "/summarize", "/analyze", "/ai"):
        assert json.loads(one(f"sidecar{line}"))["success"] is True
    stream = one('"stream":true')
    assert stream.startswith("event: start\n")
    assert "event: delta\nid: 20\n" in stream
    assert "event: done\n" in stream
    assert json.loads(one("/v1/models"))["data"][0]["id"] == "demo"
    assert json.loads(one("/v1/chat/completions"))["choices"][0]["finish_reason"] == "length"
    assert one("web.sock").startswith("event: start\n")
    assert one("-X DELETE") == ""
    assert one("/livez") == "ok\n"
    assert one("/readyz") == "ready\n"
    assert json.loads(one("sidecar/health"))["status"] == "healthy"
    assert json.loads(one("/token"))["status"] == "healthy"
    assert 'sidecar_requests_total{action="chat",outcome="done"}' in one("/metrics")


def test_every_endpoint_has_a_line() -> None:
    routes: list[Route] = [*ROUTES.all, *WEB_ROUTES.all]
    assert len(routes) > 10
    for route in routes:
        path = re.sub(r"\{(\w+)\}", r"$\1", route.path)
        assert re.search(rf"http://sidecar{re.escape(path)}[ )|\n]", BLOCK), route.path
