"""Containers that end with their test; and a provider within, which is slow and knows its key."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.container.images.engine import WEB_USER, Container, Image, compose, make_secret
from tests.e2e.program import wait_until

KEY = "sk-canary-6d1f0a7b93"
SIDECAR_USER = 10081

_PROVIDER = Path(__file__).with_name("provider.py").read_text()
PROVIDER_SETTINGS = {"OPENAI_BASE_URL": "http://127.0.0.1:9100/v1", "OPENAI_MODEL": "slow"}


@pytest.fixture(scope="session")
def images() -> Iterator[Callable[[str], Image]]:
    with ExitStack() as stack:
        made: dict[str, Image] = {}

        def image(name: str) -> Image:
            if name not in made:
                made[name] = stack.enter_context(closing(Image(f"localhost/{name}")))
            return made[name]

        yield image


class Run(Protocol):
    """Starts a service of compose.yaml; what is not said is as that has it."""

    def __call__(
        self, profile: str, service: str, image: str, *, key: Path | None = None, **options: Any
    ) -> Container: ...


@pytest.fixture
def run(images: Callable[[str], Image], tmp_path: Path) -> Iterator[Run]:
    with ExitStack() as stack:

        def run(
            profile: str,
            service: str,
            image: str,
            *,
            key: Path | None = None,
            settings: Mapping[str, str] = {},
            **options: Any,
        ) -> Container:
            described = compose(profile, tmp_path, **settings)[service]
            secrets = {"database_password": make_secret(tmp_path, "database_password", "secret", WEB_USER)}
            if any(secret["source"] == "openai_api_key" for secret in described.get("secrets", ())):
                secrets["openai_api_key"] = key or make_secret(tmp_path, "openai_api_key", KEY, SIDECAR_USER)
            container = Container(images(image), described, tmp_path / service, secrets=secrets, **options)
            return stack.enter_context(closing(container))

        yield run


class Moodle:
    """A container with the stand-in for Moodle, asked as browsers and administrators ask."""

    def __init__(self, container: Container) -> None:
        self.container = container

    def get(self, page: str, *options: str) -> str:
        """Return a page of its Apache."""
        return self.container.run("curl", "--silent", *options, f"http://localhost/{page}", check=False).stdout

    def ask(self, **query: str) -> dict[str, Any]:
        pairs = [word for name, value in query.items() for word in ("--data-urlencode", f"{name}={value}")]
        answer: dict[str, Any] = json.loads(self.get("ask.php", "--get", *pairs))
        return answer

    def sidecar(self) -> int | None:
        """Return the process id of the sidecar, as the container has it."""
        found = self.container.run("pgrep", "--full", "--uid", str(SIDECAR_USER), "sidecar serve", check=False)
        return int(found.stdout.split()[0]) if found.stdout else None

    def kill(self) -> int:
        """Kill the sidecar and return who it was."""
        pid = self.sidecar()
        assert pid is not None
        self.container.run("kill", "-KILL", str(pid))
        return pid

    def start_provider(self) -> None:
        """Start a provider that takes half a minute for an answer, and takes KEY only."""
        self.container.start("python3", "-c", _PROVIDER, environment={"PROVIDER_KEY": KEY})
        is_up = "import socket; socket.create_connection(('127.0.0.1', 9100))"
        wait_until(lambda: self.container.run("python3", "-c", is_up, check=False).returncode == 0)


@pytest.fixture
def simple(run: Run) -> Moodle:
    """Moodle's container as the old guide has it, with the provider that needs no key."""
    container = run("simple", "moodle", "moodle", settings={"SIDECAR_PROVIDER": "demo"})
    container.wait_for_health()
    return Moodle(container)
