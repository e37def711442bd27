"""The files of a folder run: complete pictures, names of results, foreign files, skipped files."""

import errno
import io
import json
import os
import struct
import unicodedata
import zlib
from pathlib import Path

import pytest
from PIL import Image

from lib.imaging.picture_check import BadPicture, check_picture, has_layers
from lib.storage.file_identity import describe_file
from lib.worker.requests.picture_files import check_pictures, write_pictures
from plugin.folder import output
from plugin.folder.output import OutputFolder
from plugin.folder.output_names import OutputNames, variation_names
from plugin.folder.own_results import OWN_FOLDER
from plugin.folder.pictures import list_pictures
from plugin.folder.report import SKIPPED, Summary, report_line, skipped_line, write_report
from plugin.folder.state import DONE, FAILED, RunState

NOISE = Image.effect_noise((60, 40), 90).convert("RGB")
FRAMES = [Image.new("RGB", (6, 4), colour) for colour in ("red", "lime", "blue")]


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


WHOLE = {
    "baseline.jpg": saved(NOISE, "JPEG"),
    "progressive.jpg": saved(NOISE, "JPEG", progressive=True),
    "a.png": saved(NOISE, "PNG"),
    "a.gif": saved(NOISE, "GIF"),
    "lossy.webp": saved(NOISE, "WEBP"),
    "lossless.webp": saved(NOISE, "WEBP", lossless=True),
    "raw.tif": saved(NOISE, "TIFF"),
    "lzw.tif": saved(NOISE, "TIFF", compression="tiff_lzw"),
    "big.tif": saved(NOISE, "TIFF", big_tiff=True),
    "a.bmp": saved(NOISE, "BMP"),
    "raw.tga": saved(NOISE, "TGA"),
    "packed.tga": saved(NOISE, "TGA", compression="tga_rle"),
}
SEVERAL = {
    "a.gif": saved(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]),
    "a.webp": saved(FRAMES[0], "WEBP", save_all=True, append_images=FRAMES[1:]),
    "a.png": saved(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]),
    "a.tif": saved(FRAMES[0], "TIFF", save_all=True, append_images=FRAMES[1:]),
    "a.avif": struct.pack(">I4s4s", 28, b"ftyp", b"avis") + bytes(16),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_truncated_picture_is_refused_and_a_complete_one_is_not(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(WHOLE[name])
    check_picture(path)
    # The last 26 bytes of a TGA are a footer, and the last ones of a TIFF may be unused.
    for end in (0, 30, len(WHOLE[name]) // 2, len(WHOLE[name]) - 40):
        path.write_bytes(WHOLE[name][:end])
        with pytest.raises(BadPicture, match=f"{name} is incomplete"):
            check_picture(path)


@pytest.mark.parametrize("name", SEVERAL)
def test_a_file_with_several_pages_or_frames_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(SEVERAL[name])
    with pytest.raises(BadPicture, match="several pages or frames"):
        check_picture(path)


def test_data_after_a_photograph_is_ignored(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(WHOLE["baseline.jpg"] + b"a phone's film")
    check_picture(path)
    assert not has_layers(path)
    path.write_bytes(xcf(1))
    assert has_layers(path)


def xcf(compression, version=11):
    """A layer of 70x3 with a mask, and a channel, as GIMP writes them; the last tile is the channel's second one."""
    pointer = "Q" if version >= 11 else "I"
    size = struct.calcsize(f">{pointer}")
    data = bytearray(f"gimp xcf v{version:03}\0".encode() + struct.pack(">IIII", 70, 3, 0, 150))
    data += struct.pack(">IIBII", 17, 1, compression, 0, 0)
    table = len(data)
    data += bytes(4 * size)

    def point(where, target):
        data[where : where + size] = struct.pack(f">{pointer}", target)

    def add_hierarchy(channels):
        start = len(data)
        data.extend(struct.pack(">III", 70, 3, channels) + bytes(2 * size))
        point(start + 12, len(data))
        level = len(data)
        data.extend(struct.pack(">II", 70, 3) + bytes(3 * size))
        for number, width in enumerate((64, 6)):
            point(level + 8 + number * size, len(data))
            data.extend(encode(width * 3, channels))
        return start

    def encode(pixels, channels):
        values = bytes(number % 251 for number in range(pixels))
        literal = b"\x80" + pixels.to_bytes(2) + values
        coded = literal + (bytes([pixels - 1, 7]) if pixels < 127 else b"\x7f" + pixels.to_bytes(2) + b"\7") * 2
        packed = zlib.compress(values * channels)
        return (values * channels, coded if channels == 3 else literal, packed)[compression]

    def add(head, links):
        start = len(data)
        data.extend(head + struct.pack(">I", 2) + b"a\0" + struct.pack(">II", 0, 0))
        places = len(data)
        data.extend(bytes(links * size))
        return start, places

    layer, places = add(struct.pack(">III", 70, 3, 0), 2)
    point(table, layer)
    point(places, add_hierarchy(3))
    mask, mask_places = add(struct.pack(">II", 70, 3), 1)
    point(places + size, mask)
    point(mask_places, add_hierarchy(1))
    channel, channel_places = add(struct.pack(">II", 70, 3), 1)
    point(table + 2 * size, channel)
    point(channel_places, add_hierarchy(1))
    return bytes(data)


@pytest.mark.parametrize("version", [4, 11])
@pytest.mark.parametrize("compression", [0, 1, 2])
def test_an_xcf_truncated_anywhere_is_refused(tmp_path, compression, version):
    path = tmp_path / "a.xcf"
    data = xcf(compression, version)
    path.write_bytes(data)
    check_picture(path)
    for end in (*range(16, len(data), 29), *range(len(data) - 12, len(data))):
        path.write_bytes(data[:end])
        with pytest.raises(BadPicture, match="incomplete"):
            check_picture(path)


def test_a_tiff_with_impossible_offsets_is_incomplete(tmp_path):
    entries = b"".join(struct.pack("<HHQQ", tag, 16, 2**62, 8) for tag in (273, 279))
    path = tmp_path / "a.tif"
    path.write_bytes(struct.pack("<4sHHQQ", b"II+\0", 8, 0, 16, 2) + entries + bytes(8))
    with pytest.raises(BadPicture, match="incomplete"):
        check_picture(path)


def test_a_thumbnail_in_a_tiff_is_not_a_page(tmp_path):
    path = tmp_path / "a.tif"
    small = FRAMES[1].copy()
    small.encoderinfo = {"tiffinfo": {254: 1}}
    FRAMES[0].save(path, save_all=True, append_images=[small])
    check_picture(path)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    (folder / OWN_FOLDER).mkdir(parents=True)
    state = RunState(folder / OWN_FOLDER / "run.jsonl")
    yield OutputFolder(folder, state)
    state.close()


def finished(out, data, identifier="1a"):
    part = out.unfinished(identifier, ".png")
    part.write_bytes(data)
    return part


def place(out, name, data):
    part = finished(out, data)
    out.state.add("p", output=name, files=[describe_file(part, name)])
    return out.place_all({name: part})


def test_a_result_counts_as_our_own_only_while_it_is_unchanged(out):
    assert place(out, "d/a.png", b"one") and (out.path / "d" / "a.png").read_bytes() == b"one"
    assert out.is_free("d/a.png") and out.is_free("d/b.png")
    out.state.close()
    later = OutputFolder(out.path, RunState(out.path / OWN_FOLDER / "run.jsonl"))
    assert later.is_free("d/a.png") and place(later, "d/a.png", b"two"), "a later run recognizes it too"
    (out.path / "d" / "a.png").write_bytes(b"one, retouched")
    assert not later.is_free("d/a.png") and not place(later, "d/a.png", b"three")
    assert (out.path / "d" / "a.png").read_bytes() == b"one, retouched"
    (out.path / "d" / "c.png").write_bytes(b"two")
    assert not later.is_free("d/c.png"), "a copy of it under another name is foreign"
    later.state.close()


@pytest.mark.posix
@pytest.mark.parametrize("refused", [None, errno.EPERM])
def test_a_foreign_file_is_never_replaced(out, tmp_path, monkeypatch, refused):
    def no_links(_path, _target):
        raise OSError(refused, "no links here")

    if refused:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    target = tmp_path / "foreign.png"
    target.write_bytes(b"foreign")
    (out.path / "file.png").write_bytes(b"foreign")
    (out.path / "link.png").symlink_to(target)
    (out.path / "nowhere.png").symlink_to(tmp_path / "missing")
    (out.path / "folder.png").mkdir()
    for name in ("file.png", "link.png", "nowhere.png", "folder.png", "file.png/b.png"):
        assert not out.is_free(name), name
    for name in ("file.png", "link.png", "nowhere.png", "folder.png"):
        assert not place(out, name, b"ours")
    assert (out.path / "file.png").read_bytes() == target.read_bytes() == b"foreign"
    assert (out.path / "link.png").is_symlink() and not (tmp_path / "missing").exists()
    assert place(out, "free.png", b"ours") and (out.path / "free.png").read_bytes() == b"ours"


def test_several_results_are_renamed_together_or_not_at_all(out):
    parts = {name: finished(out, name.encode(), f"{number}") for number, name in enumerate(("a.png", "a~2.png"))}
    (out.path / "a~2.png").write_bytes(b"foreign")
    assert not out.place_all(parts)
    assert not (out.path / "a.png").exists() and all(part.exists() for part in parts.values())
    assert (out.path / "a~2.png").read_bytes() == b"foreign"


def test_only_our_own_unfinished_files_are_deleted(out):
    ours = [finished(out, b"x", "20261128-055000-abc123-1"), out.unfinished("20261128-055000-abc123-2", ".png.raw")]
    ours[1].touch()
    foreign = [out.path / OWN_FOLDER / name for name in ("part-ner.png", "party.png", "part-1.txt")]
    for path in foreign:
        path.touch()
    (out.path / OWN_FOLDER / "part-2.png").mkdir()
    out.delete_unfinished()
    assert not any(path.exists() for path in ours) and all(path.exists() for path in foreign)


def test_a_foreign_report_is_not_replaced(out):
    (out.path / "report.csv").write_text("my own")
    lines = [report_line("a.png", {"state": DONE, "cost": 1.0})]
    summary = write_report(out, lines)
    assert (summary.table, summary.objects) == ("report-2.csv", "report-2.jsonl")
    assert (out.path / "report.csv").read_text() == "my own" and not (out.path / "report.jsonl").exists()
    assert write_report(out, lines * 2).table == "report-2.csv", "its own is replaced"
    assert len((out.path / "report-2.jsonl").read_text().splitlines()) == 2


def chosen_names(out, pictures, **options):
    names = OutputNames(out.path, pictures, is_free=out.is_free, **options)
    return {picture: names.choose(picture, ".png") for picture in pictures}


def test_a_name_that_a_foreign_file_has_is_not_used(out):
    (out.path / "a.png").touch()
    (out.path / "b~2.png").touch()
    (out.path / "d").touch()
    assert chosen_names(out, ["a.jpg", "d/e.jpg"]) == {"a.jpg": "a.jpg.png", "d/e.jpg": "e.png"}
    names = OutputNames(out.path, ["b.jpg"], is_free=out.is_free)
    assert names.choose("b.jpg", ".png", variations=2) == "b.jpg.png"


def test_names_differ_on_every_file_system(out):
    accents = [unicodedata.normalize(form, "é.jpg") for form in ("NFC", "NFD")]
    pictures = [*accents, "É.png", "straße.jpg", "STRASSE.jpg", "D/x.jpg", "d/X.webp", "n.jpg", "n.png/o.jpg"]
    outputs = chosen_names(out, pictures)
    on_such_a_file_system = {unicodedata.normalize("NFC", name).casefold() for name in outputs.values()}
    assert len(on_such_a_file_system) == len(pictures)
    assert outputs["n.jpg"] == "n.jpg.png", "a folder of results is called n.png"


def test_the_longest_names_and_paths_have_results(out):
    long = [
        "x" * 251 + ".jpg",
        "x" * 251 + ".png",
        "ü" * 125 + ".jpg",
        "ü" * 125 + ".png",
        "/".join(["d" * 250] * 16) + "/a.jpg",
        "/".join(["d" * 250] * 17) + "/a.jpg",
    ]
    for output_name in chosen_names(out, long).values():
        for name in variation_names(output_name, 10):
            assert place(out, name, name.encode()), name
    pictures = ["caf\udce9.jpg", "caf\udcea.jpg", "\udcff/a.jpg"]
    outputs = chosen_names(out, pictures)
    assert len(set(outputs.values())) == 3
    for name in outputs.values():
        name.encode()


@pytest.mark.posix
def test_results_of_this_and_other_runs_are_not_edited(out, tmp_path):
    source = tmp_path / "in"
    other = source / "edited"
    (other / OWN_FOLDER).mkdir(parents=True)
    for path in (source / "a.png", other / "mine.png", other / "theirs.png", other / "placed.png"):
        path.write_bytes(path.name.encode())
    lines = [{"version": 1}, {"picture": "a", "state": DONE, "outputs": ["theirs.png"]}]
    lines += [{"picture": "b", "files": [{"name": "placed.png", "size": 1, "sha256": ""}]}, ["odd"], {"files": 3}]
    (other / OWN_FOLDER / "run.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\nhalf a li")
    place(out, "r.png", b"ours")
    (source / "link.png").symlink_to(out.path / "r.png")
    os.link(out.path / "r.png", source / "hard.png")
    (source / "their link.png").symlink_to(other / "theirs.png")
    (elsewhere := tmp_path / "elsewhere" / OWN_FOLDER).mkdir(parents=True)
    (elsewhere.parent / "x.png").write_bytes(b"x")
    (elsewhere / "run.jsonl").write_text(json.dumps({"picture": "x", "state": DONE, "outputs": ["x.png"]}) + "\n")
    (source / "far link.png").symlink_to(elsewhere.parent / "x.png")
    listing = list_pictures(source, "**/*", out.path)
    assert listing.pictures == ["a.png", "edited/mine.png"]
    assert [each.name for each in listing.skipped] == [
        "edited/placed.png", "edited/theirs.png", "far link.png", "hard.png", "link.png", "their link.png",
    ]  # fmt: skip
    assert all("This is a result" in each.reason for each in listing.skipped)
    assert list_pictures(other, "", None).pictures == ["mine.png"], "an output folder as the input"
    linked = tmp_path / "linked"
    linked.symlink_to(other)
    assert list_pictures(linked, "", None).pictures == ["mine.png"], "through a link"
    place(out, "d/r.png", b"ours")
    assert list_pictures(out.path / "d", "").pictures == [], "a subfolder of an output folder as the input"


@pytest.mark.posix
def test_the_output_folder_is_left_out_by_any_path(out, tmp_path):
    (out.path / "a.png").touch()
    (tmp_path / "b.png").touch()
    (tmp_path / "other").symlink_to(tmp_path)
    listing = list_pictures(tmp_path, "**/*.png", tmp_path / "other" / "out")
    assert listing.pictures == ["b.png"]


@pytest.mark.posix
def test_unreadable_files_and_folders_are_skipped_and_reported(tmp_path, monkeypatch):
    for name in ("a.png", "locked/b.png", "d/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    (tmp_path / "d" / "up").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    scandir = os.scandir

    def refusing(path):
        if Path(path).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    listing = list_pictures(tmp_path, "**/*")
    assert listing.pictures == ["a.png", "d/c.png"]
    assert {each.name: each.unreadable for each in listing.skipped} == {
        "d/up/": False, "gone.png": False, "locked/": True, "loop.png": True, "pipe.png": False,
    }  # fmt: skip
    monkeypatch.setattr(os, "scandir", scandir)
    assert list_pictures(tmp_path, "").pictures == ["a.png"]
    with pytest.raises(OSError, match="missing"):
        list_pictures(tmp_path / "missing", "")


@pytest.mark.posix
def test_links_to_folders_are_not_followed(tmp_path):
    for name in ("in/a.png", "other/b.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "in" / "away").symlink_to(tmp_path / "other")
    listing = list_pictures(tmp_path / "in", "**/*")
    assert listing.pictures == ["a.png"]
    assert [(each.name, each.reason) for each in listing.skipped] == [
        ("away/", "This is a link to a folder. Links to folders are not followed."),
    ]


def test_a_folder_that_contains_itself_is_read_once(tmp_path, monkeypatch):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.png").touch()
    stat = Path.stat
    # Like a folder that is mounted below itself.
    monkeypatch.setattr(Path, "stat", lambda path, **options: stat(tmp_path if path.name == "d" else path, **options))
    listing = list_pictures(tmp_path, "**/*")
    assert listing.pictures == [] and [each.name for each in listing.skipped] == ["d/"]


@pytest.mark.posix
def test_a_path_that_is_too_long_is_reported(tmp_path, monkeypatch):
    (tmp_path / "a.png").touch()
    monkeypatch.chdir(tmp_path)
    for _level in range(20):
        Path("d" * 250).mkdir()
        os.chdir("d" * 250)
    listing = list_pictures(tmp_path, "**/*")
    assert listing.pictures == ["a.png"] and len(listing.skipped) == 1 and listing.skipped[0].unreadable
    assert "too long" in listing.skipped[0].reason


@pytest.mark.posix
def test_skipped_files_are_reported_and_unreadable_ones_count_as_failed(out, tmp_path):
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nothing")
    lines = list(map(skipped_line, list_pictures(tmp_path, "").skipped))
    assert {line["picture"]: line["status"] for line in lines} == {"gone.png": SKIPPED, "loop.png": FAILED}
    summary = write_report(out, [report_line("a.png", {"state": DONE}), *lines])
    assert str(summary).startswith("1 of 2 pictures are done, 1 failed, 1 skipped") and not summary.is_complete
    summary = Summary()
    for line in (report_line("a.png", {"state": DONE}), lines[0]):
        summary.count(line)
    assert summary.is_complete


def encode(tmp_path, kind="png", size=(4, 3)):
    pixels = tmp_path / "a.raw"
    pixels.write_bytes(bytes(3 * size[0] * size[1]))
    target = tmp_path / f"a.{kind}"
    picture = {"pixels": str(pixels), "mode": "RGB", "size": list(size), "resolution": [72, 72], "profile": ""}
    return target, write_pictures({"pictures": [{**picture, "format": kind, "quality": -1, "file": str(target)}]})


def check(path, kind="png", size=(4, 3)):
    return check_pictures({"pictures": [{"file": str(path), "format": kind, "size": list(size)}]})


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_a_saved_result_is_opened_to_check_it(tmp_path, kind):
    path, response = encode(tmp_path, kind)
    assert not response and check(path, kind)["files"] == [describe_file(path, "")]
    assert "couldn't be read back: 4x3" in check(path, kind, (3, 4))["error"]["message"]
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", whole[:-3]):
        path.write_bytes(damaged)
        assert "couldn't be read back" in check(path, kind)["error"]["message"]
    path.unlink()
    assert "couldn't be read back" in check(path, kind)["error"]["message"]
    path.write_bytes(b"xcf")
    assert check(path, "xcf")["files"][0]["size"] == 3, "GIMP has checked it"


def test_a_result_beyond_pillows_pixel_limit_is_still_checked(tmp_path, monkeypatch):
    path, _response = encode(tmp_path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1)
    assert "files" in check(path)
    path.write_bytes(path.read_bytes()[:-3])
    assert "error" in check(path)


def test_a_picture_too_large_for_its_format_is_an_error(tmp_path):
    _path, response = encode(tmp_path, "webp", (16_384, 1))
    assert "Couldn't save the result" in response["error"]["message"]


def test_a_disk_error_other_than_missing_links_is_raised(out, monkeypatch):
    assert errno.EPERM in output._NO_LINKS
    monkeypatch.setattr(Path, "hardlink_to", lambda _path, _target: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(OSError, match="broken"):
        place(out, "a.png", b"x")
