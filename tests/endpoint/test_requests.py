"""The fields of a request, and the errors for invalid ones."""

from typing import Any

import pytest

from tests.endpoint.support import (
    AUTH,
    EDITS,
    Caller,
    data_url,
    decoded,
    encoded,
    error_of,
    hole,
    mask,
    part,
    photo,
)

IMAGE = data_url(encoded(photo()))
MASK = data_url(encoded(mask(hole())))
BODY = {"images": [{"image_url": IMAGE}], "mask": {"image_url": MASK}, "prompt": "fill"}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": ""}, "prompt", "empty_string"),
        ({"prompt": " \n"}, "prompt", "empty_string"),
        ({"prompt": "x" * 32_001}, "prompt", "string_above_max_length"),
        ({"prompt": "x" * 32_000}, "prompt", "prompt_not_understood"),
        ({"image": None}, "image", "missing_required_parameter"),
        ({"image": "text"}, "image[0]", "invalid_type"),
        ({"mask": "text"}, "mask", "invalid_type"),
        ({"picture": part(b"")}, "picture", "unknown_parameter"),
        ({"image": part(b"%PDF-1.7", mime="image/png")}, "image[0]", "invalid_image_file"),
        ({"n": "0"}, "n", "invalid_value"),
        ({"n": "11"}, "n", "invalid_value"),
        ({"n": "two"}, "n", "invalid_type"),
        ({"n": "1.5"}, "n", "invalid_type"),
        ({"size": "huge"}, "size", "invalid_value"),
        ({"size": "0x10"}, "size", "invalid_value"),
        ({"size": "9999x9999"}, "size", "invalid_value"),
        ({"quality": "best"}, "quality", "invalid_value"),
        ({"background": "red"}, "background", "invalid_value"),
        ({"background": "transparent", "output_format": "jpeg"}, "background", "invalid_value"),
        ({"output_format": "gif"}, "output_format", "invalid_value"),
        ({"output_compression": "101"}, "output_compression", "invalid_value"),
        ({"output_compression": "-1"}, "output_compression", "invalid_value"),
        ({"input_fidelity": "medium"}, "input_fidelity", "invalid_value"),
        ({"moderation": "none"}, "moderation", "invalid_value"),
        ({"complexity": "max"}, "complexity", "invalid_value"),
        ({"safety_identifier": part(b"x")}, "safety_identifier", "unknown_parameter"),
        ({"markup": "text"}, "markup", "invalid_type"),
        ({"markup": [part(b""), part(b"")]}, "markup", "invalid_value"),
        ({"response_format": "url"}, "response_format", "invalid_value"),
        ({"stream": "yes"}, "stream", "invalid_type"),
        ({"partial_images": "4"}, "partial_images", "invalid_value"),
        ({"seed": "-1"}, "seed", "invalid_value"),
        ({"stile": "x"}, "stile", "unknown_parameter"),
        ({"mask": [part(b""), part(b"")]}, "mask", "invalid_value"),
        ({"prompt": ["fill", "fill"]}, "prompt", "invalid_value"),
    ],
)
def test_the_error_of_a_bad_field_names_it(caller: Caller, fields: dict[str, Any], param: str, code: str) -> None:
    response = caller.edit(**fields)
    assert response.status_code == 400
    error = error_of(response)
    assert (error["param"], error["code"]) == (param, code)


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "built-in", "quality": "high", "moderation": "low", "input_fidelity": "high", "user": "u"},
        {"model": "gpt-image-1-mini", "quality": "auto", "moderation": "auto", "background": "opaque"},
        {"model": "gpt-image-2.6-flare", "complexity": "medium", "safety_identifier": "u", "quality": "max"},
        {"model": "dall-e-2", "response_format": "b64_json", "n": "1", "stream": "false", "size": "auto"},
    ],
)
def test_every_field_of_the_reference_is_accepted(caller: Caller, fields: dict[str, str]) -> None:
    assert caller.edit(**fields).status_code == 200


def test_markup_is_checked_as_a_mask_is_and_takes_its_place(caller: Caller) -> None:
    first = photo()
    good, small = encoded(mask(hole())), encoded(mask(hole())[::2])
    assert caller.edit("sepia", mask=None, markup=part(good)).status_code == 200
    together = error_of(caller.edit(markup=part(good)))
    assert (together["param"], together["message"]) == ("markup", "'markup' can't be combined with 'mask'.")
    for bad in (small, encoded(first[..., :3])):
        error = error_of(caller.edit("sepia", mask=None, markup=part(bad)))
        assert (error["param"], error["code"]) == ("markup", "invalid_markup_image_format")
    body = {
        "images": [{"image_url": data_url(encoded(first))}],
        "prompt": "sepia",
        "markup": {"image_url": data_url(good)},
    }
    assert caller.json(body).status_code == 200


def test_image_and_images_are_both_accepted(caller: Caller) -> None:
    assert caller.edit(image=None, images=[part(encoded(photo()))]).status_code == 200
    assert caller.edit(images=[part(encoded(photo()))]).status_code == 200


def test_at_most_sixteen_images_are_accepted(caller: Caller) -> None:
    many = [part(encoded(photo(8, 8, seed))) for seed in range(16)]
    assert caller.form(prompt="collage", images=many, size="64x64").status_code == 200
    many = [part(encoded(photo(8, 8, seed))) for seed in range(17)]
    assert error_of(caller.form(prompt="collage", images=many))["code"] == "array_above_max_length"


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"images": None}, "image", "missing_required_parameter"),
        ({"images": []}, "image", "missing_required_parameter"),
        ({"images": IMAGE}, "images", "invalid_type"),
        ({"images": [IMAGE]}, "images[0]", "invalid_type"),
        ({"images": [{}]}, "images[0]", "invalid_value"),
        ({"images": [{"image_url": IMAGE, "file_id": "file-1"}]}, "images[0]", "invalid_value"),
        ({"images": [{"image_url": 7}]}, "images[0].image_url", "invalid_type"),
        ({"images": [{"url": IMAGE}]}, "images[0].url", "unknown_parameter"),
        ({"images": [{"image_url": "x" * 20_971_521}]}, "images[0].image_url", "string_above_max_length"),
        ({"images": [{"image_url": "data:image/png,abc"}]}, "images[0]", "invalid_image_url"),
        ({"images": [{"image_url": "data:image/png;base64,!!!"}]}, "images[0]", "invalid_image_url"),
        ({"images": [{"image_url": "data:image/svg+xml;base64,AAAA"}]}, "images[0]", "invalid_image_file"),
        ({"images": [{"image_url": "https://example.com/a.png"}]}, "images[0]", "url_not_allowed"),
        ({"images": [{"image_url": "file:///etc/passwd"}]}, "images[0]", "url_not_allowed"),
        ({"images": [{"file_id": "../../etc/passwd"}]}, "images[0]", "not_found"),
        ({"mask": {"file_id": "file-000000000000000000000000"}}, "mask", "not_found"),
        ({"mask": "x"}, "mask", "invalid_type"),
        ({"n": True}, "n", "invalid_type"),
        ({"n": 2.0, "size": "0x0"}, "size", "invalid_value"),
        ({"n": 1.5}, "n", "invalid_type"),
        ({"prompt": 7}, "prompt", "invalid_type"),
        ({"stream": 1}, "stream", "invalid_type"),
        ({"size": {"w": 1}}, "size", "invalid_type"),
    ],
)
def test_the_error_of_a_bad_json_field_names_it(caller: Caller, change: dict[str, Any], param: str, code: str) -> None:
    response = caller.json({**BODY, **change})
    assert response.status_code == (404 if code == "not_found" else 400)
    error = error_of(response)
    assert (error["param"], error["code"]) == (param, code)


def test_json_gives_the_same_result_as_multipart(caller: Caller) -> None:
    response = caller.json({**BODY, "n": 1, "size": None, "quality": "low", "seed": 4})
    form = caller.edit(seed="4")
    assert response.status_code == form.status_code == 200
    assert response.json["data"] == form.json["data"]
    assert response.json["quality"] == "low"


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a": NaN'])
def test_a_body_that_is_not_a_json_object_is_refused(caller: Caller, body: bytes) -> None:
    assert error_of(caller.json(body))["code"] in ("invalid_json", "invalid_type")


def test_broken_multipart_is_refused(caller: Caller) -> None:
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=x", "multipart/form-data; boundary=é"):
        response = caller.client.post(EDITS, data=b"--y\r\n\r\n", headers={**AUTH, "Content-Type": content_type})
        assert response.status_code == 400
        assert error_of(response)["message"]


def test_the_error_of_another_encoding_names_the_supported_ones(caller: Caller) -> None:
    response = caller.client.post(EDITS, data=b"a=b", headers=AUTH, content_type="text/plain")
    assert response.status_code == 415 and "multipart" in error_of(response)["message"]


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", "Basic test-key", "test-key", "Bearer é"]
)
def test_every_address_needs_the_key(caller: Caller, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for path in ("/v1/models", "/v1/files", "/v1/nothing", EDITS):
        response = caller.client.get(path, headers=headers)
        assert response.status_code == 401 and error_of(response)["code"] == "invalid_api_key"


def test_unknown_addresses_and_methods_are_refused(caller: Caller) -> None:
    for path in ("/", "/v1", "/v1/images/generations", "/v1/files/a/b/c", "//v1/models", "/v1/../v1/models"):
        response = caller.client.get(path, headers=AUTH)
        assert response.status_code == 404 and error_of(response)["code"] == "unknown_url"
    response = caller.client.get(EDITS, headers=AUTH)
    assert response.status_code == 405 and "POST" in response.headers["Allow"]
    assert error_of(response)["code"] == "method_not_supported"


def test_too_many_parts_and_too_long_texts_are_refused(caller: Caller) -> None:
    crowd = {f"field{index}": "x" for index in range(100)}
    assert caller.edit(**crowd).status_code == 413
    response = caller.edit(user="x" * 300_000)
    assert response.status_code == 413 and error_of(response)["code"] == "request_too_large"


def test_a_mask_needs_alpha_and_the_size_of_the_image(caller: Caller) -> None:
    opaque = encoded(photo()[..., :3])
    other_size = encoded(mask(hole(40, 40)))
    for data, reason in ((opaque, "alpha channel"), (other_size, "size")):
        error = error_of(caller.edit(mask=part(data)))
        assert error["code"] == "invalid_mask_image_format" and reason in error["message"]
        assert error["param"] == "mask" and error["type"] == "image_generation_user_error"


def test_an_empty_selection_and_a_full_one_are_refused(caller: Caller) -> None:
    empty, full = hole() & False, hole() | True
    assert error_of(caller.edit(mask=part(encoded(mask(empty)))))["code"] == "nothing_to_fill"
    assert error_of(caller.edit(mask=None))["code"] == "nothing_to_fill"
    assert error_of(caller.edit(mask=part(encoded(mask(full)))))["code"] == "nothing_to_copy_from"


def test_a_result_has_the_requested_size(caller: Caller) -> None:
    for size in ("16x16", "100x30"):
        answer = caller.edit(size=size).json
        width, height = map(int, size.split("x"))
        assert answer["size"] == size and decoded(answer["data"][0]["b64_json"]).shape == (height, width, 4)


def test_results_that_are_too_large_together_are_refused(caller: Caller) -> None:
    response = caller.edit("sepia", n="10", size="4096x4096")
    assert response.status_code == 400 and error_of(response)["param"] == "n"


def test_answers_do_not_repeat_request_headers(caller: Caller) -> None:
    headers = {**AUTH, "X-Secret": "do-not-echo", "Content-Type": "multipart/form-data; boundary=secret-boundary"}
    response = caller.client.post(EDITS, data=b"junk", headers=headers)
    everything = response.text + str(response.headers)
    assert "do-not-echo" not in everything and "test-key" not in everything and "secret-b" not in everything


def test_a_full_disk_is_a_server_error(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object) -> int:
        raise OSError(28, "No space left on device", "/home/someone/files")

    monkeypatch.setattr("lib.endpoint.files.FileStore._copy", full)
    response = caller.form("/v1/files", file=part(b"abc"), purpose="vision")
    assert response.status_code == 500
    error = error_of(response)
    assert error["code"] == "server_error" and "someone" not in error["message"]
