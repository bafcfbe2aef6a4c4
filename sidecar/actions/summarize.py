"""summarize: says in fewer words what a text says."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from msgspec.structs import replace

from protocol.messages import Summarize
from sidecar.actions._base import Draft, Drafted, Rules, ask_about, read_context, read_document
from sidecar.actions._document import Document, work_on
from sidecar.actions._fence import Visible
from sidecar.actions._model import UNREACHABLE, Model
from sidecar.actions._work import Plan, say
from sidecar.providers.interface import Piece, Prompt, Text

_TASK = """
Your task: summarize the text. Keep to what it says, with its own terms, names and numbers; add no opinion and no
knowledge of your own. Begin with the summary itself, without an introduction, and never write more than the text has.
""".strip()

_LENGTHS = {
    ("short", "prose"): "Write two or three sentences.",
    ("medium", "prose"): "Write one or two paragraphs, about 150 words.",
    ("long", "prose"): "Write several paragraphs, about 400 words.",
    ("short", "bullets"): "Write a list of three points, one line each.",
    ("medium", "bullets"): "Write a list of five to eight points, one or two lines each.",
    ("long", "bullets"): "Write a list of ten to fifteen points, grouped under short headings.",
}


def draft(request: Summarize, rules: Rules, marker: str) -> Draft:
    """Give one message with the fenced text.

    Raises:
        TooLarge: the text is, or its context.
        InvalidParameter: the text is blank, or there is a `history`.
    """
    text, context = read_document(request, rules), read_context(request)
    length, style = request.length or "medium", request.style or "prose"
    return Draft(
        task=f"{_TASK} {_LENGTHS[length, style]}",
        messages=(ask_about(text, context, verb="summarize", marker=marker),),
        subject=text,
        length=length,
        bullets=style == "bullets",
        plan=partial(_plan, text, context),
    )


def _plan(text: Visible, context: Visible | None, drafted: Drafted) -> Plan:
    def write(text: Visible, context: Visible | None, are_notes: bool) -> Prompt:
        message = ask_about(text, context, verb="summarize", marker=drafted.marker, are_notes=are_notes)
        return replace(drafted.prompt, messages=(message,), subject=text)

    document = Document(
        text=text, context=context, write=write, rules=drafted.rules, marker=drafted.marker, stage="summarizing"
    )

    async def summarize(model: Model, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        has_text = False
        try:
            async with aclosing(work_on(document, model, say)) as pieces:
                async for piece in pieces:
                    has_text = has_text or isinstance(piece, Text)
                    yield piece
            return
        except UNREACHABLE:
            if has_text or not drafted.rules.extractive_fallback:
                raise
        from sidecar.actions._extractive import extract  # seldom needed, and long to load

        for piece in await extract(text, prompt, model.usage()):
            yield piece

    return summarize
