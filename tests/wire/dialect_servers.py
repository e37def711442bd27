"""Small servers that validate a request like each provider's own code, or as its documentation says."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tests.wire.pictures import picture
from tests.wire.server import Recorded, Reply, completed_event, images_reply, json_reply, partial_event, stream_reply

IMAGE = picture()
OPENAI_FIELDS = {
    "prompt", "model", "background", "complexity", "input_fidelity", "moderation", "n", "output_compression",
    "output_format", "partial_images", "quality", "size", "stream", "user", "safety_identifier", "response_format",
}  # fmt: skip


def openai_error(status: int, message: str, code: str, param: str | None = None) -> Reply:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json_reply({"error": error}, status, {"x-request-id": "req_1"})


def is_json(request: Recorded) -> bool:
    return str(request.headers["Content-Type"]) == "application/json"


def openai(request: Recorded) -> Reply:
    if not str(request.headers["Authorization"]).startswith("Bearer sk-"):
        return openai_error(401, "Incorrect API key provided", "invalid_api_key")
    parameters = request.parameters()
    for name in parameters:
        if name not in OPENAI_FIELDS:
            return openai_error(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    if not is_json(request):
        for part in request.files:
            if part.content_type not in ("image/png", "image/jpeg", "image/webp"):
                return openai_error(400, "unsupported mimetype", "unsupported_file_mimetype", part.name)
    if "input_fidelity" in parameters and parameters.get("model") == "gpt-image-2":
        return openai_error(400, "no input_fidelity", "invalid_input_fidelity_model", "input_fidelity")
    if parameters.get("stream") in (True, "true"):
        partials = [partial_event(IMAGE, index) for index in range(int(parameters.get("partial_images", 0)))]
        return stream_reply(*partials, completed_event(IMAGE))
    return images_reply(*[IMAGE] * int(parameters.get("n", 1)))


def azure(request: Recorded) -> Reply:
    if request.headers["api-key"] != "sk-1" or request.headers["Authorization"]:
        return json_reply({"error": {"code": "401", "message": "Access denied due to invalid key."}}, 401)
    if "api-version" not in request.query:
        return json_reply({"error": {"code": "404", "message": "Resource not found"}}, 404)
    has_model = "model" in request.fields
    if "/deployments/" in request.path and (has_model or not request.path.endswith("/edit-1/images/edits")):
        return json_reply({"error": {"code": "400", "message": "model belongs in the address"}}, 400)
    if "/openai/v1/" in request.path and not has_model:
        return json_reply({"error": {"code": "400", "message": "model is missing"}}, 400)
    return images_reply(IMAGE)


def data_url_image(entry: Any) -> bool:
    """Return whether an entry of a JSON body is an image as xAI and OpenRouter document it, with a `data:` URL."""
    url = entry.get("url") if "url" in entry else entry["image_url"]["url"]
    return entry["type"] == "image_url" and bool(re.match(r"data:image/(png|jpeg|webp);base64,\S+", url))


def xai(request: Recorded) -> Reply:
    if not is_json(request):
        return json_reply({"code": "Unsupported media type", "error": "Expected application/json"}, 415)
    body = request.json
    fields = {"prompt", "model", "n", "user", "image", "images", "mask", "aspect_ratio", "resolution", "quality",
             "response_format"}  # fmt: skip
    images = body.get("images", [body.get("image")])
    if set(body) - fields or ("image" in body) is ("images" in body) or not all(map(data_url_image, images)):
        return json_reply({"code": "Client specified an invalid argument", "error": f"fields {sorted(body)}"}, 400)
    if len(images) > 3 or body.get("quality") not in (None, "low", "medium"):
        return json_reply({"code": "Client specified an invalid argument", "error": "too many images, or quality"}, 400)
    if body.get("resolution") not in (None, "1k", "2k") or not re.fullmatch(
        r"[\d.]+:[\d.]+|auto", body.get("aspect_ratio", "auto")
    ):
        return json_reply({"code": "Client specified an invalid argument", "error": "resolution or aspect_ratio"}, 400)
    if body.get("response_format") != "b64_json":
        return json_reply({"data": [{"url": "https://imgen.example/1.jpg"}]})
    return images_reply(*[IMAGE] * body.get("n", 1))


def openrouter(request: Recorded) -> Reply:
    if request.path != "/api/v1/images" or not is_json(request):
        return json_reply({"error": {"code": 404, "message": "Not found"}}, 404)
    body = request.json
    fields = {"prompt", "model", "n", "size", "aspect_ratio", "resolution", "quality", "background", "output_format",
             "output_compression", "seed", "stream", "input_references", "markup", "response_format",
             "provider"}  # fmt: skip
    for name in set(body) - fields:
        return json_reply({"error": {"code": 400, "message": f"Unsupported parameter: {name}"}}, 400)
    if not body.get("model") or body.get("size") == "auto":
        return json_reply({"error": {"code": 400, "message": "model is required, size must be WxH"}}, 400)
    if not all(map(data_url_image, [*body["input_references"], *filter(None, [body.get("markup")])])):
        return json_reply({"error": {"code": 400, "message": "input_references"}}, 400)
    return images_reply(*[IMAGE] * body.get("n", 1), usage={"cost": 0.04})


def deepinfra(request: Recorded) -> Reply:
    images = [part for part in request.files if part.name == "image"]
    if request.path != "/v1/openai/images/edits" or is_json(request) or len(images) != 1:
        return json_reply({"detail": [{"loc": ["body", "image"], "msg": "Field required"}]}, 422)
    if not re.fullmatch(r"\d+x\d+", request.fields.get("size", "1024x1024")):
        return json_reply({"detail": {"error": "size must be WIDTHxHEIGHT"}}, 422)
    if request.fields.get("response_format", "b64_json") != "b64_json" or "stream" in request.fields:
        return json_reply({"detail": {"error": "only b64_json is supported"}}, 422)
    return images_reply(*[IMAGE] * int(request.fields.get("n", 1)))


def imagerouter(request: Recorded) -> Reply:
    names = {part.name for part in request.files}
    if request.path != "/v1/openai/images/edits" or is_json(request) or "image[]" not in names:
        return json_reply({"error": {"message": "'image[]' is required", "type": "invalid_request_error"}}, 400)
    if names - {"image[]", "mask[]"} or "stream" in request.fields:
        return json_reply({"error": {"message": f"Unexpected field {sorted(names)}"}}, 400)
    if request.fields.get("response_format", "url") == "url":
        return json_reply({"created": 1, "data": [{"url": "https://storage.example/1.webp"}]})
    return images_reply(IMAGE)  # there is no `n`


def nanogpt(request: Recorded) -> Reply:
    names = {part.name for part in request.files}
    if (
        request.path != "/api/v1/images/edits"
        or not names <= {"image", "image[]", "mask"}
        or len(names - {"mask"}) != 1
    ):
        return json_reply({"error": {"message": "image or image[] is required", "code": "missing_image"}}, 400)
    if {"stream", "partial_images"} & set(request.fields):
        return json_reply({"error": {"message": "streaming is not supported"}}, 400)
    return images_reply(*[IMAGE] * int(request.fields.get("n", 1)))


def merge(request: Recorded) -> Reply:
    if "stream" in request.fields or is_json(request):
        return json_reply({"error": {"message": "stream is not supported for image edits"}}, 400)
    if "/" not in request.fields.get("model", ""):
        return json_reply({"error": {"message": "model must be vendor/model"}}, 400)
    return images_reply(*[IMAGE] * int(request.fields.get("n", 1)), cost={"total": 0.06})


def vllm_omni(request: Recorded) -> Reply:
    if is_json(request):
        return json_reply({"detail": [{"loc": ["body", "prompt"], "msg": "Field required"}]}, 422)
    fields = request.fields
    if fields.get("response_format", "b64_json") != "b64_json":
        return json_reply({"detail": "Only response_format 'b64_json' is supported now."}, 400)
    if {"quality", "input_fidelity", "stream"} & set(fields) or "mask" in [part.name for part in request.files]:
        return json_reply({"detail": "a field that this server does not have"}, 422)
    if not request.files and not any(part.name.startswith("url") for part in request.parts):
        return json_reply({"detail": "Field 'image' or 'url' is required"}, 422)
    return images_reply(*[IMAGE] * int(fields.get("n", 1)))


def sglang(request: Recorded) -> Reply:
    if is_json(request):
        return json_reply({"detail": "Field 'image' is required"}, 422)
    if request.fields.get("size") == "auto" or "quality" in request.fields:
        return json_reply({"detail": "Invalid size, or quality must be one of high, standard"}, 400)
    if request.fields.get("response_format", "b64_json") != "b64_json":
        return json_reply({"detail": "url needs cloud storage"}, 400)
    count = max(1, min(10, int(request.fields.get("n", 1))))
    return images_reply(*[IMAGE] * count, id="x", usage={"prompt_tokens": 0})


def sd_cpp(request: Recorded) -> Reply:
    if is_json(request):
        return json_reply({"error": "server_error", "message": "Content-Type must be multipart/form-data"}, 400)
    if not any(part.name in ("image[]", "image") for part in request.files):
        return json_reply({"error": "at least one image[] required"}, 400)
    if not re.fullmatch(r"\d+x\d+", request.fields.get("size", "1x1")):
        return json_reply({"error": "server_error", "message": "invalid size"}, 400)
    if request.fields.get("output_format", "png") not in ("png", "jpeg"):
        return json_reply({"error": "invalid output_format, must be one of [png, jpeg]"}, 400)
    return images_reply(*[IMAGE] * int(request.fields.get("n", 1)))


def lemonade(request: Recorded) -> Reply:
    if not request.path.startswith("/api/v1/"):
        return json_reply({"error": {"message": "not found"}}, 404)
    if len([part for part in request.files if part.name.startswith("image")]) != 1:
        return json_reply({"error": {"message": "more than the first file would be dropped"}}, 400)
    if not request.fields.get("model"):
        return json_reply({"error": {"message": "Missing model", "type": "invalid_request_error"}}, 400)
    if not re.fullmatch(r"\d+x\d+", request.fields.get("size", "1x1")):
        return json_reply({"error": {"message": "invalid size"}}, 400)
    return images_reply(*[IMAGE] * int(request.fields.get("n", 1)))


def xinference(request: Recorded) -> Reply:
    if is_json(request):
        return json_reply({"detail": "multipart only"}, 400)
    if request.fields.get("size") == "auto":
        return json_reply({"detail": "invalid literal for int() with base 10: ''"}, 500)
    if request.fields.get("response_format") != "b64_json":
        return json_reply({"created": 1, "data": [{"url": "/home/server/image.jpg", "b64_json": None}]})
    return images_reply(*[IMAGE] * int(request.fields.get("n", 1)))


def litellm(request: Recorded) -> Reply:
    names = {part.name for part in request.files}
    if {"image", "image[]"} <= names:
        return json_reply({"detail": "both image and image[]"}, 422)
    if "stream" in request.fields:
        return json_reply({"error": {"message": "object async_generator can't be used in 'await'"}}, 500)
    return openai(request)


SERVERS: dict[str, Callable[[Recorded], Any]] = {
    "openai": openai,
    "azure": azure,
    "xai": xai,
    "openrouter": openrouter,
    "deepinfra": deepinfra,
    "imagerouter": imagerouter,
    "nanogpt": nanogpt,
    "merge": merge,
    "local": openai,
    "vllm-omni": vllm_omni,
    "sglang": sglang,
    "sd-cpp": sd_cpp,
    "lemonade": lemonade,
    "xinference": xinference,
    "litellm": litellm,
    "custom": openai,
}
