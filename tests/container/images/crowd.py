"""Two hundred who read answers at once: `python3 crowd.py SOCKET`. Prints how many got a whole one."""

import json
import selectors
import socket
import sys

READERS = 200
QUESTION = b'{"action":"chat","content":"What is a prime?","stream":true}\n'

selector = selectors.DefaultSelector()
ends: list[str] = []
for _ in range(READERS):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(sys.argv[1])
    sock.sendall(QUESTION)
    selector.register(sock, selectors.EVENT_READ, (sock, bytearray()))
while len(ends) < READERS:
    for key, _ in selector.select():
        sock, came = key.data
        chunk = sock.recv(65536)
        came += chunk
        last = came.rstrip(b"\n").rpartition(b"\n")[2]
        event = json.loads(last) if came.endswith(b"\n") else {"event": "delta"}
        if not chunk or event["event"] in ("done", "error"):
            ends.append(event.get("finish_reason") or event["event"])
            selector.unregister(sock)
print(json.dumps({end: ends.count(end) for end in set(ends)}))
