"""Measure the endpoint under abuse: its memory, and how long the next regular client waits.

    python -m tests.bench.abuse [--only NAME …]

Linux only: memory is read from /proc. The endpoint is a separate process; the clients are threads of this one.
"""

import argparse
import http.client
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from tests.endpoint.support import encoded, mask, photo

ROOT = Path(__file__).parents[2]
SECONDS = 600  # a limit for a server that hangs
UPLOAD = 9_000_000
MAX_OVER_IDLE, MAX_RETAINED, MAX_SLOWDOWN = 300, 40, 2.0  # MB, MB, times
BOUNDARY = "b0undary"


@dataclass
class Server:
    """The measured endpoint."""

    host: str
    port: int
    key: str
    process: subprocess.Popen[str]

    @classmethod
    @contextmanager
    def started(cls) -> Iterator["Server"]:
        command = [sys.executable, "-m", "lib.endpoint", "--until-stdin-closes"]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            address = urlsplit(process.stdout.readline().strip().partition("=")[2])
            key = process.stdout.readline().strip().partition("=")[2]
            yield cls(address.hostname, address.port, key, process)
        finally:
            process.stdin.close()
            process.wait(SECONDS)

    def megabytes(self, field: str) -> float:
        """Return `VmRSS`, the current memory of the process, or `VmHWM`, its peak since `reset_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(field))

    def reset_peak(self) -> None:
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def post(self, body: bytes, key: str | None = None) -> int | str:
        """Post a request and read the whole answer; return its status, or the name of the error."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=SECONDS)
        headers = {
            "Authorization": f"Bearer {self.key if key is None else key}",
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        }
        try:
            connection.request("POST", "/v1/images/edits", body, headers)
            response = connection.getresponse()
            while response.read(1 << 16):
                pass
        except OSError as error:
            return type(error).__name__
        finally:
            connection.close()
        return response.status

    def post_and_leave(self, body: bytes, seconds: float) -> str:
        """Send a whole request, and close the connection after some seconds."""
        head = (
            f"POST /v1/images/edits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            with socket.create_connection((self.host, self.port), SECONDS) as raw:
                raw.sendall(head.encode() + body)
                time.sleep(seconds)
        except OSError as error:
            return type(error).__name__
        return "left"


def multipart(files: dict[str, bytes], **fields: str) -> bytes:
    """Return a multipart body."""
    parts = [f'form-data; name="{name}"\r\n\r\n{value}'.encode() for name, value in fields.items()]
    for name, data in files.items():
        head = f'form-data; name="{name}"; filename="{name}.png"\r\nContent-Type: image/png\r\n\r\n'
        parts.append(head.encode() + data)
    opening = f"--{BOUNDARY}\r\nContent-Disposition: ".encode()
    return b"".join(opening + part + b"\r\n" for part in parts) + f"--{BOUNDARY}--\r\n".encode()


def fill_request(side: int) -> bytes:
    """Return a request to remove an object that covers a sixteenth of a square picture."""
    area = np.zeros((side, side), bool)
    area[side // 3 : side // 3 + side // 4, side // 3 : side // 3 + side // 4] = True
    files = {"image": encoded(photo(side, side)), "mask": encoded(mask(area))}
    return multipart(files, prompt="remove the dog", seed="1")


def line_png(width: int) -> bytes:
    """Return a grey PNG of one row, with a transparent part in its middle."""
    row = bytearray(b"\x80\xff" * width)
    row[width : width + 2000 : 2] = bytes(1000)
    row[width + 1 : width + 2001 : 2] = bytes(1000)
    return png(width, 1, b"\0" + bytes(row))


def png(width: int, height: int, rows: bytes) -> bytes:
    """Return a grey PNG with alpha of these filtered rows."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x04\0\0\0"
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def together(calls: list[Callable[[], object]]) -> Counter:
    """Make all calls at once; return how often each result was returned."""
    barrier = threading.Barrier(len(calls))

    def call(work: Callable[[], object]) -> object:
        barrier.wait()
        return work()

    with ThreadPoolExecutor(len(calls)) as threads:
        return Counter(threads.map(call, calls))


def wrong_keys(server: Server) -> Counter:
    body = bytes(UPLOAD)
    return together([lambda: server.post(body, "wrong")] * 60)


def edits_at_once(server: Server) -> Counter:
    body = fill_request(2048)
    return together([lambda: server.post(body)] * 14)


def abandoned(server: Server) -> Counter:
    body = fill_request(2048)
    return together([lambda: server.post_and_leave(body, 1.0)] * 14)


def one_row(server: Server) -> Counter:
    body = multipart({"image": line_png(1 << 24)}, prompt="fill")
    return together([lambda: server.post(body)])


def storm(server: Server) -> Counter:
    edit, upload = fill_request(1024), bytes(UPLOAD)
    calls: list[Callable[[], object]] = [lambda: server.post(edit), lambda: server.post_and_leave(edit, 1.0)] * 100
    return together(calls + [lambda: server.post(upload, "wrong")] * 60)


SCENES = {scene.__name__: scene for scene in (wrong_keys, edits_at_once, abandoned, one_row, storm)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=list(SCENES), default=list(SCENES))
    options = parser.parse_args()
    regular = fill_request(1024)
    print("| scene | over idle, MB | retained, MB | seconds | CPU s after | alone, s | next, s | answers |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in options.only:
        with Server.started() as server:
            server.post(regular)  # the first one loads modules
            alone = min(timed(lambda: server.post(regular))[0] for _ in range(3))
            time.sleep(2)
            idle = server.megabytes("VmRSS")
            server.reset_peak()
            seconds, answers = timed(lambda: SCENES[name](server))  # noqa: B023 - called at once
            cpu_before = server.cpu_seconds()
            next_seconds, status = timed(lambda: server.post(regular))
            peak = server.megabytes("VmHWM")
            if status != 200:
                answers["next"] = status
            cpu_after = settle(server)
            retained = server.megabytes("VmRSS")
            counts = ", ".join(f"{count} × {answer}" for answer, count in answers.items())
            print(
                f"| {name} | {peak - idle:.0f} | {retained - idle:.0f} | {seconds:.1f} | "
                f"{cpu_after - cpu_before:.1f} | {alone:.2f} | {next_seconds:.2f} | {counts} |",
                flush=True,
            )
    print(f"\nLimits: {MAX_OVER_IDLE} MB over idle, {MAX_RETAINED} MB retained, next within {MAX_SLOWDOWN:g} × alone.")


def timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.monotonic()
    result = work()
    return time.monotonic() - started, result


def settle(server: Server) -> float:
    """Wait until the server is idle; return the CPU seconds that it has used."""
    before = server.cpu_seconds()
    for _ in range(SECONDS):
        time.sleep(2)
        now = server.cpu_seconds()
        if now - before < 0.1:
            break
        before = now
    return now


if __name__ == "__main__":
    main()
