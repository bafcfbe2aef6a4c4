"""All that stands between a student and a model: web server, php-fpm, sidecar, and a provider that keeps a pace."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from tests.e2e.conftest import serve_command
from tests.e2e.program import Program, environment
from tests.providers import scripted
from tests.providers.scripted import Asked, ScriptedProvider
from tests.webservers import rig
from tests.webservers.browser import Browser
from tests.webservers.sites import WebServer, start_site

GRACE_SECONDS = 2.0
HEARTBEAT_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Stage:
    """What is there. `web_server` says which, and `browser` is in front of it."""

    web_server: WebServer
    browser: Browser
    provider: ScriptedProvider
    sidecar: Program
    start_sidecar: Callable[[], Program]
    """Starts another one, which is the caller's to close."""

    def asked(self, name: str) -> Asked:
        """Return the one request of the provider for the prompt of that name."""
        (found,) = [asked for asked in self.provider.asked if f"name={name} " in f"{_question(asked)} "]
        return found


@contextmanager
def built(web_server: WebServer, *, workers: int = 4) -> Iterator[Stage]:
    """Give a stage with so many workers of PHP."""
    with ExitStack() as stack:
        place = stack.enter_context(rig.running())
        provider = stack.enter_context(scripted.running(_answer))
        settings = {
            "SIDECAR_SOCKET": str(place.folder / "sidecar.sock"),
            "SIDECAR_SOCKET_GROUP": str(place.user.pw_gid),
            "SIDECAR_TCP": "off",
            "SIDECAR_PROVIDER": "openai",
            "SIDECAR_GRACE_SECONDS": f"{GRACE_SECONDS}",
            "SIDECAR_HEARTBEAT_SECONDS": f"{HEARTBEAT_SECONDS}",
            "OPENAI_BASE_URL": provider.url,
            "OPENAI_MODEL": "m",
        }

        def start_sidecar() -> Program:
            sidecar = Program(serve_command(None), cwd=place.folder, env=environment(**settings))
            sidecar.wait_said("for the web server: ")
            return sidecar

        sidecar = stack.enter_context(closing(start_sidecar()))
        port = start_site(place, web_server, workers=workers)
        yield Stage(web_server, Browser(port), provider, sidecar, start_sidecar)


def prompt(name: str, *, tokens: int, pause: float = 0.05) -> dict[str, str]:
    """Return the form that asks for so many tokens, each after such a pause; the name is to find it by."""
    return {"prompt": f"name={name} tokens={tokens} pause={pause}"}


def _question(asked: Asked) -> str:
    messages = asked.json["messages"]
    assert isinstance(messages, list)
    return str(messages[-1]["content"])


def _answer(asked: Asked) -> None:
    """Answer as the prompt says. A token has its number and the time at which it was written, in microseconds."""
    wanted = dict(word.split("=") for word in _question(asked).split())
    asked.head()
    asked.chunk(scripted.ROLE)
    for number in range(int(wanted["tokens"])):
        asked.chunk(scripted.event(scripted.chunk(f"{number}:{time.monotonic_ns() // 1000};")))
        asked.pause(float(wanted["pause"]))
    asked.chunk(scripted.event(scripted.chunk(finish_reason="stop")) + scripted.event(scripted.USAGE) + scripted.DONE)
    asked.end()
