from dataclasses import replace

import msgspec
import pytest

from sidecar.providers.openai_failures import Complaint
from sidecar.providers.openai_request import Shapes
from tests.providers.asking import PROMPT

WARM = replace(PROMPT, temperature=0.5)


def write(shapes: Shapes, model: str = "m") -> dict[str, object]:
    body: dict[str, object] = msgspec.json.decode(shapes.write(replace(WARM, model=model)))
    return body


@pytest.mark.parametrize(
    ("complaint", "without", "instead"),
    [
        (
            Complaint(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' "
                "instead.",
                "invalid_request_error unsupported_parameter",
                "max_tokens",
            ),
            "max_tokens",
            "max_completion_tokens",
        ),
        (
            Complaint(
                "Unsupported value: 'temperature' does not support 0.5 with this model. Only the default (1) value is "
                "supported.",
                "invalid_request_error unsupported_value",
                "temperature",
            ),
            "temperature",
            None,
        ),
        (Complaint('[{"type":"extra_forbidden","loc":["body","stream_options"]}]'), "stream_options", None),
        (Complaint("Unknown parameter: stream_options"), "stream_options", None),
    ],
)
def test_what_a_model_does_not_take_is_left_out_from_then_on(
    complaint: Complaint, without: str, instead: str | None
) -> None:
    shapes = Shapes()
    before = write(shapes)
    assert without in before
    shapes.learn("m", complaint)
    after = write(shapes)
    assert without not in after
    assert set(after) - set(before) == ({instead} if instead else set())
    shapes.learn("m", complaint)
    assert write(shapes) == after
    assert without in write(shapes, "other")


@pytest.mark.parametrize(
    "message", ["temperature must be at most 1", "The model does not exist", "Unsupported: tools", ""]
)
def test_other_complaints_teach_nothing(message: str) -> None:
    shapes = Shapes()
    shapes.learn("m", Complaint(message))
    assert write(shapes) == write(Shapes())


def test_what_was_learned_is_bounded() -> None:
    shapes = Shapes()
    for number in range(300):
        shapes.learn(f"m{number}", Complaint("Unknown parameter: stream_options"))
    assert "stream_options" in write(shapes, "m0")
    assert "stream_options" not in write(shapes, "m299")
