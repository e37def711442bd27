"""A small image-edit server that behaves as a test tells it to, and remembers what it was sent."""

import base64
import io
import json
import math
import socket
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageOps
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

USAGE = {
    "input_tokens": 3,
    "output_tokens": 4,
    "total_tokens": 7,
    "input_tokens_details": {"text_tokens": 1, "image_tokens": 2},
}

_REFUSALS = {
    "unverified": (403, None, "Your organization must be verified to use the model `gpt-image-2`."),
    "key": (400, None, "Incorrect API key provided: xa***rt."),
    "project": (401, None, "OpenAI-Project header should match project for API key: mismatched project"),
}


@dataclass
class Received:
    """One request: its fields, its pictures in order, its mask or its markup, its headers."""

    fields: dict
    images: list
    mask: Image.Image | None
    headers: dict
    image_bytes: list = field(repr=False, default_factory=list)
    markup: Image.Image | None = None


class _Quiet(WSGIRequestHandler):
    def log(self, *_):
        pass


class TestEndpoint:
    """Answers `POST /v1/images/edits` as `behave` says: "echo", "invert", "half", "refuse", "refuse_at_length",
    "refuse_tall", "moderate" (a refusal by moderation, unless that is low), "reject_key", "die", "garbage",
    "variations" (results of different colours), "previews" (of a stream, with `seconds` after each), "deaf" (nothing is
    read for `seconds`; what comes then is not answered), "held" (an echo, once it is released), "drip", "busy",
    "drift", "night" (everything is darker), "spot" (an ellipse is changed, the rest redrawn a little), "rings" (an
    ellipse of black and white rings, which the tiles of a second pass show sharp), "torn" (only the first
    of these tiles is answered).

    `GET /v1/models` accepts `key` alone (None: any) and is answered from `models` as `listing` says.
    """

    __test__ = False

    def __init__(self):
        self.received = []
        self.previews_sent = []
        self.release = threading.Event()
        self.seconds = 0.0
        self._lock = threading.Lock()
        self._working = self.most_at_once = 0
        self.behaviour = "echo"
        self.key = None
        self.models = ["gpt-image-2", "gpt-text-9"]
        self.listing = "list"
        self.looked_up = []
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Quiet)
        # Little waits in the system's buffers, so that a request that nobody reads is not away at once.
        self._server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def behave(self, behaviour, seconds=0.0):
        """How the next requests are answered, and how long that takes; forgets what was received."""
        self.behaviour, self.seconds = behaviour, seconds
        self.received.clear()
        self.release.clear()
        self.most_at_once = 0

    def close(self):
        self._server.shutdown()

    @Request.application
    def _answer(self, request):
        if request.method == "GET":
            return self._look_up(request)
        if self.behaviour == "deaf":
            time.sleep(self.seconds)
        received = _receive(request)
        self.received.append(received)
        with self._lock:
            self._working += 1
            self.most_at_once = max(self.most_at_once, self._working)
        try:
            if self.behaviour != "previews":
                time.sleep(self.seconds)
            return getattr(self, f"_{self.behaviour}")(received)
        finally:
            with self._lock:
                self._working -= 1

    def _look_up(self, request):
        """`GET /v1/models`, as `listing` says: "list", "absent", "garbage" or a refusal; a wrong key is refused."""
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.looked_up.append((request.path, key))
        if self.key is not None and key != self.key:
            return _error(401, "invalid_api_key", f"Incorrect API key provided: {key[:6]}***.")
        if self.listing in _REFUSALS:
            return _error(*_REFUSALS[self.listing])
        if self.listing == "list":
            data = [entry if isinstance(entry, dict) else {"id": entry} for entry in self.models]
            return Response(json.dumps({"object": "list", "data": data}), content_type="application/json")
        return Response("<html>Hello</html>", 404 if self.listing == "absent" else 200, content_type="text/html")

    def _echo(self, received):
        if received.fields.get("stream") == "true":
            return _stream(received.images[0])
        return images_answer([received.images[0]] * int(received.fields.get("n", 1)))

    def _held(self, received):
        self.release.wait(60)
        return self._echo(received)

    def _invert(self, received):
        return images_answer([ImageOps.invert(received.images[0].convert("RGB"))] * int(received.fields.get("n", 1)))

    def _drift(self, received):
        """Nothing really changed, but all has moved by 6/4 pixels, 1 % larger, redder by 6 %, less blue by 5 %."""
        return images_answer([drifted(received.images[0].convert("RGB"))] * int(received.fields.get("n", 1)))

    def _night(self, received):
        return images_answer([received.images[0].convert("RGB").point(lambda value: round(value * 0.4))])

    def _spot(self, received):
        picture = drifted(received.images[0].convert("RGB"), (0, 0), 1.0, gains=(1.02, 1.0, 0.98), noise=1.5, jpeg=90)
        width, height = picture.size
        ImageDraw.Draw(picture).ellipse((width * 0.4, height * 0.4, width * 0.6, height * 0.6), fill=(230, 60, 20))
        return images_answer([picture])

    def _rings(self, received):
        picture = received.images[0].convert("RGB")
        if len(self.received) > 1:
            return images_answer([picture.point(lambda value: 255 if value > 127 else 0)])
        width, height = picture.size
        draw = ImageDraw.Draw(picture)
        for number in range(24):
            part = 0.16 + number / 75
            box = (width * part, height * part, width * (1 - part), height * (1 - part))
            draw.ellipse(box, fill=("black", "white")[number % 2])
        return images_answer([picture])

    def _torn(self, received):
        is_late = all(received is not early for early in self.received[:2])
        return self._refuse(received) if is_late else self._rings(received)

    def _half(self, received):
        picture = received.images[0].convert("RGB")
        return images_answer([picture.resize((picture.width // 2, picture.height // 2))])

    def _variations(self, received):
        picture = received.images[0].convert("L")
        colours = ("red", "green", "blue", "orange")[: int(received.fields.get("n", 1))]
        return images_answer([ImageOps.colorize(picture, "black", colour) for colour in colours])

    def _previews(self, received):
        picture = received.images[0].convert("RGB")
        posters = [ImageOps.posterize(ImageOps.invert(picture), bits) for bits in (1, 2)]
        return _stream(ImageOps.invert(picture), posters, self.seconds, self.previews_sent)

    def _refuse(self, _received):
        return _error(400, "refused", "The test refuses this.")

    def _refuse_tall(self, received):
        """Refuses pictures that are taller than wide, and inverts the others."""
        picture = received.images[0]
        return self._refuse(received) if picture.height > picture.width else self._invert(received)

    def _reject_key(self, _received):
        return _error(401, "invalid_api_key", "The test does not know this key.")

    def _refuse_at_length(self, _received):
        """In a word as long as an error's text may be."""
        return _error(400, "refused", "The test refuses this: " + "x" * 570)

    def _moderate(self, received):
        if received.fields.get("moderation") == "low":
            return self._invert(received)
        return _error(400, "moderation_blocked", "Your request was rejected by the safety system.")

    def _die(self, _received):
        def half_an_answer():
            yield b'{"created": 1, "data": [{"b64_json": "'
            raise ConnectionResetError("the test endpoint dies midway")

        return Response(half_an_answer(), content_type="application/json", headers={"Content-Length": "100000"})

    def _drip(self, received):
        """The whole answer, but its second half only after ten seconds more."""
        body = images_answer([received.images[0]]).get_data()

        def halves():
            yield body[: len(body) // 2]
            time.sleep(10)
            yield body[len(body) // 2 :]

        return Response(halves(), content_type="application/json", headers={"Content-Length": str(len(body))})

    def _busy(self, _received):
        answer = _error(429, "rate_limit_exceeded", "The test is busy.")
        answer.headers["Retry-After"] = "9"
        return answer

    def _gateway_timeout(self, _received):
        """What LiteLLM says when it stops waiting, while its upstream works on."""
        return _error(408, "408", "litellm.Timeout: Connection timed out. Timeout passed=600.0")

    def _garbage(self, _received):
        return Response("<html>502</html>", 200, content_type="text/html")


def _error(status, code, message):
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Response(json.dumps({"error": error}), status, content_type="application/json")


def drifted(picture, shift=(6, 4), zoom=1.01, turn=0.0, gains=(1.06, 1.0, 0.95), noise=0.0, jpeg=None):
    """A picture as a model gives it back: moved, zoomed, turned (degrees), tinted, noisy, through JPEG."""
    margin = 48
    wide = np.pad(np.asarray(picture), ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    cosine, sine = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
    middle = (picture.width - 1) / 2 + margin, (picture.height - 1) / 2 + margin
    # Where each pixel of the answer comes from: the inverse of the motion about the middle.
    x0 = middle[0] - cosine * (middle[0] + shift[0]) - sine * (middle[1] + shift[1])
    y0 = middle[1] + sine * (middle[0] + shift[0]) - cosine * (middle[1] + shift[1])
    motion = (cosine, sine, x0 + 0.5 * (1 - cosine - sine), -sine, cosine, y0 + 0.5 * (1 + sine - cosine))
    wide = Image.fromarray(wide)
    moved = wide.transform(wide.size, Image.Transform.AFFINE, motion, Image.Resampling.BICUBIC)
    moved = moved.crop((margin, margin, margin + picture.width, margin + picture.height))
    levels = np.asarray(moved, float) * gains + np.random.default_rng(0).normal(0, noise, (*moved.size[::-1], 3))
    answer = Image.fromarray(np.clip(levels + 0.5, 0, 255).astype(np.uint8))
    if jpeg is None:
        return answer
    file = io.BytesIO()
    answer.save(file, "JPEG", quality=jpeg)
    return Image.open(file)


def _receive(request):
    if request.is_json:
        return _receive_json(request)
    images, data = [], []
    for name in ("image", "image[]"):
        for file in request.files.getlist(name):
            data.append(file.read())
            images.append(Image.open(io.BytesIO(data[-1])))
    overlays = (request.files.get(name) for name in ("mask", "markup"))
    mask, markup = (Image.open(io.BytesIO(file.read())) if file else None for file in overlays)
    return Received(request.form.to_dict(), images, mask, dict(request.headers), data, markup)


def _receive_json(request):
    """References: data URLs become pictures, file ids stay what they are."""
    fields = request.get_json()
    images = [_referenced(reference) for reference in fields.pop("images")]
    mask = _referenced(fields.pop("mask")) if "mask" in fields else None
    return Received(fields, images, mask, dict(request.headers))


def _referenced(reference):
    if "file_id" in reference:
        return reference["file_id"]
    return Image.open(io.BytesIO(base64.b64decode(reference["image_url"].partition(",")[2])))


def _stream(picture, previews=None, seconds=0.0, sent=None):
    """Previews (one, of the finished image, where none are given) and the finished image, as an event stream.

    `sent` gets the time at which each preview goes out.
    """
    fields = {"size": "auto", "quality": "auto", "background": "opaque", "output_format": "png", "created_at": 1}

    def events():
        for number, preview in enumerate(previews or [picture]):
            event = _event("partial_image", {**fields, **_encoded(preview), "partial_image_index": number})
            if sent is not None:
                sent.append(time.monotonic())
            yield event
            time.sleep(seconds)
        yield _event("completed", {**fields, **_encoded(picture), "usage": USAGE})

    return Response(events(), content_type="text/event-stream", headers={"x-request-id": "req_test"})


def _event(kind, data):
    name = f"image_edit.{kind}"
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"


def _encoded(picture):
    return {"b64_json": base64.b64encode(_png(picture)).decode()}


def images_answer(pictures):
    data = [{"b64_json": base64.b64encode(_png(picture)).decode()} for picture in pictures]
    body = json.dumps({"created": 1, "data": data, "usage": USAGE})
    return Response(body, content_type="application/json", headers={"x-request-id": "req_test"})


def _png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()
