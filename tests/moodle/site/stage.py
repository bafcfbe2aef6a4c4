"""A site with the sidecar beside it and a provider that says what a test wants."""

import os
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from signal import SIGKILL
from urllib.request import urlopen

from tests.e2e.program import MAIN, Program, environment
from tests.moodle.site import moodle
from tests.moodle.site.moodle import Site, Wanted
from tests.moodle.site.processes import program_of_everybody
from tests.providers import scripted
from tests.providers.scripted import Asked, Script, ScriptedProvider

PATIENCE_SECONDS = 40.0

_NAME = re.compile(r"\[\[(\w+)\]\]")


class Stage:
    """What stands behind a browser. `provider` answers a question with `[[name]]` in it by the script of that name."""

    def __init__(self, site: Site, provider: ScriptedProvider, scripts: dict[str, Script]) -> None:
        self.site = site
        self.provider = provider
        self.tolerated = "nothing"
        """What PHP may say of the plugin in its log in this test."""
        self._scripts = scripts
        self._answered: dict[str, threading.Event] = {}
        self._sidecar: Program | None = None
        self._settings: dict[str, str] = {}
        self._set: dict[str, str] = {}

    def script(self, name: str, script: Script) -> str:
        """Let the provider answer so, and return the mark that a question must hold."""
        self._answered[name] = threading.Event()

        def noted(asked: Asked) -> None:
            script(asked)
            self._answered[name].set()

        self._scripts[name] = noted
        return f"[[{name}]]"

    def wait_answered(self, name: str) -> None:
        """Wait until that script has come to its end."""
        assert self._answered[name].wait(PATIENCE_SECONDS)

    def asked(self, name: str) -> list[Asked]:
        """Return the requests that came for the script of that name."""
        return [asked for asked in self.provider.asked if _name(asked) == name]

    def set(self, **settings: str) -> None:
        """Change settings of the plugin, those that are not so already."""
        for name, setting in settings.items():
            if self._set.get(name) != setting:
                self.site.cli.set(name, setting)
        self._set |= settings

    def forget(self, name: str) -> None:
        """Take it that somebody else has changed this setting."""
        self._set.pop(name, None)

    def start_sidecar(self, **settings: str) -> None:
        """Start it, anew if the settings are others than those of the one that runs."""
        if self._sidecar is not None and settings == self._settings:
            return
        self.stop_sidecar()
        env = environment(
            **moodle.settings_of_sidecar(self.site),
            **self._settings_of_provider | {"SIDECAR_HEARTBEAT_SECONDS": "1"} | settings,
        )
        self._sidecar = Program([*MAIN, "serve"], cwd=self.site.folder, env=env)
        self._sidecar.wait_said("for the web server: ")
        self._settings = settings

    @contextmanager
    def child_instead(self) -> Iterator[None]:
        """Let PHP start a sidecar for each question, while none is running."""
        self.stop_sidecar()
        command, folders = program_of_everybody()
        env = environment(**self._settings_of_provider) | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
        self.site.force(command=[*command, "stdio"], environment=env)
        yield
        self.site.force()

    def children(self) -> list[int]:
        """Return the processes of sidecars that PHP has started for a question here."""
        return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if self._is_child(path)]

    def _is_child(self, command: Path) -> bool:
        with suppress(OSError):  # it has ended, or is not ours
            is_ours = self.provider.url.encode() in (command.parent / "environ").read_bytes()
            return is_ours and command.read_bytes().endswith(b"\0stdio\0")
        return False

    @property
    def _settings_of_provider(self) -> dict[str, str]:
        return {"SIDECAR_PROVIDER": "openai", "OPENAI_BASE_URL": self.provider.url, "OPENAI_MODEL": "m"}

    def kill_sidecar(self) -> None:
        """End it without a word of farewell."""
        assert self._sidecar is not None
        self._sidecar.end(SIGKILL)
        self._sidecar = None

    def stop_sidecar(self) -> None:
        if self._sidecar is not None:
            self._sidecar.close()
        self._sidecar = None


@contextmanager
def built(wanted: Wanted, *, with_plugin: bool = True) -> Iterator[Stage]:
    """Give a stage with a running sidecar, and the plugin in the site unless a test puts it there."""
    with ExitStack() as stack:
        site = stack.enter_context(moodle.running(wanted))
        scripts: dict[str, Script] = {}
        provider = stack.enter_context(scripted.running(lambda asked: scripts.get(_name(asked), _DEFAULT)(asked)))
        stage = Stage(site, provider, scripts)
        stack.callback(stage.stop_sidecar)
        stage.start_sidecar()
        if with_plugin:
            site.cli.install_plugin()
            stage.set(socket=str(site.folder / "sidecar.sock"))
        # The first page fills the caches, which takes longer than any test waits.
        with urlopen(f"{site.url}/login/index.php", timeout=PATIENCE_SECONDS * 10):
            pass
        yield stage


def tokens(count: int, *, pause: float = 0.0, first: str = "", permits: threading.Semaphore | None = None) -> Script:
    """Return a script that says so many words, each after such a pause, and a permit: `word1 word2 ...`."""

    def script(asked: Asked) -> None:
        asked.head()
        asked.chunk(scripted.ROLE + (scripted.event(scripted.chunk(first)) if first else b""))
        for number in range(1, count + 1):
            asked.pause(pause)
            assert permits is None or permits.acquire(timeout=PATIENCE_SECONDS)
            asked.chunk(scripted.event(scripted.chunk(f"word{number} ")))
        end = scripted.event(scripted.chunk(finish_reason="stop")) + scripted.event(scripted.USAGE) + scripted.DONE
        asked.chunk(end)
        asked.end()

    return script


def after(event: threading.Event, script: Script) -> Script:
    """Return a script that waits for the event, and goes on as that one."""

    def waiting(asked: Asked) -> None:
        assert event.wait(PATIENCE_SECONDS)
        script(asked)

    return waiting


def says(*texts: str) -> Script:
    """Return a script that answers so at once."""
    return scripted.stream(scripted.good(*texts))


_DEFAULT = says("That is a ", "good question.")


def _name(asked: Asked) -> str:
    """Return the last name in the last message: earlier ones are of earlier questions."""
    messages = asked.json.get("messages")
    assert isinstance(messages, list), asked.json
    found = _NAME.findall(str(messages[-1]["content"]))
    return found[-1] if found else ""
