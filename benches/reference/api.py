#!/usr/bin/env python3
"""The reference for the refs API: start and get of a run, on SQLite, with the standard library alone.

Prints its address and serves until it is killed. One connection to the database, one commit a request.
"""
import json
import sqlite3
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.Lock()
DATABASE = sqlite3.connect(sys.argv[1], check_same_thread=False, isolation_level=None)
DATABASE.execute("PRAGMA journal_mode=WAL")
DATABASE.execute("PRAGMA synchronous=NORMAL")
DATABASE.execute("CREATE TABLE runs (run_id TEXT PRIMARY KEY, body TEXT)")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else the head and the body of an answer wait for each other.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        text = json.dumps(body)
        with LOCK:
            DATABASE.execute(
                "INSERT INTO runs VALUES (?, ?) ON CONFLICT (run_id) DO UPDATE SET body = excluded.body",
                (body["run_id"], text),
            )
        self.answer(text)

    def do_GET(self):
        with LOCK:
            row = DATABASE.execute("SELECT body FROM runs WHERE run_id = ?", (self.path.rsplit("/", 1)[1],)).fetchone()
        self.answer(row[0] if row else "{}")

    def answer(self, text):
        data = text.encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
