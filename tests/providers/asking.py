"""What the tests of providers over the network share: settings, and a question that is read to its end."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from msgspec.structs import replace

from sidecar.providers import Finish, Message, Prompt, Text
from sidecar.providers.choosing import DIALECTS
from sidecar.providers.dialect import Dialect
from sidecar.providers.interface import Flow
from sidecar.providers.openai import OpenAIDialect
from sidecar.providers.remote import Choice, RemoteProvider
from sidecar.providers.resilience import Backoff
from sidecar.settings import Settings, Timeouts, load_settings

KEY = "sk-canary0123456789ABCDEF"
PROMPT = Prompt(
    action="chat",
    model="m",
    system="Be honest.",
    messages=(Message("user", "Why is the sky blue?"),),
    subject="Why is the sky blue?",
    max_tokens=1000,
)
QUICK = Backoff(first_seconds=0.001, max_seconds=0.002)
# Long enough for two busy cores where it must not run out.
PATIENT = Timeouts(connect_seconds=15.0, first_token_seconds=15.0, idle_seconds=15.0, total_seconds=15.0)


def make_settings(url: str, timeouts: Timeouts | None = None, **overrides: str) -> Settings:
    texts: Mapping[str, str] = {
        "OPENAI_BASE_URL": url,
        "OPENAI_MODEL": "m",
        "OPENAI_API_KEY": KEY,
        "SIDECAR_SPARE_CONNECTIONS": "0",  # connections are counted
        **overrides,
    }
    return replace(load_settings(overrides=texts), timeouts=timeouts or PATIENT)


@asynccontextmanager
async def opened(
    url: str, timeouts: Timeouts | None = None, *, dialect: Dialect | None = None, **overrides: str
) -> AsyncIterator[RemoteProvider]:
    """Give a provider for `url`, and see that no connection is in use when it is left."""
    with anyio.fail_after(60):
        settings = make_settings(url, timeouts, **overrides)
        choices = [Choice(settings, dialect or OpenAIDialect())]
        choices += [Choice(other, DIALECTS[other.provider or "openai"]()) for other in settings.fallbacks]
        async with RemoteProvider(choices, backoff=QUICK) as provider:
            yield provider
            assert provider.connections_in_use == 0


async def ask(
    provider: RemoteProvider, prompt: Prompt = PROMPT, *, into: list[str] | None = None, past_layers: bool = True
) -> tuple[list[str], Finish]:
    """Return the texts of an answer and its end, which is the only one; `into` has the texts whatever the end is.

    They come past the layers where they can, as to a reply's log, or else all as pieces.
    """
    texts = [] if into is None else into

    def take(text: str) -> bool:
        assert text
        texts.append(text)
        return True

    end: Finish | None = None
    with anyio.fail_after(30):
        async with provider.stream(prompt) as pieces:
            async for piece in pieces:
                assert end is None
                if isinstance(piece, Text):
                    take(piece.text)
                if isinstance(piece, Flow) and past_layers:
                    await piece.run(take)
                if isinstance(piece, Finish):
                    end = piece
    assert end is not None
    return texts, end
