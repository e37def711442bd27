"""Folder runs in real GIMPs: every picture is edited with its options and saved."""

import csv
import hashlib
import io
import json
import os
import signal
import threading
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageCms, ImageOps

from lib.installer import isolation
from tests.gimp.conftest import in_turns
from tests.gimp.harness import CALL_SECONDS
from tests.waiting import wait_until


@pytest.fixture
def source(out):
    folder = out / "in"
    folder.mkdir()
    return folder


def picture(path, size=(64, 48), mode="RGB", hole=None):
    """Save a gradient in a file, transparent in the box `hole` if given."""
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if hole:
        image = image.convert("RGBA")
        image.paste((0, 0, 0, 0), hole)
    image.save(path)
    return path


def run(gimp, source, *, seconds=CALL_SECONDS, **arguments):
    results = source.with_name("results")
    defaults = {"input_folder": str(source), "output_folder": str(results), "prompt": "x", "provider": "custom"}
    gimp.begin("folders.run", **{**defaults, **arguments})
    return gimp.result(seconds), results


# The operation that turns an upright picture into one stored with this EXIF orientation.
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def report_of(results):
    with (results / "report.csv").open(encoding="utf-8-sig", newline="") as file:
        table = list(csv.DictReader(file))
    lines = [json.loads(line) for line in (results / "report.jsonl").read_text().splitlines()]
    assert [row["picture"] for row in table] == [line["picture"] for line in lines]
    assert [row["status"] for row in table] == [line["status"] for line in lines]
    return {line["picture"]: line for line in lines}


def test_every_picture_is_edited_and_reported(gimp, source, endpoint):
    endpoint.behave("invert")
    for name in ("a.png", "b.jpg", "c.webp"):
        picture(source / name)
    (source / "notes.txt").write_text("no picture")
    done, results = run(gimp, source)
    assert done["status"] == "success", done["error"]
    assert done["files"] == [str(results / name) for name in ("a.png", "b.png", "c.png")] and done["images"] == 0
    before, after = (np.asarray(Image.open(folder / "a.png").convert("RGB"), int) for folder in (source, results))
    assert np.abs(255 - before - after).max() <= 1
    lines = report_of(results)
    assert {line["status"] for line in lines.values()} == {"done"} and len(endpoint.received) == 3
    assert all(line["request_ids"] == ["req_test"] and line["provider"] == "custom" for line in lines.values())
    assert done["report"]["done"] == done["report"]["pictures"] == 3


def levels(path):
    return np.asarray(Image.open(path).convert("RGB"), int)


def changed(before, after):
    """Return the box in which two pictures differ by more than JPEG artifacts."""
    difference = ImageChops.difference(*(Image.open(path).convert("RGB") for path in (before, after)))
    return difference.convert("L").point(lambda value: 255 if value > 24 else 0).getbbox()


@pytest.mark.one_gimp("3.0")
def test_a_prompts_file_sets_the_options_of_each_picture(gimp, source, endpoint):
    endpoint.behave("invert")
    for name in ("a.png", "b.png", "c.png", "d.png"):
        picture(source / name, (160, 120))
    table = source.with_name("prompts.csv")
    table.write_text(
        "picture;prompt;output-format;output-compression;n\n"
        "a.png;a red door;jpeg;60;\nb.png;a blue door;webp;;\nc.png;;xcf;;2\nd.png;a green door;png;;2\n"
    )
    done, results = run(gimp, source, prompts_file=str(table), prompt="the default")
    assert done["status"] == "success", done["error"]
    names = ["a.jpg", "b.webp", "c.xcf", "d.png", "d~2.png"]
    assert done["files"] == [str(results / name) for name in names]
    prompts = sorted(received.fields["prompt"] for received in endpoint.received)
    assert prompts == ["a blue door", "a green door", "a red door", "the default"]
    for name in ("a.jpg", "b.webp", "d.png", "d~2.png"):
        off = np.abs(255 - levels(source / "a.png") - levels(results / name))
        assert np.median(off) <= 2 and off.max() < 20, name
    made = gimp.call("folders.layers_of", path=str(results / "c.xcf"))
    assert made["size"] == [160, 120] and len(made["layers"]) == 2, "a group with both results, and the picture"


@pytest.mark.parametrize("mask", in_turns(["file", "alpha", "selection", "channel:hole", ""]))
def test_only_the_masked_area_is_changed(gimp, source, endpoint, mask):
    endpoint.behave("invert")
    box = (40, 30, 100, 80)
    saved = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
    if mask == "file":
        picture(source / "a.png", (160, 120))
        Image.new("L", (160, 120)).save(source / "a.mask.png")
        white = Image.open(source / "a.mask.png")
        white.paste(255, box)
        white.save(source / "a.mask.png")
    elif mask == "alpha":
        picture(source / "a.png", (160, 120), hole=box)
    else:
        where = {"channel": ["hole", saved]} if mask else {"selection": saved}
        where = {"selection": saved} if mask == "selection" else where
        gimp.call("folders.make", path=str(source / "a.xcf"), width=160, height=120, **where)
    before = source.with_name("before.png")
    if mask in ("file", "alpha"):
        Image.open(source / "a.png").convert("RGBA").save(before)
    else:
        raw = source.with_name("before.rgba")
        gimp.call("folders.pixels_of", path=str(source / "a.xcf"), out=str(raw))
        Image.frombytes("RGBA", (160, 120), raw.read_bytes()).save(before)
    done, results = run(gimp, source, mask=mask)
    assert done["status"] == "success", done["error"]
    outside = np.ones((120, 160), bool)
    outside[box[1] : box[3], box[0] : box[2]] = False
    assert (levels(before)[outside] == levels(results / "a.png")[outside]).all()
    assert changed(before, results / "a.png") == box


def test_the_metadata_of_a_photograph_is_kept_in_the_result(gimp, source, endpoint):
    endpoint.behave("invert")
    photograph = Image.linear_gradient("L").resize((160, 120)).convert("RGB")
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "A Camera", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photograph.save(source / "a.jpg", quality=95, exif=exif, icc_profile=profile, dpi=(300, 300))
    table = source.with_name("prompts.jsonl")
    for kind in ("png", "jpeg", "webp"):
        table.write_text(json.dumps({"picture": "a.jpg", "output-format": kind}))
        results = source.with_name(f"results-{kind}")
        done, _ = run(gimp, source, prompts_file=str(table), output_folder=str(results))
        assert done["status"] == "success", done["error"]
        with Image.open(done["files"][0]) as made:
            assert made.getexif().get(0x010F) == "A Camera"
            assert made.info.get("icc_profile"), "the color profile is kept"
            if kind != "webp":  # which cannot store a resolution
                assert made.info["dpi"] == pytest.approx((300, 300), abs=0.1)
            # Either the pixels are rotated or the orientation is stored, never both or neither.
            before, after = (
                np.asarray(ImageOps.exif_transpose(each).convert("RGB"), int)
                for each in (Image.open(source / "a.jpg"), made)
            )
            assert before.shape == after.shape and np.abs(255 - before - after).max() < 24


@pytest.mark.parametrize("policy", in_turns(["ask", "keep"]))
def test_a_rotated_photograph_fits_its_upright_mask(gimp, source, endpoint, policy):
    endpoint.behave("invert")
    upright, box = (120, 80), (10, 20, 50, 70)
    displayed = Image.linear_gradient("L").resize(upright).convert("RGB")
    displayed.paste("gray", (80, 0, 120, 16))  # so that all four sides differ
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = displayed.transpose(STORED_AS[orientation]) if orientation > 1 else displayed
        stored.save(source / f"{orientation}.jpg", quality=95, exif=exif)
        mask = Image.new("L", upright)
        mask.paste(255, box)
        mask.save(source / f"{orientation}.mask.png")
    before = gimp.call("edits.set_preference", name="metadata-rotation-policy", value=policy)
    try:
        done, results = run(gimp, source)
    finally:
        gimp.call("edits.set_preference", name="metadata-rotation-policy", value=before)
    assert done["status"] == "success", done["error"]
    displayed.save(source.with_name("displayed.png"))
    for orientation in range(1, 9):
        with Image.open(results / f"{orientation}.png") as made:
            assert made.size == upright and made.getexif().get(0x0112, 1) == 1, orientation
        assert changed(source.with_name("displayed.png"), results / f"{orientation}.png") == box, orientation


def test_a_16_bit_picture_stays_16_bit(gimp, source, endpoint):
    endpoint.behave("echo")
    deep = np.linspace(0, 65535, 160 * 120).astype(np.uint16).reshape(120, 160)
    Image.fromarray(deep).save(source / "a.png")
    Image.new("L", (160, 120)).save(source / "a.mask.png")
    white = Image.open(source / "a.mask.png")
    white.paste(255, (0, 0, 40, 30))
    white.save(source / "a.mask.png")
    done, results = run(gimp, source)
    assert done["status"] == "success", done["error"]
    with Image.open(results / "a.png") as made:
        # Pillow reads 16-bit gray with alpha as 8-bit, so look at the header.
        assert (results / "a.png").read_bytes()[24] == 16, made.mode


@pytest.mark.one_gimp("3.2")
def test_a_bad_picture_does_not_stop_the_run(gimp, source, endpoint):
    endpoint.behave("echo")
    for name in ("a.png", "c.png"):
        picture(source / name)
    (source / "b.png").write_bytes((source / "a.png").read_bytes()[:60])
    done, results = run(gimp, source)
    assert done["status"] == "execution-error"
    assert "2 of 3 pictures are done, 1 failed" in done["error"] and "report.csv" in done["error"]
    lines = report_of(results)
    assert lines["b.png"]["status"] == "failed" and "b.png" in lines["b.png"]["message"]
    assert len(endpoint.received) == 2


@pytest.mark.one_gimp("3.0")
def test_extra_images_of_an_icon_file_are_closed(gimp, source, endpoint):
    """GIMP 3.0 opens two images for each icon besides the one that it returns."""
    endpoint.behave("invert")
    icon = Image.linear_gradient("L").convert("RGBA")
    icon.resize((128, 128)).save(source / "several.icns")
    data = io.BytesIO()
    icon.save(data, "PNG")
    entry = b"ic08" + (8 + len(data.getvalue())).to_bytes(4, "big") + data.getvalue()
    (source / "one.icns").write_bytes(b"icns" + (8 + len(entry)).to_bytes(4, "big") + entry)
    done, results = run(gimp, source, pattern="*.icns")
    assert done["images"] == 0, done
    lines = report_of(results)
    assert lines["one.icns"]["status"] == "done" and "several pages" in lines["several.icns"]["message"]
    assert gimp.call("folders.open_beside_another", path=str(source / "one.icns")) == ["one.icns", "another"]


@pytest.mark.one_gimp("3.2")
def test_a_picture_too_large_for_its_format_is_refused_before_it_is_sent(gimp, source, endpoint):
    endpoint.behave("echo")
    picture(source / "a.png", (16_384, 1))
    done, results = run(gimp, source, output_format="webp")
    assert done["status"] == "execution-error" and not endpoint.received
    assert "A webp file can have at most 16383 pixels per side" in report_of(results)["a.png"]["message"]


class NastyFolder:
    """Pictures with the most awkward names that a disk allows, each of its own colour."""

    def __init__(self, gimp, source, count):
        self.gimp, self.source, self.results, self.count = gimp, source, source.with_name("results"), count
        self.pictures, self.refused = {}, set()

    def colour(self, number):
        return tuple(40 * digit + 20 for digit in (number % 6, number // 6 % 6, number // 36))

    def add(self, name, **options):
        colour = self.colour(len(self.pictures))
        path = self.source / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jpg": "JPEG", ".webp": "WEBP", ".tif": "TIFF", ".bmp": "BMP"}.get(path.suffix, "PNG")
        with path.open("wb") as file:
            Image.new("RGB", (16, 12), colour).save(file, kind, **options)
        self.pictures[os.fsdecode(name)] = colour

    def fill(self):
        for name in NASTY_NAMES:
            self.add(name)
        for suffix in (b".png", b".jpg"):
            self.add(b"x" * (self._longest_name() - len(suffix)) + suffix)
        for number in range(10):
            self.add(f"a{number}/b.jpg")
            self.add(f"a{number}-b.jpg")
        for name in ("s.png", "s.jpg", "s.webp", "S.bmp", "s.tif", "n.jpg", "n.png/o.jpg", "v.png", "v~2.png"):
            self.add(name)
        for form in ("NFC", "NFD"):
            self.add(unicodedata.normalize(form, "é/ü.png"))
        for name in ("É/Ü.png", "straße.jpg", "STRASSE.jpg", "/".join(["d" * 200] * 15) + "/deep.png"):
            self.add(name)
        self._add_unusable_files()
        while len(self.pictures) < self.count - len(self.refused):
            self.add(f"plain/{len(self.pictures)}.png")

    def _longest_name(self):
        """The number of bytes of the longest name: proot allows one fewer than the system."""
        return 254 if self.gimp.gimp.private and isinstance(isolation.choose(), isolation.Proot) else 255

    def _add_unusable_files(self):
        for kind in ("jpg", "png", "gif", "webp", "tif", "bmp"):
            path = self.source / f"short.{kind}"
            Image.effect_noise((40, 30), 90).convert("RGB").save(path)
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        frames = [Image.new("RGB", (16, 12), colour) for colour in ("red", "lime", "blue")]
        for kind in ("gif", "webp", "png", "tif", "pdf"):
            frames[0].save(self.source / f"frames.{kind}", save_all=True, append_images=frames[1:])
        frames[0].resize((32, 32)).save(self.source / "frames.ico", sizes=[(16, 16), (32, 32)])
        path = self.source / "short.xcf"
        self.gimp.call("folders.make", path=str(path))
        path.write_bytes(path.read_bytes()[:-200])
        (self.source / "empty.png").touch()
        (self.source / "loop.png").symlink_to("loop.png")
        self.refused |= {
            path.name for path in self.source.iterdir() if path.stem in ("short", "frames", "empty", "loop")
        }

    def surround(self):
        """Add foreign files with the names of results, and a result of another run among the pictures."""
        (self.results / "a0").mkdir(parents=True)
        foreign = ["s.png", "a0/b.png", "a1-b.png", "plain", "report.csv", "v~2.png", "notes.txt"]
        for name in foreign:
            (self.results / name).write_text(f"foreign {name}")
        (self.results / "a2-b.png").symlink_to(self.results / "notes.txt")
        other = self.source / "edited"
        (other / ".generative-edit").mkdir(parents=True)
        Image.new("RGB", (16, 12)).save(other / "theirs.png")
        line = json.dumps({"picture": "x", "output": "theirs.png", "state": "done", "outputs": ["theirs.png"]})
        (other / ".generative-edit" / "run.jsonl").write_text(line + "\n")
        (self.source / "link.png").symlink_to(other / "theirs.png")
        (self.source / "up").symlink_to(self.source)

    def hashes(self):
        """Return a digest of each file and link."""
        files = {}
        for top in (self.source, self.results):
            for folder, _folders, names in os.walk(top):
                for name in names:
                    path = Path(folder, name)
                    content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
                    files[path] = hashlib.sha256(content).hexdigest()
        return files


NASTY_NAMES = [
    b"caf\xe9.png", b"caf\xea.png", b"\xff/\xfe.png", b"a%20b.png", b"a#b?.png", b"new\nline.png", b"tab\t.png",
    b"quote\"'.png", b"back\\slash.png", b" lead.png", b"trail .png", b"-dash.png", b"~2.png", b"file:x.png",
    b"http:..x.png", b"a:b.png", b"*.png", b"[a].png", b"{b}.png", b"&amp;<b>.png", b"%s%n.png", b"{0}.png",
    b"$HOME.png", b"`x`.png", b"\x01\x7f.png", b"CON.png", b"=1+1.png", b"a..png", b"a.b.c.png",
    "😀.png".encode(), "\u202eabc.png".encode(), "\u00a0.png".encode(),
    "ü".encode() * 125 + b".png", "ü".encode() * 125 + b".jpg", b"results/png.png", b"report.csv.png",
]  # fmt: skip


@pytest.mark.one_gimp("3.2")
def test_two_hundred_awkward_names_have_results_or_an_error(gimp, source, endpoint, campaign):
    endpoint.behave("invert")
    count = campaign(brief=90, whole=200)
    folder = NastyFolder(gimp, source, count)
    folder.fill()
    folder.surround()
    before = folder.hashes()
    assert len(folder.pictures) + len(folder.refused) == count
    pattern = "**/*.{png,jpg,webp,tif,bmp,gif,ico,pdf,xcf}"
    done, results = run(gimp, source, pattern=pattern, concurrency=16, seconds=1200)
    assert (
        f"{len(folder.pictures)} of {count} pictures are done, {len(folder.refused)} failed, 3 skipped" in done["error"]
    )
    after = folder.hashes()
    assert {path: after[path] for path in before} == before, "no foreign file is changed"
    assert len(endpoint.received) == len(folder.pictures)
    lines = {line["picture"]: line for line in map(json.loads, (results / "report-2.jsonl").read_text().splitlines())}
    assert len(lines) == count + 3
    for name in folder.refused:
        assert lines[name]["status"] == "failed" and lines[name]["message"], name
    outputs = {}
    for name, colour in folder.pictures.items():
        [output] = lines[name]["outputs"]
        outputs[output] = name
        with Image.open(results / output) as made:
            inverted = np.array(made.convert("RGB").resize((1, 1)))[0, 0].astype(int)
        assert np.abs(255 - inverted - colour).max() <= 8, f"{name} has the result of another picture"
    assert len(outputs) == len(folder.pictures)
    assert "a0/b.png already exists and was not replaced" in lines["a0/b.jpg"]["message"]
    for name in ("edited/theirs.png", "link.png", "up/"):
        assert lines[name]["status"] == "skipped"
    (source / "ours.png").hardlink_to(results / "S.png")
    (source / "out").symlink_to(results)
    again, _ = run(gimp, source, pattern=pattern, concurrency=16, seconds=1200)
    assert len(endpoint.received) == len(folder.pictures), "nothing is sent again, and no result is edited"
    assert f"{len(folder.refused)} failed, 5 skipped" in again["error"]
    assert {path: folder.hashes()[path] for path in before} == before


@pytest.mark.one_gimp("3.0")
def test_a_second_run_sends_only_what_is_missing(gimp, source, endpoint):
    endpoint.behave("invert")
    for name in ("a.png", "b.png"):
        picture(source / name)
    done, results = run(gimp, source)
    first = levels(results / "a.png")
    (results / "a.png").unlink()
    picture(source / "c.png")
    again, _ = run(gimp, source)
    assert again["status"] == "success", again["error"]
    assert len(endpoint.received) == 3, "a.png was paid for, and its result is stored"
    assert (levels(results / "a.png") == first).all() and (results / "c.png").exists()


@pytest.mark.one_gimp("3.2")
def test_an_output_folder_can_be_used_again_with_other_settings(gimp, source, endpoint):
    endpoint.behave("invert")
    for name in ("a.png", "b.png", "c.mask.png"):
        picture(source / name)
    first, results = run(gimp, source)
    assert first["status"] == "success" and first["report"]["done_earlier"] == 0
    assert first["report"]["notes"] == ["1 mask belongs to no picture: c.mask.png."]
    before = {path.name: path.read_bytes() for path in results.glob("*.png")}
    with (results / ".generative-edit" / "run.jsonl").open("a") as state:
        state.write('{"picture": "a.png"}\n{"picture": "a.png", "output": 3}\n{"files": [3]}\nnot JSON\n')
    same, _ = run(gimp, source)
    assert same["status"] == "success" and same["report"]["done_earlier"] == 2 and len(endpoint.received) == 2
    assert "Nothing was sent." in " ".join(same["report"]["notes"])
    for settings in ({"prompt": "another"}, {"output_format": "jpeg"}):
        other, _ = run(gimp, source, **settings)
        assert other["status"] == "execution-error" and len(endpoint.received) == 2
        assert "0 of 2 pictures are done, 2 done earlier with other settings" in other["error"]
        assert "choose another output folder, or delete or rename their results" in other["error"]
        lines = report_of(results)
        assert [lines[name]["status"] for name in ("a.png", "b.png", "c.mask.png")] == [
            "other-settings", "other-settings", "unused-mask",
        ]  # fmt: skip
        assert lines["a.png"]["outputs"] == ["a.png"]
    assert {path.name: path.read_bytes() for path in results.glob("*.png")} == before
    (results / "a.png").rename(source / "renamed.png")
    again, _ = run(gimp, source, prompt="another")
    assert "1 of 2 pictures are done, 1 done earlier with other settings, 1 skipped" in again["error"]
    assert len(endpoint.received) == 3 and endpoint.received[-1].fields["prompt"] == "another"
    assert report_of(results)["renamed.png"]["status"] == "skipped", "a renamed result is not edited"


@pytest.mark.one_gimp("3.2")
def test_a_result_of_other_settings_is_saved_and_reported_as_such(gimp, source, endpoint):
    endpoint.behave("invert")
    picture(source / "a.png")
    done, results = run(gimp, source)
    state = results / ".generative-edit" / "run.jsonl"
    state.write_text("".join(line for line in state.open() if '"state"' not in line))  # as a kill leaves it
    (results / "a.png").unlink()
    again, _ = run(gimp, source, prompt="another")
    assert "1 done earlier with other settings" in again["error"] and (results / "a.png").exists()
    assert len(endpoint.received) == 1, "it was paid for"
    again, _ = run(gimp, source)
    assert again["status"] == "success" and len(endpoint.received) == 1
    job = next(json.loads(line)["job"] for line in state.open() if '"job"' in line)
    job_spec = json.loads(Path(job, "job.json").read_text())
    Path(job, "job.json").write_text(json.dumps({name: job_spec[name] for name in job_spec if name != "record"}))
    (results / "a.png").unlink()
    again, _ = run(gimp, source)
    assert "0 of 1 picture is done, 1 failed" in again["error"] and len(endpoint.received) == 1
    assert "job.json cannot be read" in report_of(results)["a.png"]["message"]


@pytest.mark.one_gimp("3.2")
def test_an_unanswered_request_to_the_embedded_engine_is_sent_again(gimp, source):
    picture(source / "a.png", hole=(20, 10, 40, 30))
    done, results = run(gimp, source, provider="local", prompt="")
    assert done["status"] == "success", done["error"]
    first = levels(results / "a.png")
    state = results / ".generative-edit" / "run.jsonl"
    lines = [json.loads(line) for line in state.read_text().splitlines()]
    job = Path(next(line["job"] for line in lines if "job" in line))
    state.write_text("".join(f"{json.dumps(line)}\n" for line in lines if "state" not in line))  # as a kill leaves it
    for path in (results / "a.png", *job.iterdir()):
        if path.name not in ("job.json", "image-1.png", "mask.png", "selection.raw", "sent.json"):
            path.unlink()
    again, _ = run(gimp, source, provider="local", prompt="")
    assert again["status"] == "success", again["error"]
    assert (levels(results / "a.png") == first).all()


@pytest.mark.one_gimp("3.2")
def test_a_result_is_not_used_for_another_picture_of_the_same_name(gimp, source, endpoint):
    endpoint.behave("invert")
    picture(source / "a.png")
    done, results = run(gimp, source)
    assert done["status"] == "success", done["error"]
    first = levels(results / "a.png")
    other = source.with_name("other")
    other.mkdir()
    Image.new("RGB", (64, 48), "blue").save(other / "a.png")
    for _turn in ("its result exists", "its result is deleted, but stored in the history"):
        again, _ = run(gimp, other)
        assert again["status"] == "execution-error" and len(endpoint.received) == 1
        assert "has been replaced" in report_of(results)["a.png"]["message"]
        (results / "a.png").unlink(missing_ok=True)
    again, _ = run(gimp, source)
    assert again["status"] == "success" and len(endpoint.received) == 1
    assert (levels(results / "a.png") == first).all()


@pytest.mark.one_gimp("3.0")
def test_an_interrupted_response_is_reported_and_only_sent_again_on_request(gimp, source, endpoint):
    picture(source / "a.png")
    endpoint.behave("die")
    done, results = run(gimp, source)
    assert done["status"] == "execution-error" and "1 unknown, may have been billed" in done["error"]
    assert report_of(results)["a.png"]["status"] == "unknown" and len(endpoint.received) == 1
    endpoint.behave("echo")
    again, _ = run(gimp, source)
    assert again["status"] == "execution-error" and not endpoint.received
    again, _ = run(gimp, source, retry_unknown=True)
    assert again["status"] == "success" and len(endpoint.received) == 1


@pytest.mark.one_gimp("3.0")
def test_nothing_is_sent_if_the_cost_is_limited_but_unknown(gimp, source, endpoint):
    endpoint.behave("echo")
    picture(source / "a.png")
    done, _ = run(gimp, source, max_cost=0.5)
    assert (
        done["status"] == "execution-error"
        and "Nothing was sent, because the cost of a.png is unknown" in done["error"]
    )
    assert not endpoint.received


@pytest.mark.one_gimp("3.2")
def test_all_invalid_arguments_are_reported_at_once(gimp, source, endpoint):
    endpoint.behave("echo")
    picture(source / "a.png")
    wrong = {"concurrency": 99, "mask": "left", "output_format": "gif", "context": "left", "max_cost": -1.0}
    done, results = run(gimp, source, **wrong)
    assert done["status"] == "calling-error" and not endpoint.received and not results.exists()
    for word in ("concurrency 99", "mask", "output-format", "context", "max-cost"):
        assert word in done["error"], word


class Filling:
    """An endpoint that accepts a number of requests and then is busy."""

    def __init__(self, endpoint, most):
        self._endpoint, self._most = endpoint, most
        self._lock = threading.Lock()
        self.taken, self.refused = [], []

    def __call__(self, received):
        with self._lock:
            full = len(self.taken) == self._most
            (self.refused if full else self.taken).append(received.image_bytes[0])
        return self._endpoint._busy(received) if full else self._endpoint._echo(received)


@pytest.mark.one_gimp("3.2")
def test_ctrl_c_stops_a_run_with_a_report_and_the_same_command_continues_it(
    installed, environment, endpoint, tmp_path, monkeypatch
):
    filling = Filling(endpoint, 6)
    monkeypatch.setattr(endpoint, "_filling", filling, raising=False)
    endpoint.behave("filling", seconds=0.2)
    source = tmp_path / "in"
    source.mkdir()
    for number in range(12):
        picture(source / f"{number:02}.png", (64 + number, 48))
    results = tmp_path / "results"
    arguments = {"input_folder": str(source), "output_folder": str(results), "prompt": "x", "provider": "custom"}
    arguments["concurrency"] = 4
    with installed.start(tmp_path, environment=environment, linger=True) as running:
        running.begin("folders.run", **arguments)
        wait_until(lambda: filling.refused, "a request is refused")
        running.kill(signal.SIGINT, "generative-edit.py", "lib.worker", "--batch-interpreter")  # as a terminal does
        wait_until((results / "report.jsonl").exists, "the report is written")
        lines = report_of(results)
        assert {line["status"] for line in lines.values()} <= {"done", "under-way", "not-started"} and len(lines) == 12
        wait_until(lambda: not running.processes("lib.worker"), "the worker ends; it does not wait for a retry")
        assert "Run the same command again to continue." in (tmp_path / "gimp.log").read_text()
    assert 1 <= len(filling.refused) == len(set(filling.refused)) <= 4, "only the requests in progress, and none twice"
    endpoint.behave("echo")
    with installed.start(tmp_path, environment=environment) as running:
        done = running.call("folders.run", **arguments)
    assert done["status"] == "success", done["error"]
    sent = filling.taken + [received.image_bytes[0] for received in endpoint.received]
    assert len(sent) == len(set(sent)) == 12


@pytest.mark.one_gimp("3.0")
def test_runs_of_other_pictures_do_not_share_an_output_folder(installed, gimp, environment, endpoint, source, tmp_path):
    endpoint.behave("echo", seconds=3.0)
    picture(source / "a.png")
    results = source.with_name("results")
    arguments = {"input_folder": str(source), "output_folder": str(results), "prompt": "x", "provider": "custom"}
    with installed.start(gimp.work, environment=environment) as other:
        other.begin("folders.run", **arguments)
        wait_until(lambda: endpoint.received, "the request is sent")
        picture(source / "b.png")
        done, _ = run(gimp, source)
        assert done["status"] == "execution-error" and "Another run, with other pictures, is using" in done["error"]
        assert other.result()["status"] == "success"
    assert len(endpoint.received) == 1
