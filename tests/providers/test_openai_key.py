"""The key is in the header of each request, and nowhere else."""

import logging
import traceback
from pathlib import Path

import pytest
from msgspec.structs import replace

from sidecar.errors import SidecarError
from sidecar.observability import start_logging
from sidecar.providers.openai import OpenAIDialect
from sidecar.providers.remote import Choice, RemoteProvider
from sidecar.settings import SettingsError, load_settings
from tests.providers.asking import PATIENT, ask, make_settings, opened
from tests.providers.scripted import Asked, Script, event, good, running, status, stream

pytestmark = pytest.mark.anyio

CANARY = "CANARYcanary0123456789"  # without the `sk-` by which the log would know it


def echo_in_status_line(asked: Asked) -> None:
    asked.send(b"HTTP/1.1 " + asked.headers["authorization"].encode() + b"\r\n\r\n")
    asked.cut()


def echo_in_garbage(asked: Asked) -> None:
    asked.head()
    asked.chunk(b"data: {" + asked.headers["authorization"].encode() + b"\n\n")
    asked.end()


def echo_in_event(asked: Asked) -> None:
    stream(event({"error": {"message": asked.headers["authorization"], "type": CANARY, "code": CANARY}}))(asked)


def echo_in_chunk_size(asked: Asked) -> None:
    asked.head()
    asked.send(asked.headers["authorization"].encode() + b"\r\n")
    asked.cut()


def echo_with(code: int) -> Script:
    return lambda asked: status(code, {"error": {"message": f"{asked.headers['authorization']}", "code": CANARY}})(
        asked
    )


SCRIPTS: dict[str, Script] = {
    "good": stream(good("ok")),
    "in the status line": echo_in_status_line,
    "in garbage": echo_in_garbage,
    "in an event": echo_in_event,
    "in a chunk's size": echo_in_chunk_size,
    **{f"with {code}": echo_with(code) for code in (302, 400, 401, 403, 404, 422, 429, 500)},
    "reset": lambda asked: asked.reset(),
    "silence": lambda asked: asked.hold(),
}


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
async def test_it_is_in_no_record_error_repr_or_trace(script: Script, tmp_path: Path) -> None:
    shown: list[str] = []
    # The log as the program has it at `debug`, but told of no secret: nothing that is logged holds one.
    with start_logging("debug", tmp_path / "log"), running(script) as server:
        logging.getLogger("planted").debug("CANARY-planted")
        timeouts = replace(PATIENT, first_token_seconds=0.3)
        async with opened(server.url, timeouts, OPENAI_API_KEY=CANARY) as provider:
            shown += [repr(provider), repr(vars(provider)), repr(vars(provider._client))]
            try:
                shown += (await ask(provider))[0]
            except SidecarError as exc:
                shown += [str(exc), repr(exc), *traceback.format_exception(exc)]
            server.wait_asked(1)
            assert server.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    log = (tmp_path / "log").read_text()
    assert "CANARY-planted" in log
    assert "CANARYcanary" not in "\n".join((*shown, log))


def test_a_newline_behind_it_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(CANARY + "\n")
    settings = make_settings("http://127.0.0.1:1", OPENAI_API_KEY="", OPENAI_API_KEY_FILE=str(path))
    assert [key.reveal() for key in settings.api_keys] == [CANARY]
    RemoteProvider([Choice(settings, OpenAIDialect())])


@pytest.mark.parametrize("key", [f"{CANARY}é", f"{CANARY}\n{CANARY}", f"{CANARY} x", f"{CANARY}\x00"])
def test_one_that_no_header_can_hold_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings(overrides={"OPENAI_API_KEY": key})
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


async def test_none_is_sent_where_there_is_none() -> None:
    with running(stream(good("ok"))) as server:
        async with opened(server.url, OPENAI_API_KEY="") as provider:
            await ask(provider)
    assert "authorization" not in server.asked[0].headers


async def test_no_cookie_is_kept() -> None:
    def script(asked: Asked) -> None:
        asked.head(Set_Cookie="session=1; Path=/")
        asked.chunk(good("ok"))
        asked.end()

    with running(script) as server:
        async with opened(server.url) as provider:
            await ask(provider)
            await ask(provider)
    assert "cookie" not in server.asked[1].headers
