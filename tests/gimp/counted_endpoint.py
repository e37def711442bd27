"""Our own endpoint as a process that writes down what it was asked: `python -m tests.gimp.counted_endpoint …`."""

import argparse
import io
import sys
import threading
import time
from pathlib import Path

from PIL import Image
from werkzeug.wrappers import Request, Response

from lib.endpoint import server
from lib.endpoint.app import App

PNG, END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


class Counted:
    """Wraps the endpoint: each edit takes `latency` seconds, and its picture, named by its colour, is logged.

    While the file `busy` is there, edits are refused with 429.
    """

    def __init__(self, app, log, busy, latency):
        self._app, self._log, self._busy, self._latency = app, log, busy, latency
        self._writing = threading.Lock()

    def __call__(self, environ, start_response):
        if environ["REQUEST_METHOD"] != "POST":
            return self._app(environ, start_response)
        body = Request(environ).get_data()
        name = name_of(body)
        if self._busy.exists():
            self._note("refused", name)
            return Response('{"error": {"message": "busy"}}', 429, {"Retry-After": "1"})(environ, start_response)
        self._note("asked", name)
        time.sleep(self._latency)
        environ["wsgi.input"] = io.BytesIO(body)
        answer = Response.from_app(self._app, environ, buffered=True)
        self._note("answered" if answer.status_code == 200 else answer.status, name)
        return answer(environ, start_response)

    def _note(self, what, name):
        with self._writing, self._log.open("a", encoding="utf-8") as log:
            log.write(f"{what} {name}\n")


def name_of(body):
    """The name of the picture in a request: 4 levels of red are one number."""
    start = body.index(PNG)
    picture = Image.open(io.BytesIO(body[start : body.index(END, start) + len(END)])).convert("RGB")
    return f"{round(picture.getpixel((picture.width // 2, picture.height // 2))[0] / 4):02}.png"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--busy", type=Path, required=True)
    parser.add_argument("--latency", type=float, required=True)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    server.App = lambda *given, **named: Counted(App(*given, **named), options.log, options.busy, options.latency)
    with server.Endpoint.start(key=options.key) as endpoint:
        sys.stdout.write(f"{endpoint.base_url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
