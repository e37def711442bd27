"""The endpoint as a program: `python -m lib.endpoint`."""

import argparse
import ipaddress
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from lib import translation
from lib.endpoint.server import Endpoint

KEY_VARIABLE = "GENERATIVE_EDIT_ENDPOINT_KEY"


def main(arguments: list[str] | None = None) -> int:
    """Serve until Ctrl-C, SIGTERM or, with --until-stdin-closes, the end of stdin. Return the exit status."""
    # Programs read the answers, so they are never translated.
    translation.use(["en"])
    options = _parser().parse_args(arguments)
    key = options.key if options.key is not None else os.environ.get(KEY_VARIABLE)
    if options.key_file:
        try:
            key = options.key_file.read_text(encoding="utf-8-sig").strip()
        except (OSError, ValueError) as error:
            return _fail(f"Couldn't read the key in {options.key_file}: {error}.")
    if key == "":
        return _fail("The key is empty.")
    if key is not None and not (key.isascii() and key.isprintable()):
        return _fail("The key must be one line of ASCII characters: clients cannot send any other.")
    if not _is_local_only(options.host) and key is None:
        return _fail(
            f"--host {options.host} is open to other machines: set a key with --key, --key-file or {KEY_VARIABLE}."
        )
    try:
        endpoint = Endpoint.start(options.host, options.port, key, allow_urls=options.allow_urls, files=options.files)
    except (OSError, OverflowError) as error:
        return _fail(f"Couldn't listen on {options.host}, port {options.port}: {error}. Try another --port.")
    if options.log_requests:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    with endpoint:
        # What is printed may end in a log, where a key that somebody keeps in a file is not wanted.
        key_line = "" if options.key_file else f"OPENAI_API_KEY={endpoint.key}\n"
        sys.stdout.write(f"OPENAI_BASE_URL={endpoint.base_url}\n{key_line}")
        sys.stdout.flush()
        stop = _stop_event(options.until_stdin_closes)
        _wait(stop)
        stop.clear()
        finished = threading.Thread(target=_drain, args=(endpoint, options.stop_seconds, stop), daemon=True)
        finished.start()
        _wait(stop)  # for the running edits, or for a second signal
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lib.endpoint",
        description="Serve POST /v1/images/edits on this machine with the built-in engine.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--key", help=f"the bearer key (default: {KEY_VARIABLE}, else a random one)")
    parser.add_argument("--key-file", type=Path, metavar="FILE", help="read the key from a file, and print it nowhere")
    parser.add_argument("--log-requests", action="store_true", help="write a line for each request to stderr")
    parser.add_argument(
        "--stop-seconds",
        type=float,
        default=30,
        metavar="N",
        help="how long running edits may go on after SIGTERM or Ctrl-C; a second signal ends them (default: 30)",
    )
    parser.add_argument("--allow-urls", action="store_true", help="fetch images from public addresses")
    parser.add_argument("--files", type=Path, help="folder for uploaded files (default: a temporary one)")
    parser.add_argument("--until-stdin-closes", action="store_true", help="exit at the end of stdin")
    return parser


def _is_local_only(host: str) -> bool:
    """Return whether only this machine can reach a server that listens on `host`; with 0.0.0.0 or [::], others can."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _drain(endpoint: Endpoint, seconds: float, stop: threading.Event) -> None:
    endpoint.drain(seconds)
    stop.set()


def _stop_event(until_stdin_closes: bool) -> threading.Event:
    """Return an event that is set by each signal to end, and at the end of stdin if it is watched."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        # Sent when the terminal is closed; ignored under nohup.
        signal.signal(signal.SIGHUP, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_watch_stdin, args=(stop,), daemon=True).start()
    return stop


def _wait(stop: threading.Event) -> None:
    # With a timeout, because on Windows a signal cannot interrupt an endless wait.
    while not stop.wait(0.5):
        pass


def _watch_stdin(stop: threading.Event) -> None:
    while os.read(0, 4096):
        pass
    stop.set()


def _fail(message: str) -> int:
    sys.stderr.write(message + "\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
