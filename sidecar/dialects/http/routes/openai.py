"""`/v1`: for OpenAI's clients, and all that speak as they do."""

from protocol.chat_completions import decode_completion
from protocol.errors import ProtocolError
from protocol.messages import Ping
from sidecar.dialects.http.completion_forms import ChunksForm, CompletionForm, ModelsForm
from sidecar.dialects.http.request import HttpRequest
from sidecar.session import Form, Incoming, address


def chat_completions(request: HttpRequest) -> Incoming:
    """Their messages are passed on as they are."""
    try:
        asked = decode_completion(request.json)
    except ProtocolError as exc:
        return Incoming(asked=exc, addressee=request.addressee, form=CompletionForm(request.head))
    form: Form = CompletionForm(request.head)
    if asked.stream:
        form = ChunksForm(request.head, includes_usage=asked.includes_usage)
    return Incoming(asked=asked, addressee=address(asked)._replace(token=request.token), form=form)


def models(request: HttpRequest) -> Incoming:
    """What `model` may name."""
    return Incoming(asked=Ping(), addressee=request.addressee, form=ModelsForm(request.head))
