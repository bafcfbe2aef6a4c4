"""The PHP client in SPEC.md does what it says, against a stand-in for the server."""

import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from protocol.codec import decode_request
from protocol.framing import FrameDecoder, encode_frame
from protocol.messages import Chat
from tests.protocol.spec import examples

_DONE = b'{"event":"done","id":"1","finish_reason":"stop","usage":{"prompt_tokens":9,"completion_tokens":4}}'
_STREAM = [
    b'{"event":"start","id":"1","reply":"r_1","model":"m"}',
    b'{"event":"ping"}',
    b'{"event":"later","id":"1"}',
    '{"event":"delta","id":"1","seq":1,"text":"Prímes "}'.encode(),
    b'{"event":"delta","id":"1","seq":2,"text":"<b>"}',
    _DONE,
]


def _ask(folder: Path, answer: Sequence[bytes], *, chunk_bytes: int = 65536) -> tuple[str, str, int, Chat]:
    """Return what the client prints, what it complains of, how it ends, and what it asked."""
    (script,) = examples("php")
    (folder / "client.php").write_text(script)
    asked: list[Chat] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s"))
        listener.listen()
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                decoder = FrameDecoder()
                while (payload := decoder.next_payload()) is None:
                    decoder.feed(connection.recv(5))
                request = decode_request(payload)
                assert isinstance(request, Chat)
                asked.append(request)
                stream = b"".join(answer)
                for start in range(0, len(stream), chunk_bytes):
                    connection.sendall(stream[start : start + chunk_bytes])

        server = threading.Thread(target=serve)
        server.start()
        done = subprocess.run(
            ["php", "-n", str(folder / "client.php"), str(folder / "s")], capture_output=True, text=True, timeout=20
        )
        server.join()
    return done.stdout, done.stderr, done.returncode, asked[0]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 7, 65536])
def test_the_example_prints_the_reply_however_it_is_cut(tmp_path: Path, chunk_bytes: int) -> None:
    printed, complaint, status, request = _ask(tmp_path, [*map(encode_frame, _STREAM)], chunk_bytes=chunk_bytes)
    assert (printed, complaint, status) == ("Prímes <b>\n4 tokens\n", "", 0)
    assert request == Chat(id="1", content="What is a prime?", user_id="42", stream=True)


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (b'{"event":"error","id":"1","code":"overloaded","message":"Wait."}', "overloaded: Wait.\n"),
        (b'{"event":"error","id":null,"code":"forbidden","message":"No."}', "forbidden: No.\n"),
        (
            b'{"success":false,"error":"Invalid JSON request","code":"bad_message"}',
            "bad_message: Invalid JSON request\n",
        ),
    ],
)
def test_the_example_reports_an_error(tmp_path: Path, answer: bytes, complaint: str) -> None:
    assert _ask(tmp_path, [encode_frame(answer)])[:3] == ("", complaint, 1)


@pytest.mark.parametrize("answer", [b"", b"\0\0", b"\0\0\0\5{", b"HTTP/1.1 200 OK\r\n", b"\0\0\0\0"])
def test_the_example_gives_up_on_what_is_no_reply(tmp_path: Path, answer: bytes) -> None:
    printed, _, status, _ = _ask(tmp_path, [encode_frame(_STREAM[0]), answer])
    assert status == 255
    assert "tokens" not in printed
