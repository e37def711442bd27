"""The official openai SDK edits through the endpoint."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
from openai import OpenAI
from PIL import Image

from lib.endpoint import Endpoint, edits
from lib.endpoint.jobs import Jobs
from tests.endpoint.support import decoded, encoded, hole, mask, part, photo


def png(pixels: np.ndarray) -> tuple[str, bytes, str]:
    return "a.png", encoded(pixels), "image/png"


MASK = png(mask(hole()))


def test_a_single_image_changes_inside_the_mask_only(client: OpenAI) -> None:
    answer = client.images.edit(image=png(photo()), mask=MASK, prompt="fill", model="built-in")
    result = decoded(answer.data[0].b64_json)
    assert np.array_equal(result[~hole()], photo()[~hole()])
    assert not np.array_equal(result, photo())
    assert answer.size == "48x40" and answer.quality == "high"
    assert answer.background == "opaque" and answer.output_format == "png"
    assert answer._request_id.startswith("req_")
    assert "selected area" in answer.data[0].revised_prompt
    usage = answer.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens == usage.input_tokens_details.text_tokens + usage.input_tokens_details.image_tokens
    assert usage.input_tokens_details.image_tokens == 2 * 4 and usage.output_tokens == 4


@pytest.mark.parametrize("form", ["raw bytes", "unnamed BytesIO", "open file", "image/jpg", "wrong name"])
def test_a_picture_is_accepted_in_each_form_that_the_sdk_sends(client: OpenAI, tmp_path: Path, form: str) -> None:
    data = encoded(photo())
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    with path.open("rb") as file:
        image: Any = {
            "raw bytes": data,
            "unnamed BytesIO": io.BytesIO(data),
            "open file": file,
            "image/jpg": ("a.jpg", encoded(photo()[..., :3], "JPEG"), "image/jpg"),
            "wrong name": ("a.txt", data, "text/plain"),
        }[form]
        answer = client.images.with_raw_response.edit(image=image, prompt="sepia", model="gpt-image-2")
    assert answer.headers["x-generative-edit-model"] == "built-in"
    assert decoded(answer.parse().data[0].b64_json).shape == photo().shape


def test_a_list_is_arranged(client: OpenAI) -> None:
    answer = client.images.edit(
        image=[png(photo(seed=seed)) for seed in range(3)], prompt="make a collage with these", size="1536x1024"
    )
    assert decoded(answer.data[0].b64_json).shape == (1024, 1536, 4)
    assert answer.data[0].revised_prompt.startswith("Arrange the 3 pictures")


def test_the_images_own_alpha_is_the_mask(client: OpenAI) -> None:
    image = photo()
    image[hole(), 3] = 0
    result = decoded(client.images.edit(image=png(image), prompt="remove the dog").data[0].b64_json)
    assert result[..., 3].min() == 255
    assert np.array_equal(result[~hole()], image[~hole()])


@pytest.mark.parametrize("prompt", ["fill", "make it warmer", "make it red", "sepia"])
def test_several_results_differ(client: OpenAI, prompt: str) -> None:
    image, marked = png(photo(64, 64)), png(mask(hole(64, 64)))
    answer = client.images.edit(image=image, mask=marked, prompt=prompt, n=3, extra_body={"seed": 1})
    assert len({image.b64_json for image in answer.data}) == 3


def test_the_same_seed_gives_the_same_bytes(client: OpenAI) -> None:
    image, marked = png(photo(64, 64)), png(mask(hole(64, 64)))

    def results(seed: int) -> list[str | None]:
        answer = client.images.edit(image=image, mask=marked, prompt="fill", extra_body={"seed": seed})
        return [image.b64_json for image in answer.data]

    assert results(5) == results(5)
    assert results(5) != results(77)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_output_formats(client: OpenAI, kind: str) -> None:
    answer = client.images.edit(image=png(photo()), mask=MASK, prompt="fill", output_format=kind)
    assert answer.output_format == kind
    data = io.BytesIO(base64.b64decode(answer.data[0].b64_json))
    assert Image.open(data).format == kind.upper()


def test_compression_makes_files_smaller(client: OpenAI) -> None:
    sizes = [
        len(
            client.images.edit(
                image=png(photo(128, 128)), prompt="sepia", output_format="jpeg", output_compression=level
            )
            .data[0]
            .b64_json
        )
        for level in (10, 95)
    ]
    assert sizes[0] < sizes[1]


def test_a_result_has_the_requested_size(client: OpenAI) -> None:
    answer = client.images.edit(image=png(photo()), mask=MASK, prompt="fill", size="1024x1536")
    assert answer.size == "1024x1536"
    assert decoded(answer.data[0].b64_json).shape == (1536, 1024, 4)


def test_backgrounds(client: OpenAI) -> None:
    thing = np.full((60, 60, 4), 255, np.uint8)
    thing[20:40, 20:40, :3] = (200, 30, 30)
    cut = client.images.edit(image=png(thing), prompt="make it warmer", background="transparent")
    assert cut.background == "transparent"
    result = decoded(cut.data[0].b64_json)
    assert result[0, 0, 3] == 0 and result[30, 30, 3] == 255
    thing[0:10, :, 3] = 0
    flat = client.images.edit(image=png(thing), prompt="make it warmer", background="opaque")
    assert flat.background == "opaque" and decoded(flat.data[0].b64_json)[..., 3].min() == 255


def test_a_stream_sends_real_intermediate_states(client: OpenAI) -> None:
    area = np.zeros((256, 256), bool)
    area[60:180, 70:170] = True
    events = list(
        client.images.edit(
            image=png(photo(256, 256)),
            mask=png(mask(area)),
            prompt="fill",
            stream=True,
            partial_images=2,
            extra_body={"seed": 1},
        )
    )
    assert [event.type for event in events] == ["image_edit.partial_image"] * 2 + ["image_edit.completed"]
    assert [event.partial_image_index for event in events[:-1]] == [0, 1]
    pictures = [decoded(event.b64_json) for event in events]
    assert len({picture.tobytes() for picture in pictures}) == 3
    for event, picture in zip(events, pictures, strict=True):
        assert np.array_equal(picture[~area], photo(256, 256)[~area])
        assert event.size == "256x256" and event.background == "opaque" and event.quality and event.created_at
    assert events[-1].usage.output_tokens == 64 + 200


def test_without_partial_images_only_the_result_is_sent(client: OpenAI) -> None:
    events = list(client.images.edit(image=png(photo()), mask=MASK, prompt="fill", stream=True, partial_images=0))
    assert [event.type for event in events] == ["image_edit.completed"]


def test_models(client: OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["built-in"]
    assert client.models.retrieve("built-in").object == "model"
    assert client.models.retrieve("gpt-image-1.5").id == "gpt-image-1.5"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


def test_files_and_json_references(client: OpenAI) -> None:
    image = client.files.create(file=png(photo()), purpose="vision")
    stored_mask = client.files.create(
        file=MASK, purpose="vision", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert stored_mask.expires_at == stored_mask.created_at + 3600
    body = {"images": [{"file_id": image.id}], "mask": {"file_id": stored_mask.id}, "prompt": "fill", "seed": 3}
    answer = client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)
    assert np.array_equal(decoded(answer.data[0].b64_json)[~hole()], photo()[~hole()])
    assert client.files.content(image.id).read() == encoded(photo())
    assert client.files.retrieve(image.id).filename == "a.png"
    assert image.id in [entry.id for entry in client.files.list(purpose="vision")]
    for stored in (image, stored_mask):
        assert client.files.delete(stored.id).deleted
    with pytest.raises(openai.NotFoundError) as caught:
        client.post("/images/edits", body=body, cast_to=openai.types.ImagesResponse)
    assert caught.value.param == "images[0]"


def test_400_has_code_and_param(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=png(photo()), mask=MASK, prompt="replace the dog with a cat")
    assert caught.value.code == "prompt_not_understood" and caught.value.param == "prompt"
    assert "would have to be painted" in str(caught.value)


def test_a_refusal_in_a_stream_is_a_400_too(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.edit(image=png(photo()), prompt="fill", stream=True)
    assert caught.value.code == "nothing_to_fill"


def test_401(endpoint: Endpoint) -> None:
    stranger = OpenAI(api_key="wrong", base_url=endpoint.base_url, max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        stranger.models.list()
    assert caught.value.code == "invalid_api_key" and endpoint.key not in str(caught.value)


def test_404_for_an_unknown_model(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.images.edit(image=png(photo()), prompt="fill", model="gpt-9")
    assert caught.value.code == "model_not_found"


def test_413_for_a_body_that_is_too_large(client: OpenAI) -> None:
    too_much = part(bytes(51 * 1024 * 1024))[0]
    with pytest.raises(openai.APIStatusError) as caught:
        client.files.create(file=("a.png", too_much, "image/png"), purpose="vision")
    assert caught.value.status_code == 413 and caught.value.code == "request_too_large"


def test_429_when_the_queue_is_full(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    with Endpoint.start() as crowded:
        jobs = Jobs(1, 0)
        monkeypatch.setattr(crowded._server.app, "_jobs", jobs)
        impatient = OpenAI(api_key=crowded.key, base_url=crowded.base_url, max_retries=0)
        with jobs.slot(), pytest.raises(openai.RateLimitError) as caught:
            impatient.images.edit(image=png(photo(600, 600)), prompt="sepia")
        assert caught.value.code == "rate_limit_exceeded"
        assert int(caught.value.response.headers["retry-after"]) >= 1
        assert impatient.images.edit(image=png(photo()), prompt="sepia").data


def test_500_does_not_disclose_the_reason(client: OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("a secret path: /home/someone")

    monkeypatch.setattr(edits.engine, "edit", broken)
    for stream in (False, True):
        with pytest.raises(openai.InternalServerError) as caught:
            client.images.edit(image=png(photo()), prompt="sepia", stream=stream)
        assert caught.value.code == "server_error" and "someone" not in str(caught.value)
