"""summarize: says in fewer words what a text says."""

from protocol.messages import Summarize
from sidecar.actions._base import Draft, Rules, ask_about, read_document

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
    document = read_document(request, rules)
    length, style = request.length or "medium", request.style or "prose"
    return Draft(
        task=f"{_TASK} {_LENGTHS[length, style]}",
        messages=(ask_about(document, request, verb="summarize", marker=marker),),
        subject=document,
        length=length,
        bullets=style == "bullets",
    )
