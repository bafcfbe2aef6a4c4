"""What the sidecar can be asked to write: requests become prompts. An action is one file and one line in `ACTIONS`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from msgspec import Struct

from protocol.messages import Analyze, Chat, Complete, Generate, Summarize
from sidecar.actions import chat, complete, summarize
from sidecar.actions._base import Draft, Drafted, Rules, choose_model, write_system_prompt
from sidecar.actions._cost import most_tokens
from sidecar.actions._fence import new_marker
from sidecar.actions._sharing import digest
from sidecar.actions._summaries import Summaries
from sidecar.actions._work import Plan, Work
from sidecar.providers.interface import Prompt

__all__ = [
    "ACTIONS",
    "Action",
    "Rules",
    "Summaries",
    "Work",
    "digest",
    "make_plan",
    "most_tokens",
    "new_marker",
    "render",
]

R = TypeVar("R", bound=Generate)


class Action(Struct, Generic[R], frozen=True):
    """One kind of request. `is_shareable`: identical requests may get one and the same answer."""

    name: str
    draft: Callable[[R, Rules, str], Draft]
    is_shareable: bool = False


def _draft_analysis(request: Analyze, rules: Rules, marker: str) -> Draft:
    from sidecar.actions import analyze  # not with each start of stdio: 1 ms, and few ask for it

    return analyze.draft(request, rules, marker)


# Any: that a request meets the function for its own type is what the keys say, and no type of a mapping can.
ACTIONS: Mapping[type[Generate], Action[Any]] = MappingProxyType(
    {
        Chat: Action("chat", chat.draft),
        Summarize: Action("summarize", summarize.draft, is_shareable=True),
        Analyze: Action("analyze", _draft_analysis, is_shareable=True),
        Complete: Action("complete", complete.draft),
    }
)


def render(request: Generate, rules: Rules, *, marker: str) -> Prompt:
    """Return all that shapes the answer, as one prompt; raises as `make_plan`."""
    return make_plan(request, rules, marker=marker)[0]


def make_plan(request: Generate, rules: Rules, *, marker: str) -> tuple[Prompt, Plan]:
    """Return all that shapes the answer, as one prompt, and how the answer comes about.

    What one call can answer is asked with that very prompt. `marker` fences off what others wrote and comes from
    `new_marker`.

    Raises:
        InvalidParameter: `content` is blank, `model` is not offered, or a field means nothing to this action.
        TooLarge: a text is larger than `rules` allow.
    """
    action = ACTIONS[type(request)]
    model = choose_model(request.model, rules.models)
    draft = action.draft(request, rules, marker)
    prompt = Prompt(
        action=action.name,
        model=model,
        system=write_system_prompt(draft.task, request) if draft.system is None else draft.system,
        messages=draft.messages,
        subject=draft.subject,
        max_tokens=min(request.max_tokens or rules.max_tokens, rules.max_tokens),
        temperature=request.temperature,
        paced=bool(request.stream),
        length=draft.length,
        bullets=draft.bullets,
        schema=draft.schema,
    )
    return prompt, draft.plan(Drafted(prompt=prompt, rules=rules, marker=marker))
