"""What tests of replies and tickets share."""

from msgspec.structs import replace

from sidecar.replies import TicketLimits, TicketStore
from tests.dialects.http.talking import Talk
from tests.session.house import PEER, House

CHAT = {"action": "chat", "content": "What is a prime?", "user_id": "42"}


def new_tickets() -> TicketStore:
    return TicketStore(TicketLimits(ticket_seconds=7))


async def begin(house: House, **fields: object) -> tuple[str, str]:
    """Begin a reply and return its name and its ticket."""
    response = await Talk(house).ask("POST", "/replies", CHAT | fields)
    assert response.status == 201, response
    named = response.json()
    return str(named["reply"]), str(named["ticket"])


async def ticket_for(house: House, reply: str, **fields: object) -> str:
    response = await Talk(house).ask("POST", f"/replies/{reply}/tickets", fields)
    assert response.status == 201, response
    return str(response.json()["ticket"])


WEB = replace(PEER, is_web_server=True)


PROXIED = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "moodle.example", "Via": "1.1 proxy"}
