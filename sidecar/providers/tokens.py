"""Estimates tokens, where no provider has counted them."""

# English has about four bytes a token in the usual vocabularies; other scripts have more of both in a word.
BYTES_PER_TOKEN = 4


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a model sees in `text`: its bytes in UTF-8 by four, rounded up."""
    size = len(text) if text.isascii() else len(text.encode())
    return -(-size // BYTES_PER_TOKEN)
