"""How doctor tells from an error how far a question came, and from sockets whether a connection was closed."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from msgspec.structs import replace

from sidecar import errors
from sidecar.cli.checks import NAMES, Report
from sidecar.cli.checks import upstream as checks
from sidecar.errors import SidecarError
from sidecar.providers.interface import Finish, Piece, Prompt, Provider, Text
from sidecar.secret import Secret
from sidecar.settings import Settings, load_settings


class Scripted:
    """Gives pieces and then raises, over a connection that it may keep."""

    name = "scripted"
    models = ("m",)
    is_ready = True

    def __init__(
        self,
        *pieces: Piece,
        error: SidecarError | None = None,
        keeps_connection: bool = False,
        first_seconds: float = 0.0,
    ) -> None:
        self._first_seconds = first_seconds
        self._pieces = pieces
        self._error = error
        self._keeps_connection = keeps_connection
        self.kept: list[socket.socket] = []

    @asynccontextmanager
    async def stream(self, prompt: Prompt) -> AsyncIterator[AsyncIterator[Piece]]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            connection = socket.create_connection(listener.getsockname())
            theirs, _ = listener.accept()
        try:
            yield self._play()
        finally:
            theirs.close()
            if self._keeps_connection:
                self.kept.append(connection)
            else:
                connection.close()

    async def _play(self) -> AsyncIterator[Piece]:
        await anyio.sleep(self._first_seconds)
        for piece in self._pieces:
            yield piece
        if self._error is not None:
            raise self._error
        if not self._pieces or not isinstance(self._pieces[-1], Finish):
            await anyio.sleep_forever()


@pytest.fixture
def settings() -> Settings:
    url = "https://provider.example/v1"
    return replace(load_settings(), base_url=url, api_keys=(Secret("canary-key"),), proxy=None)


def examine(settings: Settings, provider: Provider) -> dict[str, str]:
    """Return the status of each step."""
    report = Report(lambda check: None)
    checks.check_steps(settings, provider, report)
    assert tuple(check.name for check in report.checks) == checks.STEPS
    return {check.name: check.status for check in report.checks}


def at(step: str, proven: str | None) -> dict[str, str]:
    """Return what is expected where a question broke off at `step`."""
    steps = checks.STEPS
    known = steps.index(proven) + 1 if proven else 0
    return {
        name: "failed" if name == step else "ok" if number < known else "skipped" for number, name in enumerate(steps)
    }


@pytest.mark.parametrize(
    ("error", "step", "proven"),
    [
        (errors.UpstreamDns, "name_lookup", None),
        (errors.UpstreamConnect, "connect", "name_lookup"),
        (errors.TimeoutConnect, "connect", None),
        (errors.UpstreamTls, "tls", "connect"),
        (errors.UpstreamAuth, "key", "tls"),
        (errors.UpstreamBadRequest, "model", "tls"),
        (errors.UpstreamRateLimited, "model", "tls"),
        (errors.UpstreamError, "model", "tls"),
        (errors.UpstreamProtocol, "model", "tls"),
        (errors.TimeoutFirstToken, "model", "tls"),
        (errors.Overloaded, "model", None),
    ],
)
def test_the_code_says_how_far_it_came(
    settings: Settings, error: type[SidecarError], step: str, proven: str | None
) -> None:
    assert examine(settings, Scripted(error=error("It is so."))) == at(step, proven)


@pytest.mark.parametrize("error", [errors.Truncated, errors.TimeoutIdle, errors.TimeoutTotal])
def test_an_answer_that_had_begun_fails_at_its_tokens(settings: Settings, error: type[SidecarError]) -> None:
    assert examine(settings, Scripted(Text("1"), error=error("It is so."))) == at("tokens", "model")


def test_steps_that_there_are_not_are_not_reported_as_good(settings: Settings) -> None:
    settings = replace(settings, base_url="http://[::1]:11434", api_keys=())
    report = Report(lambda check: None)
    checks.check_steps(settings, Scripted(error=errors.UpstreamConnect("It is so.")), report)
    skipped = {check.name: check.message for check in report.checks if check.status == "skipped"}
    assert skipped["name_lookup"].startswith("not needed")
    assert skipped["tls"].startswith("not needed")
    assert skipped["key"].startswith("not needed")
    assert skipped["model"] == "not reached"


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> list[Provider | None]:
    """Holds the provider that the second question goes to."""
    providers: list[Provider | None] = []
    monkeypatch.setattr(checks, "choose_provider", lambda settings: providers[-1])
    return providers


ANSWER = (Text("1 "), Text("2"), Finish("stop"))


@pytest.mark.parametrize("begun", [(Text("one"),), (Text("one"), Text("two"))])
def test_a_connection_that_is_closed_on_leaving_is_good(
    settings: Settings, second: list[Provider | None], begun: tuple[Piece, ...]
) -> None:
    second.append(Scripted(*begun))
    assert examine(settings, Scripted(*ANSWER)) == dict.fromkeys(checks.STEPS, "ok")


def test_a_connection_that_stays_open_is_a_bug(
    settings: Settings, second: list[Provider | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_CLOSE_SECONDS", 0.05)
    keeping = Scripted(Text("one"), keeps_connection=True)
    second.append(keeping)
    assert examine(settings, Scripted(*ANSWER))["cancel"] == "failed"
    [connection] = keeping.kept
    connection.close()


def test_an_answer_that_was_over_proves_nothing(settings: Settings, second: list[Provider | None]) -> None:
    second.append(None)
    assert examine(settings, Scripted(*ANSWER))["cancel"] == "warning"


def test_a_second_question_that_fails_is_an_error(settings: Settings, second: list[Provider | None]) -> None:
    second.append(Scripted(error=errors.UpstreamRateLimited("It is so.")))
    assert examine(settings, Scripted(*ANSWER))["cancel"] == "failed"


def test_a_model_without_a_word_is_a_warning(settings: Settings, second: list[Provider | None]) -> None:
    second.append(None)
    found = examine(settings, Scripted(Finish("length")))
    assert (found["model"], found["tokens"], found["cancel"]) == ("warning", "skipped", "warning")


def test_an_answer_that_comes_at_its_end_was_held_back(
    settings: Settings, second: list[Provider | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "_NOTICED_SECONDS", 0.1)
    second.append(None)
    found = examine(settings, Scripted(*ANSWER, first_seconds=0.2))
    assert (found["model"], found["tokens"]) == ("ok", "warning")


def test_names_are_in_the_order_of_the_report() -> None:
    assert NAMES[-len(checks.STEPS) :] == checks.STEPS
