"""analyze: says what a text offers for teaching and learning."""

from protocol.messages import Analyze
from sidecar.actions._base import Draft, Rules, ask_about, read_document
from sidecar.errors import Unsupported

_TASK = """
Your task: analyze the text for teaching and learning. Write these sections, each under a short heading in the language
of your answer, and leave one out where the text gives nothing for it:
1. Main ideas: three to six, one sentence each.
2. Concepts and terms: the important ones, with a short definition as the text uses them.
3. Level: for whom it is, and what in its words, sentences and ideas makes it easy or hard.
4. Prerequisites: what a reader should know before.
5. Learning objectives: what a reader can do afterwards, each with a verb that can be observed.
6. Questions that check understanding: three to five, from recall to transfer, each with a short answer.
Keep apart what the text says and what you conclude from it.
""".strip()


def draft(request: Analyze, rules: Rules, marker: str) -> Draft:
    """Give one message with the fenced text.

    Raises:
        Unsupported: `format` is json.
        TooLarge: the text is, or its context.
        InvalidParameter: the text is blank, or there is a `history`.
    """
    if request.format == "json":
        raise Unsupported("`format` json comes with a later version: leave it out for an analysis as text.")
    document = read_document(request, rules)
    message = ask_about(document, request, verb="analyze", marker=marker)
    return Draft(task=_TASK, messages=(message,), subject=document)
