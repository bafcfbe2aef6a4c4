"""Speaks OpenAI's language, slowly, with who has the key that stands in PROVIDER_KEY: where others cannot read it."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WORDS = 300
SECONDS_BETWEEN = 0.1


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        is_known = self.headers["Authorization"] == f"Bearer {os.environ['PROVIDER_KEY']}"
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in range(WORDS if is_known else 0):
            delta = {"choices": [{"index": 0, "delta": {"content": f"word{number} "}}]}
            self.wfile.write(f"data: {json.dumps(delta)}\n\n".encode())
            self.wfile.flush()
            time.sleep(SECONDS_BETWEEN)

    def log_message(self, format: str, *args: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", 9100), Handler).serve_forever()
