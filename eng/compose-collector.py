#!/usr/bin/env python3
"""Stands in for the trace back end in eng/compose-test.sh: takes OTLP over HTTP and answers what it has of a trace.

POST /v1/traces             protobuf, kept in memory
POST anything else          taken and dropped
GET  /trace/HEX             the services that sent spans of that trace, one a line
"""
import http.server
import re
import threading

kept, lock = [], threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/v1/traces":
            with lock:
                kept.append(body)
        self.answer(b"", "application/x-protobuf")

    def do_GET(self):
        trace = bytes.fromhex(self.path.rsplit("/", 1)[-1])
        with lock:
            # Field 1 of a span: 16 bytes of trace id. The resource's service.name is a key and a string value in the same message.
            bodies = [b for b in kept if b"\x0a\x10" + trace in b]
        found = {m.group(1).decode() for b in bodies for m in re.finditer(rb"service\.name\x12.\x0a.([a-z-]+)", b, re.DOTALL)}
        self.answer("".join(f"{name}\n" for name in sorted(found)).encode(), "text/plain")

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("", 4318), Handler).serve_forever()
