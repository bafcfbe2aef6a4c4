import pytest
from anyio.lowlevel import checkpoint

from protocol.messages import Usage
from sidecar.providers import Finish, Provider, Text
from sidecar.providers.pace import Pace
from sidecar.providers.selftest import PROMPT, SECONDS_BETWEEN, SelfTestProvider

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("late", [0.0, 0.05])
async def test_five_pieces_come_at_a_known_pace_and_cost_nothing(late: float) -> None:
    time = 1000.0

    async def sleep(seconds: float) -> None:
        nonlocal time
        time += seconds + (late if seconds else 0)
        await checkpoint()

    provider: Provider = SelfTestProvider(Pace(SECONDS_BETWEEN, now=lambda: time, sleep=sleep))
    assert provider.is_ready
    times, texts, end = [], [], None
    async with provider.stream(PROMPT) as pieces:
        async for piece in pieces:
            if isinstance(piece, Text):
                times.append(time - 1000)
                texts.append(piece.text)
            else:
                end = piece
    assert times == pytest.approx([0, 0.2 + late, 0.4 + late, 0.6 + late, 0.8 + late])
    assert "".join(texts) == "This comes piece by piece."
    assert end == Finish("stop", Usage(prompt_tokens=0, completion_tokens=0))
