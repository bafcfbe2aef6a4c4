"""HTTP/1.1: for curl, web servers in front, and OpenAI's client libraries. SPEC.md, section 2.4.

dialect.py is the door to it. It is imported with the first connection that speaks HTTP: h11 takes longer to load than
all that stdio does. Here stands only what must be said when there is no room for that connection.
"""

from sidecar.dialects.http.responses import refuse

__all__ = ["refuse"]
