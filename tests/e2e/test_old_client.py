"""The client of the older system, as its plugin had it: PHP's curl, `POST /ai`, and any status but 200 is a failure."""

import json
import subprocess
from pathlib import Path

from tests.e2e.conftest import Serve

_CLIENT = r"""<?php
$ch = curl_init($argv[1]);
curl_setopt_array($ch, [
    CURLOPT_POST => true,
    CURLOPT_POSTFIELDS => $argv[2],
    CURLOPT_HTTPHEADER => ['Content-Type: application/json'],
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_TIMEOUT => 30,
    CURLOPT_CONNECTTIMEOUT => 5,
]);
$response = curl_exec($ch);
echo curl_getinfo($ch, CURLINFO_HTTP_CODE), ' ', $response;
"""


def ask(folder: Path, port: int, **fields: object) -> tuple[int, dict[str, object]]:
    script = folder / "client.php"
    script.write_text(_CLIENT)
    command = ["php", str(script), f"http://127.0.0.1:{port}/ai", json.dumps(fields)]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    status, _, body = said.partition(" ")
    return int(status), json.loads(body)


def test_it_goes_on_working_once_tcp_asks_for_no_token(serve: Serve, tmp_path: Path) -> None:
    port = serve(SIDECAR_TCP_AUTH="off").tcp_port
    context = "A long page. " * 1000  # so much that curl asks first whether to go on
    status, answer = ask(tmp_path, port, action="chat", content="Hi", context=context, user_id=7)
    assert (status, answer["success"]) == (200, True)
    status, answer = ask(tmp_path, port, action="summarize", content="A text.", context=None, user_id=None)
    assert (status, answer["success"]) == (200, True)
    status, answer = ask(tmp_path, port, action="nothing", content="Hi", context=None, user_id=None)
    assert (status, answer["success"]) == (200, False)
    assert isinstance(answer["error"], str)


def test_without_that_it_is_told_what_is_missing(serve: Serve, tmp_path: Path) -> None:
    port = serve(SIDECAR_TCP_AUTH="on").tcp_port
    status, answer = ask(tmp_path, port, action="chat", content="Hi")
    assert (status, answer["success"], answer["code"]) == (401, False, "unauthorized")
