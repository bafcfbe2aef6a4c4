"""What TCP asks for, and who makes it."""

import socket
import stat
from pathlib import Path

from protocol.messages import Done, Error, Ping
from tests.e2e.client import Client
from tests.e2e.conftest import Serve
from tests.e2e.program import Program

WITH_TOKEN = {"SIDECAR_TCP_AUTH": "on"}
TOKEN = "canary-token-KBLpVsGRa2hyLCVi"


def ask_with(program: Program, token: str | None) -> Done | Error:
    with Client.tcp(program.tcp_port) as client:
        [answer] = client.ask(Ping(id="1", token=token))
        assert isinstance(answer, Done | Error)
        if isinstance(answer, Error):
            assert client.receive_rest() == []
        return answer


def test_the_token_is_made_once_and_kept_over_restarts(serve: Serve, tmp_path: Path) -> None:
    program = serve(**WITH_TOKEN)
    program.wait_said(rf"listening on TCP .*, token in {tmp_path}/token$")
    token = (tmp_path / "token").read_text()
    assert stat.S_IMODE((tmp_path / "token").stat().st_mode) == 0o640
    assert isinstance(ask_with(program, token.strip()), Done)
    assert program.end()[0] == 0

    again = serve(**WITH_TOKEN)
    assert isinstance(ask_with(again, token.strip()), Done)
    assert (tmp_path / "token").read_text() == token
    again.close()
    assert token.strip() not in program.said + again.said


def test_without_the_token_a_connection_is_refused_and_closed(serve: Serve, tmp_path: Path) -> None:
    program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN=TOKEN)
    program.wait_said("listening on TCP .*, token in SIDECAR_TOKEN$")
    assert not (tmp_path / "token").exists()

    for token in ("canary-wrong-token", None):
        answer = ask_with(program, token)
        assert isinstance(answer, Error)
        assert (answer.id, answer.code) == ("1", "unauthorized")
    assert isinstance(ask_with(program, TOKEN), Done)
    with Client.unix(program.socket_path) as client:  # which asks for none
        assert isinstance(client.ask(Ping(id="1"))[0], Done)
    program.close()
    assert "canary" not in program.said


def test_few_may_wait_before_they_show_the_token(serve: Serve) -> None:
    program = serve(SIDECAR_TCP_AUTH="on", SIDECAR_TOKEN=TOKEN, SIDECAR_MAX_UNAUTHORIZED_CONNECTIONS="1")

    with Client.tcp(program.tcp_port) as first, Client.tcp(program.tcp_port) as second:
        refusal = second.receive()
        assert isinstance(refusal, Error)
        assert (refusal.id, refusal.code) == (None, "overloaded")
        assert isinstance(first.ask(Ping(id="1", token=TOKEN))[0], Done)
        assert isinstance(ask_with(program, TOKEN), Done)  # the first does not count any more


def test_tcp_without_a_token_is_warned_of_at_every_start(serve: Serve) -> None:
    for _ in range(2):
        program = serve(SIDECAR_TCP_AUTH="off")
        program.wait_said(r"warning: SIDECAR_TCP_AUTH=off: every user and every web page")
        with Client.tcp(program.tcp_port) as client:
            assert isinstance(client.ask(Ping(id="1"))[0], Done)
        assert program.end()[0] == 0


def test_tcp_alone_keeps_its_token_in_the_default_place(serve: Serve, tmp_path: Path) -> None:
    program = serve(SIDECAR_SOCKET="off", SIDECAR_TOKEN_FILE=str(tmp_path / "kept"), **WITH_TOKEN)

    program.wait_said(rf"listening on TCP .*, token in {tmp_path}/kept$")
    assert isinstance(ask_with(program, (tmp_path / "kept").read_text().strip()), Done)
    assert "sidecar.sock" not in program.said


def test_tcp_on_the_other_loopback(serve: Serve) -> None:
    program = serve(SIDECAR_TCP="[::1]:0")
    if not has_ipv6():
        assert program.wait() == 69
        return
    port = int(program.wait_said(r"listening on TCP \[::1\]:(\d+),")[1])
    with Client(socket.create_connection(("::1", port), 5)) as client:
        assert isinstance(client.ask(Ping(id="1"))[0], Done)


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
