"""Learns which parameters a model does not take, from what its provider complains about.

Servers and models differ: newer models want `max_completion_tokens`, and no `temperature`; older servers do not know
`stream_options`. What was refused once is not sent again.
"""

import re

from sidecar.providers.failures import Complaint

# Not every complaint about a parameter: a temperature of 3 is somebody's mistake.
_UNSUPPORTED = "(?i)unsupported|not support|unknown|unrecognized|extra|not permitted|unexpected"
_MAX_CHARACTERS = 2000

# Names of the same thing: who refuses one gets the other.
_INSTEAD = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}

# With `*` a request may name any model; what was learned of so many is a few kB.
_MAX_MODELS = 256


class Refusals:
    """What the models of one provider were seen to refuse."""

    def __init__(self) -> None:
        self._refused: dict[str, frozenset[str]] = {}

    def of(self, model: str) -> frozenset[str]:
        """Return the parameters to leave out."""
        return self._refused.get(model, frozenset())

    def learn(self, model: str, complaint: Complaint, sent: tuple[str, ...]) -> bool:
        """Note which of the parameters that were `sent` a complaint is about, and say whether it is about one."""
        name = _find_refused(complaint, sent)
        if name is None:
            return False
        if model not in self._refused and len(self._refused) >= _MAX_MODELS:
            self._refused.clear()
        self._refused[model] = self.of(model) - {_INSTEAD.get(name, "")} | {name}
        return True


def _find_refused(complaint: Complaint, sent: tuple[str, ...]) -> str | None:
    words = f"{complaint.kind} {complaint.message[:_MAX_CHARACTERS]}"
    if not re.search(_UNSUPPORTED, f"{complaint.param} {words}"):
        return None
    if complaint.param:
        parts = complaint.param.split(".")  # stream_options.include_usage
        return next((part for part in reversed(parts) if part in sent), None)
    return next((name for name in sent if re.search(rf"\b{name}\b", words)), None)
