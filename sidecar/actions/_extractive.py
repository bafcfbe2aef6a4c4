"""The floor under `summarize`: sentences of the text itself, chosen by counting, where no provider can be reached."""

import anyio.to_thread

from protocol.messages import Usage
from sidecar.actions._fence import Visible
from sidecar.providers.interface import Finish, Piece, Prompt, Text
from sidecar.texts.extract import choose_central, read_corpus
from sidecar.texts.split import take_bytes

LABEL = "[Made without a language model, which cannot be reached at present: sentences taken from the text]"

_SENTENCES = {"short": 3, "medium": 6, "long": 12}
# Read in up to 0.2 s, in a thread.
_MAX_BYTES = 200_000


async def extract(text: Visible, prompt: Prompt, usage: Usage) -> list[Piece]:
    """Return a summary as `prompt` wants it, labelled. Its end is `other`: no model has ended it."""
    sentences = await anyio.to_thread.run_sync(_choose, text, _SENTENCES[prompt.length], abandon_on_cancel=True)
    label = LABEL if len(text) <= _MAX_BYTES else f"{LABEL[:-1]}, of which the first {_MAX_BYTES // 1000} kB were read]"
    body = "\n".join(f"- {sentence}" for sentence in sentences) if prompt.bullets else " ".join(sentences)
    return [Text(f"{label}\n\n{body}"), Finish("other", usage)]


def _choose(text: str, count: int) -> list[str]:
    corpus = read_corpus(take_bytes(text, _MAX_BYTES))
    return [" ".join(sentence.split()) for sentence in choose_central(corpus, count)]
