import pytest

from sidecar.texts.tokens import estimate_tokens


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("éé", 1), ("漢漢", 2), ("😀", 1)]
)
def test_four_bytes_are_a_token_rounded_up(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
