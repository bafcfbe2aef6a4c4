"""Tells which prompts ask for the same, so that they can share one answer."""

from hashlib import blake2b

from sidecar.providers.interface import Prompt

# Stands for the marker; no UTF-8 text can hold it, so that nobody can write a text that looks like another one's fence.
_ANY_MARKER = b"\xff"


def digest(prompt: Prompt, *, marker: str, provider: str) -> str:
    """Return 32 hexadecimal digits, the same for all prompts that ask the same of the same provider and model.

    `marker` is the one that `prompt` was rendered with: it makes no difference. Neither does `paced`, nor who asks.
    """
    fence = marker.encode()
    parts = [provider, prompt.action, prompt.model, str(prompt.max_tokens), str(prompt.temperature)]
    parts += [prompt.length, str(prompt.bullets), prompt.system, "" if prompt.schema is None else "json"]
    encoded = [part.encode() for part in parts]
    for message in prompt.messages:
        encoded += [message.role.encode(), message.content.encode().replace(fence, _ANY_MARKER)]
    state = blake2b(digest_size=16)
    for part in encoded:
        # The length first: ("ab", "c") is not ("a", "bc").
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.hexdigest()
