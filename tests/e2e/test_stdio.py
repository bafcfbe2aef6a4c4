"""`stdio`: the conversation with a parent, by pipes, sockets and files."""

import os
import socket
import subprocess
from pathlib import Path
from signal import SIGTERM

import pytest

from protocol import codec
from protocol.framing import FrameDecoder, LineDecoder, encode_frame, encode_line
from protocol.messages import Chat, Error, Failure, Ping, Request, Start, Success
from tests.e2e.client import Client, DialectName, Message, is_end, plain_text, stream, text_of
from tests.e2e.conftest import Launch
from tests.e2e.program import MAIN, Program

STDIO = (*MAIN, "stdio")
LINE = b'{"action":"chat","content":"Hi","max_tokens":12}'


def messages_in(output: bytes, dialect: DialectName = "lines") -> list[Message]:
    decoder = LineDecoder() if dialect == "lines" else FrameDecoder()
    decoder.feed(output)
    payloads = []
    while (payload := decoder.next_payload()) is not None:
        payloads.append(codec.decode_reply(payload))
    assert not decoder.buffered_bytes
    return payloads


def converse(program: Program, sent: bytes) -> bytes:
    received = program.converse(sent)
    assert program.wait() == 0
    return received


@pytest.fixture
def child(launch: Launch) -> Program:
    return launch(*STDIO, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def test_one_line_in_is_one_line_out(child: Program) -> None:
    received = converse(child, b"\n \r\n" + LINE + b"\r\n")

    assert received.count(b"\n") == 1
    [answer] = messages_in(received)
    assert isinstance(answer, Success)
    assert "listening" not in child.said


def test_frames_in_are_frames_out(child: Program) -> None:
    requests: list[Request] = [stream("1"), Chat(id="2", content="Hi"), Ping(id="3")]
    received = converse(child, b"".join(encode_frame(codec.encode(request)) for request in requests))

    messages = messages_in(received, "frames")
    assert {message.id for message in messages if is_end(message)} == {"1", "2", "3"}


@pytest.mark.parametrize("dialect", ["lines", "frames"])
def test_the_end_of_input_lets_a_stream_go_on(child: Program, dialect: DialectName) -> None:
    wrap = encode_line if dialect == "lines" else encode_frame
    received = converse(child, wrap(codec.encode(stream("1"))))

    assert len(text_of(messages_in(received, dialect))) == 48


def test_no_input_is_no_output(child: Program) -> None:
    assert converse(child, b"") == b""


def test_what_is_no_request_is_answered_and_the_next_line_served(child: Program) -> None:
    received = converse(child, b"Hello?\n[1]\n" + LINE + b"\n")

    bad, worse, good = messages_in(received)
    assert isinstance(bad, Failure)
    assert (bad.error, bad.code) == ("Invalid JSON request", "bad_message")
    assert isinstance(worse, Failure)
    assert isinstance(good, Success)


def test_lines_without_ids_are_answered_in_their_order(child: Program) -> None:
    texts = ["One is odd.", "Two is even.", "Three is odd."]
    received = converse(child, b"".join(encode_line(codec.encode(Chat(content=text))) for text in texts))

    answers = [message for message in messages_in(received) if isinstance(message, Success)]
    assert [text in answer.data for text, answer in zip(texts, answers, strict=True)] == [True] * 3


def test_a_parent_may_take_its_time(launch: Launch) -> None:
    """The limits of sockets are against strangers; a parent is none."""
    patience = {"SIDECAR_IDLE_SECONDS": "0.05", "SIDECAR_READ_SECONDS": "0.05", "SIDECAR_FIRST_BYTE_SECONDS": "0.05"}
    child = launch(*STDIO, settings=patience, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    paced = stream("1")  # 0.3 s
    half = len(LINE) // 2

    child.stdin.write(encode_line(codec.encode(paced)) + LINE[:half])
    child.stdin.flush()
    first = [child.stdout.readline()]
    while not is_end(messages_in(first[-1])[0]):
        first.append(child.stdout.readline())
    child.stdin.write(LINE[half:] + b"\n")
    child.stdin.flush()
    assert isinstance(messages_in(child.stdout.readline())[0], Success)
    assert converse(child, b"") == b""


def test_one_socket_may_be_both_stdin_and_stdout(launch: Launch) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        child = launch(*STDIO, stdin=theirs.fileno(), stdout=theirs.fileno())
    with Client(ours, "frames") as client:
        expected = plain_text(client)
        client.send(stream("1"))
        client.socket.shutdown(socket.SHUT_WR)
        assert text_of(client.receive_rest()) == expected
    assert child.wait() == 0


def test_files_are_read_and_written(launch: Launch, tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes((LINE + b"\n") * 3)
    with open(tmp_path / "in", "rb") as requests, open(tmp_path / "out", "wb") as answers:
        child = launch(*STDIO, stdin=requests.fileno(), stdout=answers.fileno())
        assert child.wait() == 0

    assert len(messages_in((tmp_path / "out").read_bytes())) == 3


def test_answers_to_nowhere_are_no_error(launch: Launch, tmp_path: Path) -> None:
    child = launch(*STDIO, stdin=subprocess.PIPE)  # stdout is /dev/null
    child.stdin.write(LINE)
    child.stdin.close()
    assert child.wait() == 0
    child.wait_said("request done")


def test_a_closed_stdout_does_not_become_another_file(launch: Launch, tmp_path: Path) -> None:
    shell = ("sh", "-c", 'exec "$@" >&-', "sh")
    child = launch(*shell, *STDIO, settings={"SIDECAR_LOG_FILE": str(tmp_path / "log")}, stdin=subprocess.PIPE)
    child.stdin.write(LINE)
    child.stdin.close()
    assert child.wait() == 0
    assert b"success" not in (tmp_path / "log").read_bytes()


def test_a_closed_stderr_keeps_stdout_clean(launch: Launch) -> None:
    shell = ("sh", "-c", 'exec "$@" 2>&-', "sh")
    child = launch(*shell, *MAIN, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    [answer] = messages_in(converse(child, LINE))
    assert isinstance(answer, Success)


def test_a_parent_that_reads_no_more_is_no_error(child: Program) -> None:
    child.stdin.write(encode_line(codec.encode(stream("1", tokens=1000))))
    child.stdin.flush()
    assert isinstance(messages_in(child.stdout.readline())[0], Start)
    child.stdout.close()
    assert child.wait() == 0


def test_a_parent_that_never_reads_is_left(launch: Launch) -> None:
    child = launch(*STDIO, settings={"SIDECAR_STALL_SECONDS": "0.2"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write((LINE + b"\n") * 400)  # their answers are more than a pipe holds
    child.stdin.flush()
    assert child.wait() == 0


def test_what_the_parent_shares_stays_blocking(launch: Launch) -> None:
    requests, answers = os.pipe(), os.pipe()
    child = launch(*STDIO, stdin=requests[0], stdout=answers[1])
    with open(requests[1], "wb") as stdin, open(answers[0], "rb") as stdout:
        stdin.write(encode_line(codec.encode(Ping(id="1"))))
        stdin.flush()
        stdout.readline()
        assert os.get_blocking(requests[0])
        assert os.get_blocking(answers[1])
        os.close(requests[0])
        os.close(answers[1])
    assert child.wait() == 0


def test_the_parents_own_non_blocking_pipes_serve_as_well(launch: Launch) -> None:
    requests, answers = os.pipe(), os.pipe()
    for fd in (*requests, *answers):
        os.set_blocking(fd, False)
    child = launch(*STDIO, stdin=requests[0], stdout=answers[1])
    os.close(requests[0])
    os.close(answers[1])
    os.set_blocking(requests[1], True)
    os.set_blocking(answers[0], True)
    with open(requests[1], "wb") as stdin, open(answers[0], "rb") as stdout:
        stdin.write((LINE + b"\n") * 20)
        stdin.close()
        assert len(messages_in(stdout.read())) == 20
    assert child.wait() == 0


def test_sigterm_while_idle_ends_it(child: Program) -> None:
    child.stdin.write(encode_line(codec.encode(Ping(id="1"))))
    child.stdin.flush()
    child.stdout.readline()
    status, seconds = child.end()
    assert status == 0
    assert seconds < 5  # a drain may take eight


def test_sigterm_lets_a_stream_go_on(child: Program) -> None:
    child.stdin.write(encode_line(codec.encode(stream("1"))))
    child.stdin.flush()
    received = child.stdout.readline()
    child.signal(SIGTERM)
    received += child.stdout.read()
    assert len(text_of(messages_in(received))) == 48
    assert child.wait() == 0


def test_sigterm_ends_what_is_too_long_for_the_drain(launch: Launch) -> None:
    child = launch(*STDIO, settings={"SIDECAR_DRAIN_SECONDS": "0.2"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write(encode_line(codec.encode(stream("1", tokens=1000))))
    child.stdin.flush()
    received = child.stdout.readline()
    child.signal(SIGTERM)
    received += child.stdout.read()
    end = messages_in(received)[-1]
    assert isinstance(end, Error)
    assert end.code == "draining"
    assert child.wait() == 0


def test_the_settings_are_looked_at_first(launch: Launch) -> None:
    child = launch(*STDIO, settings={"SIDECAR_TCP": "8081x"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout.read() == b""
    assert child.wait() == 78
    assert "SIDECAR_TCP" in child.said
