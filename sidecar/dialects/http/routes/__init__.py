"""What can be asked by HTTP: one line a route, each understood by a function of a file beside this one.

A function makes of a whole request what is asked and the form in which it is answered; `asked` is a message of the
protocol wherever there is one, so that it is served as in every other dialect.
"""

from sidecar.dialects.http.routes import generate, openai, replies, status
from sidecar.dialects.http.routing import Route, Routes

ROUTES = Routes(
    (
        Route("POST", "/ai", generate.ai),
        Route("POST", "/chat", generate.chat),
        Route("POST", "/summarize", generate.summarize),
        Route("POST", "/analyze", generate.analyze),
        Route("POST", "/replies", replies.start),
        Route("POST", "/replies/{reply}/tickets", replies.ticket),
        Route("DELETE", "/replies/{reply}", replies.cancel),
        Route("POST", "/v1/chat/completions", openai.chat_completions),
        Route("GET", "/v1/models", openai.models),
        Route("GET", "/health", status.health),
        Route("GET", "/readyz", status.readyz),
        Route("GET", "/metrics", status.metrics),
        Route("GET", "/livez", status.livez, is_open=True),
    )
)
"""On the Unix socket and on TCP."""

WEB_ROUTES = Routes((Route("GET", "/replies/{ticket}", replies.read),), is_silent=True)
"""On the web server's socket, where anybody may ask: never anything but what a ticket opens."""
