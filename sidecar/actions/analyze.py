"""analyze: says what a text offers for teaching and learning."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

import anyio.to_thread
from msgspec.structs import replace

from protocol.messages import Analyze
from protocol.results import Readability
from sidecar.actions._analysis import ask_for_analysis, describe_schema, schema
from sidecar.actions._base import Draft, Drafted, Rules, ask_about, read_context, read_document
from sidecar.actions._document import Document, work_on
from sidecar.actions._fence import Visible
from sidecar.actions._model import Model
from sidecar.actions._work import Plan, say
from sidecar.providers.interface import Piece, Prompt

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

_JSON_TASK = """
Your task: analyze the text for teaching and learning. Give one JSON object and nothing else, by this schema:
{schema}
- main_ideas: three to six, one sentence each.
- concepts: the important terms, each with a short definition as the text uses it.
- level: for whom it is, and the reason, in its words, sentences and ideas.
- prerequisites: what a reader should know before.
- objectives: what a reader can do afterwards, each with a verb that can be observed.
- questions: three to five that check understanding, from recall to transfer, each with a short answer.
A list is empty where the text gives nothing for it. The names and the grade stay as they are in the schema, whatever
the language of the rest. Write at most {words} words in all.
""".strip()

# Measuring so much takes 3 ms; more is given to a thread.
_INLINE_CHARACTERS = 2000


def draft(request: Analyze, rules: Rules, marker: str) -> Draft:
    """Give one message with the fenced text.

    Raises:
        TooLarge: the text is, or its context.
        InvalidParameter: the text is blank, or there is a `history`.
    """
    text, context = read_document(request, rules), read_context(request)
    is_json = request.format == "json"
    words = max(min(request.max_tokens or rules.max_tokens, rules.max_tokens) // 3, 50)
    return Draft(
        task=_JSON_TASK.format(schema=describe_schema(), words=words) if is_json else _TASK,
        messages=(ask_about(text, context, verb="analyze", marker=marker),),
        subject=text,
        schema=schema() if is_json else None,
        plan=partial(_plan, text, context),
    )


def _plan(text: Visible, context: Visible | None, drafted: Drafted) -> Plan:
    async def analyze(model: Model, prompt: Prompt) -> AsyncGenerator[Piece, None]:
        counted = await _measure(text)

        def write(text: Visible, context: Visible | None, are_notes: bool) -> Prompt:
            message = ask_about(
                text,
                context,
                verb="analyze",
                marker=drafted.marker,
                are_notes=are_notes,
                facts=_tell(counted),
            )
            return replace(prompt, messages=(message,), subject=text)

        def ask(model: Model, prompt: Prompt) -> AsyncGenerator[Piece, None]:
            return say(model, prompt) if prompt.schema is None else ask_for_analysis(model, prompt, counted)

        document = Document(
            text=text, context=context, write=write, rules=drafted.rules, marker=drafted.marker, stage="reading"
        )
        async with aclosing(work_on(document, model, ask)) as pieces:
            async for piece in pieces:
                yield piece

    return analyze


def _tell(counted: Readability | None) -> str:
    if counted is None:
        return ""
    return f"Counted, for its level: readability {counted.value:g} ({counted.measure}), which is {counted.grade}."


async def _measure(text: str) -> Readability | None:
    from sidecar.texts.readability import measure  # its patterns are large

    if len(text) <= _INLINE_CHARACTERS:
        counted = measure(text)
    else:
        # Abandoned on cancel: bounded work without effects.
        counted = await anyio.to_thread.run_sync(measure, text, abandon_on_cancel=True)
    if counted is None:
        return None
    return Readability(measure=counted.measure, value=counted.value, grade=counted.grade)
