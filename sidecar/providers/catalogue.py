"""Which models a provider has, by its own word: for whoever has named one that it does not have."""

import re
from collections.abc import Sequence

import anyio
import httpx
import msgspec

from sidecar.errors import SidecarError
from sidecar.http_pool import Cut, Pools
from sidecar.http_pool.httpx_transport import PoolTransport
from sidecar.providers.choosing import locate
from sidecar.providers.endpoint import Endpoint
from sidecar.providers.http_client import make_dialer, make_headers
from sidecar.settings import Settings

_PATIENCE_SECONDS = 5.0

# What can be set as OPENAI_MODEL, and nothing that would play tricks on a terminal.
_NAME = re.compile(r"[\w.:/@+-]{1,200}", re.ASCII)

_QUESTION = re.compile(r"/(chat/completions|messages)\Z")


class _Model(msgspec.Struct):
    id: str


class _List(msgspec.Struct):
    data: list[_Model]


async def list_models(settings: Settings) -> Sequence[str]:
    """Return the names of the models that a provider offers, in its order; none where it does not say."""
    endpoint = locate(settings)
    key = settings.api_keys[0] if settings.api_keys else None
    async with (
        Pools(make_dialer(settings), max_connections=1, spares=0) as pools,
        httpx.AsyncClient(transport=PoolTransport(pools), headers=make_headers(endpoint, key)) as client,
    ):
        return await _ask(client, _locate_list(endpoint))


async def _ask(client: httpx.AsyncClient, url: httpx.URL) -> Sequence[str]:
    try:
        with anyio.fail_after(_PATIENCE_SECONDS):
            response = await client.get(url)
        found = msgspec.json.decode(response.content, type=_List)
    except (TimeoutError, Cut, SidecarError, httpx.HTTPError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ()
    is_good = response.status_code == httpx.codes.OK
    return tuple(model.id for model in found.data if is_good and _NAME.fullmatch(model.id))


def _locate_list(endpoint: Endpoint) -> httpx.URL:
    url = httpx.URL(endpoint.url)
    return url.copy_with(path=_QUESTION.sub("/models", url.path))
