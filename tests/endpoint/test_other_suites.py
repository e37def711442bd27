"""The endpoint under others' tests: openai-python's own, OpenAI's client for Node, and schemathesis."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lib.endpoint import Endpoint
from tests import suites
from tests.endpoint.support import decoded, encoded, mask

pytestmark = [pytest.mark.whole_run, pytest.mark.posix, pytest.mark.timeout(1800)]

KEY = "My API Key"  # openai-python's tests send this one
SIDE = 60
# Its tests of all parameters send what the reference itself rules out for one picture in PNG: markup together with a
# mask, an address as the answer, and the fields of animations and SVG.
RULED_OUT = re.compile(
    r"^ +(?:frame_count|frame_duration_ms|markup|response_format)=.*\n|^ +svg=\{\n(?:.*\n)*?^ {12}\},\n", re.M
)
EDITS_OF_OPENAI_PYTHON = 40

NODE = """
import fs from "node:fs";
import OpenAI, { toFile } from "openai";
const [folder] = process.argv.slice(1);
const client = new OpenAI({ maxRetries: 0 });
const file = (name) => fs.createReadStream(`${folder}/${name}`);
const image = await toFile(fs.readFileSync(`${folder}/image.png`), "a.png");
const edit = (more) => client.images.edit({ image: file("image.png"), prompt: "make it warmer", ...more });
const answers = {};
answers.one = (await edit({ model: "gpt-image-1.5", user: "me" })).data[0].b64_json;
answers.masked = (await edit({ mask: file("mask.png"), prompt: "remove" })).data[0].b64_json;
answers.buffer = (await edit({ image })).data[0].b64_json;
answers.several = (await edit({ image: [file("image.png"), file("image.png")], prompt: "collage" })).data[0].b64_json;
answers.three = (await edit({ n: 3, output_format: "webp" })).data.length;
answers.events = [];
const stream = await edit({ mask: file("mask.png"), prompt: "remove", stream: true, partial_images: 2 });
for await (const event of stream) answers.events.push(event.type);
answers.models = (await client.models.list()).data.map((model) => model.id);
const stored = await client.files.create({ file: file("image.png"), purpose: "vision" });
const body = { images: [{ file_id: stored.id }], prompt: "sepia" };
answers.stored = (await client.post("/images/edits", { body })).data[0].b64_json;
try { await edit({ prompt: "a dog that plays the piano" }); } catch (error) {
  answers.refusal = [error.constructor.name, error.status, error.code, error.param];
}
console.log(JSON.stringify(answers));
"""


@pytest.fixture(scope="module")
def serving() -> Iterator[Endpoint]:
    with Endpoint.start(key=KEY) as running:
        yield running


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with image.png, a square on white, and mask.png."""
    folder = tmp_path_factory.mktemp("pictures")
    thing = np.full((SIDE, SIDE, 4), 255, np.uint8)
    thing[20:40, 20:40, :3] = (200, 30, 30)
    area = np.zeros((SIDE, SIDE), bool)
    area[10:50, 10:50] = True
    (folder / "image.png").write_bytes(encoded(thing))
    (folder / "mask.png").write_bytes(encoded(mask(area)))
    return folder


def test_openai_pythons_own_tests_of_edits_pass_with_real_pictures(serving: Endpoint, pictures: Path) -> None:
    source = suites.openai_python()
    test = (source / "tests" / "api_resources" / "test_images.py").read_text(encoding="utf-8")
    for name in ("image", "mask"):
        real = f"__import__('pathlib').Path({str(pictures / f'{name}.png')!r}).read_bytes()"
        test = test.replace(f'{name}=b"Example data"', f"{name}={real}")
    test = RULED_OUT.sub("", test).replace("A cute baby sea otter wearing a beret", "make it warmer")
    copy = source / "tests" / "api_resources" / "test_images_with_real_pictures.py"
    copy.write_text(test, encoding="utf-8")
    command = [suites.python(), "-m", "pytest", "-p", "no:cacheprovider", "-n", "0", "-k", "edit", copy]
    done = subprocess.run(
        command, cwd=source, env={**os.environ, "TEST_API_BASE_URL": serving.base_url}, capture_output=True, text=True
    )
    print(done.stdout[-2000:])
    assert f"{EDITS_OF_OPENAI_PYTHON} passed" in done.stdout and done.returncode == 0


def test_openais_client_for_node_edits(serving: Endpoint, pictures: Path) -> None:
    variables = {**os.environ, "OPENAI_BASE_URL": serving.base_url, "OPENAI_API_KEY": KEY}
    command = ["node", "--input-type=module", "--eval", NODE, str(pictures)]
    done = subprocess.run(command, cwd=suites.node_packages(), env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    original = decoded((pictures / "image.png").read_bytes())
    for name in ("one", "buffer", "stored"):
        assert decoded(answers[name]).shape == original.shape and not np.array_equal(decoded(answers[name]), original)
    removed = decoded(answers["masked"])
    assert np.array_equal(removed[:10], original[:10]) and not np.array_equal(removed, original)
    assert decoded(answers["several"]).size and answers["three"] == 3
    *previews, last = answers["events"]
    assert last == "image_edit.completed" and len(previews) <= 2 and set(previews) <= {"image_edit.partial_image"}
    assert answers["models"] == ["built-in"]
    assert answers["refusal"] == ["BadRequestError", 400, "prompt_not_understood", "prompt"]


def test_schemathesis_has_no_objection(serving: Endpoint, tmp_path: Path) -> None:
    """It can't make a real picture, so whether valid requests succeed is not asked of it."""
    program = suites.python().with_name("st")
    options = ["--exclude-checks", "positive_data_acceptance", "--max-examples", "60", "--no-color"]
    where = ["--url", serving.base_url, "--header", f"Authorization: Bearer {KEY}"]
    command = [program, "run", suites.SPECIFICATION, *where, *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    print(done.stdout[-2000:])
    generated, passed = map(int, re.search(r"(\d+) generated, (\d+) passed", done.stdout).groups())
    assert done.returncode == 0 and generated == passed > 200, done.stdout[-6000:]
