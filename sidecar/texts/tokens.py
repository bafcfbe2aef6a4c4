"""Estimates tokens, where no provider has counted them."""

# English has about four bytes a token in the usual vocabularies; other scripts have more of both in a word.
BYTES_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a model sees in `text`."""
    return tokens_in(len(text) if text.isascii() else len(text.encode()))


def tokens_in(text_bytes: int) -> int:
    """Return about how many tokens so many bytes of UTF-8 are, rounded up."""
    return -(-text_bytes // BYTES_PER_TOKEN)
