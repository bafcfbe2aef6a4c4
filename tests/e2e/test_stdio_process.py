"""`stdio` as a process: what it inherits, what it prints, and that it does not outlive its parent."""

import socket
import subprocess
import sys
import time
from signal import SIGKILL

import pytest

from protocol import codec
from protocol.framing import encode_line
from protocol.messages import Chat, Ping, Success
from tests.e2e import printing
from tests.e2e.client import stream
from tests.e2e.conftest import Launch
from tests.e2e.program import MAIN, PATIENCE_SECONDS, Program

STDIO = (*MAIN, "stdio")

# Starts the command with its own stdin and stdout, and waits for it.
PARENT = (sys.executable, "-c", "import subprocess, sys; subprocess.Popen(sys.argv[1:]).wait()")


def begin(program: Program, request: Chat | Ping) -> None:
    """Send a request and wait for the first event of its answer."""
    program.stdin.write(encode_line(codec.encode(request)))
    program.stdin.flush()
    assert program.stdout.readline().startswith(b'{"event":')


@pytest.mark.parametrize("request_", [Ping(id="1"), stream("1", tokens=1000)], ids=["idle", "streaming"])
def test_it_ends_with_its_parent(launch: Launch, request_: Chat | Ping) -> None:
    """By the kernel's word: its stdin stays open, since this process holds the other end."""
    parent = launch(*PARENT, *STDIO, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    begin(parent, request_)

    parent.process.send_signal(SIGKILL)
    killed = time.monotonic()
    parent.stdout.read()  # ends with the last process that could write
    assert time.monotonic() - killed < 5  # a drain takes eight
    parent.wait()


def test_the_end_of_its_parent_is_a_reason_not_to_drain(launch: Launch) -> None:
    parent = launch(*PARENT, *STDIO, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    begin(parent, stream("1", tokens=1000))
    parent.signal(SIGKILL)
    parent.wait()
    assert "draining" not in parent.said


def test_what_it_inherited_is_closed(launch: Launch) -> None:
    """PHP's proc_open hands on all that is open, FPM's listening socket among it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        inherited = (listener.fileno(),)
        child = launch(*STDIO, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=inherited)
        begin(child, Ping(id="1"))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, PATIENCE_SECONDS)
    assert child.process.poll() is None


def test_what_prints_does_not_harm_the_wire(launch: Launch) -> None:
    child = launch(sys.executable, printing.__file__, "stdio", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answer = codec.decode_reply(child.converse(b'{"action":"chat","content":"Hi"}\n'))

    assert isinstance(answer, Success)
    assert answer.data == "stdin is at its end: True"
    assert child.wait() == 0
    for said in ("printed", "buffered", "written", "from a child"):
        assert said in child.said
