from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from sidecar.providers.failures import Complaint
from sidecar.providers.learning import Refusals
from sidecar.providers.openai import OpenAIDialect
from tests.providers.asking import PROMPT

WARM = replace(PROMPT, temperature=0.5)


def write(refusals: Refusals, model: str = "m") -> Mapping[str, object]:
    return OpenAIDialect().write(replace(WARM, model=model), refusals.of(model))


def learn(refusals: Refusals, complaint: Complaint, model: str = "m") -> bool:
    sent = tuple(name for name in OpenAIDialect.optional if name in write(refusals, model))
    return refusals.learn(model, complaint, sent)


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
        (Complaint("Unknown", "", "stream_options.include_usage"), "stream_options", None),
    ],
)
def test_what_a_model_does_not_take_is_left_out_from_then_on(
    complaint: Complaint, without: str, instead: str | None
) -> None:
    refusals = Refusals()
    before = write(refusals)
    assert without in before
    assert learn(refusals, complaint)
    after = write(refusals)
    assert without not in after
    assert set(after) - set(before) == ({instead} if instead else set())
    assert not learn(refusals, complaint)
    assert write(refusals) == after
    assert without in write(refusals, "other")


@pytest.mark.parametrize(
    "message", ["temperature must be at most 1", "The model does not exist", "Unsupported: tools", ""]
)
def test_other_complaints_teach_nothing(message: str) -> None:
    refusals = Refusals()
    assert not learn(refusals, Complaint(message))
    assert write(refusals) == write(Refusals())


def test_of_two_names_for_the_same_one_is_always_sent() -> None:
    refusals = Refusals()
    for name, other in (("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")) * 2:
        assert learn(refusals, Complaint(f"Unknown parameter: '{name}'"))
        assert (name in write(refusals), other in write(refusals)) == (False, True)


def test_what_was_learned_is_bounded() -> None:
    refusals = Refusals()
    for number in range(300):
        learn(refusals, Complaint("Unknown parameter: stream_options"), f"m{number}")
    assert "stream_options" in write(refusals, "m0")
    assert "stream_options" not in write(refusals, "m299")
