"""The end of accepting where it comes at a bad moment. The rest is in tests/e2e/test_inherited.py."""

from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace

from sidecar.acceptor import Acceptor
from sidecar.assembly import assemble
from sidecar.listeners import open_listeners
from sidecar.settings import load_settings
from sidecar.transports.inherited import Inherited

pytestmark = pytest.mark.anyio


async def test_a_drain_before_the_first_connection_leaves_all_to_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The signal may come while the start is not over."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings(
        overrides={"SIDECAR_SOCKET": "off", "SIDECAR_TCP": "127.0.0.1:0", "SIDECAR_TCP_AUTH": "off"}
    )
    with anyio.fail_after(5), open_listeners(settings) as opened:
        async with assemble(settings, None) as parts:
            inherited = replace(opened, inherited=Inherited(tcp=opened.tcp))
            acceptor = Acceptor(inherited, parts.connections, limits=settings.limits)
            await acceptor.leave_to_the_next()
            await acceptor.run()
