"""A result marks its image in the XMP, in the undo step of its insertion, and exported files carry the mark.

The files are read by Pillow and by ExifTool, which share nothing with GIMP's Exiv2.
"""

import json
import re
import subprocess
from datetime import UTC, datetime
from xml.etree import ElementTree

import pytest
from PIL import Image

from lib.installer import private_gimp
from tests.gimp.screen import MAIN, activate
from tests.waiting import wait_until

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
PARTLY, GENERATED, EDITED = (
    VOCABULARY + term for term in ("compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia", "humanEdits")
)
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
DC = "{http://purl.org/dc/elements/1.1/}"
XMP = """<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>
<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about=''
 xmlns:dc='http://purl.org/dc/elements/1.1/' xmlns:xmp='http://ns.adobe.com/xap/1.0/'
 xmlns:Iptc4xmpExt='http://iptc.org/std/Iptc4xmpExt/2008-02-29/' xmp:Rating='4'{source}>
<dc:title><rdf:Alt><rdf:li xml:lang='x-default'>A &amp; B</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>sea</rdf:li><rdf:li>boat</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end='w'?>"""


@pytest.fixture
def photograph(out):
    """Return a function that writes a JPEG file with XMP, with a source type or without."""

    def write(source=None, name="photograph.jpg"):
        attribute = f" Iptc4xmpExt:DigitalSourceType='{source}'" if source else ""
        path = out / name
        Image.new("RGB", (96, 64), "teal").save(path, xmp=XMP.replace("{source}", attribute).encode())
        return str(path)

    return write


def mark(metadata):
    match = re.search(r'<tag name="Xmp\.iptcExt\.DigitalSourceType"[^>]*>([^<]*)<', metadata)
    return match and match[1]


def without_mark(metadata):
    """Return the lines of GIMP's XML but for the mark and the declaration of its namespace."""
    return [line for line in metadata.splitlines() if "iptcExt" not in line and line.strip()]


def properties(path):
    """Return the XMP of a file by Pillow, as the properties of its elements and attributes."""
    with Image.open(path) as picture:
        packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or picture.tag_v2[700]
    packet = packet.encode() if isinstance(packet, str) else bytes(packet)
    root = ElementTree.fromstring(packet.strip(b"\0"))
    values = {}
    for element in root.iter():
        values |= element.attrib
        values[element.tag] = "|".join(filter(None, (text.strip() for text in element.itertext())))
    return values


@pytest.mark.parametrize(
    ("case", "provider", "expected"),
    [("corner", "custom", PARTLY), ("corner", "local", EDITED), ("nothing_selected", "custom", GENERATED)],
)
@pytest.mark.one_gimp("3.0")
def test_a_result_marks_its_image(gimp, photograph, endpoint, case, provider, expected):
    endpoint.behave("invert")
    started = datetime.now(UTC).replace(microsecond=0)
    done = gimp.call(
        "provenance.edit", path=photograph(), case=case, steps=[{"prompt": "brighter", "provider": provider}]
    )
    before, after = done["metadata"]
    assert mark(before) is None and mark(after) == expected
    assert without_mark(after) == without_mark(before)
    assert done["record"]["model"] == done["report"]["model"] and done["record"]["provider"] == provider
    assert started <= datetime.fromisoformat(done["record"]["date"]) <= datetime.now(UTC)


@pytest.mark.one_gimp("3.0")
def test_a_result_that_is_masked_to_what_changed_is_a_part(gimp, photograph, endpoint):
    endpoint.behave("spot")
    done = gimp.call(
        "provenance.edit", path=photograph(), case="nothing_selected", steps=[{"prompt": "a sun", "provider": "custom"}]
    )
    assert [mark(each) for each in done["metadata"]] == [None, PARTLY]


def test_the_mark_follows_the_mask_of_the_result_on_the_canvas(gimp):
    states = gimp.call("provenance.show_in_turn", masks=[0, 255, 128])
    assert [mark(each) for each in states] == [GENERATED, PARTLY, GENERATED, PARTLY, None]


@pytest.mark.one_gimp("3.2")
def test_the_stronger_mark_stays(gimp, photograph, endpoint):
    endpoint.behave("invert")
    model, engine = {"prompt": "brighter", "provider": "custom"}, {"prompt": "brighter", "provider": "local"}
    none = {"prompt": "brighter", "provider": "custom", "provenance": "none"}
    done = gimp.call("provenance.edit", path=photograph(), case="corner", steps=[none, engine, model, engine])
    assert [mark(each) for each in done["metadata"]] == [None, None, EDITED, PARTLY, PARTLY]
    done = gimp.call("provenance.edit", path=photograph(source=GENERATED), case="corner", steps=[model, engine])
    assert {mark(each) for each in done["metadata"]} == {GENERATED}
    assert len({tuple(without_mark(each)) for each in done["metadata"]}) == 1


def test_exported_files_carry_the_mark_and_the_xmp_that_was_there(gimp, photograph, out, endpoint):
    endpoint.behave("invert")
    source = photograph()
    files = gimp.call("provenance.export_edited", path=source, out=str(out), prompt="a boat", provider="custom")
    assert {"png", "jpg", "webp", "tif"} <= set(files)
    for ending, path in files.items():
        values = properties(path)
        assert values[f"{IPTC}DigitalSourceType"] == PARTLY, ending
        assert values[f"{DC}title"] == "A & B" and values[f"{DC}subject"] == "sea|boat", ending
        assert values["{http://ns.adobe.com/xap/1.0/}Rating"] == "4", ending


@pytest.fixture
def exporter(installed, environment, tmp_path):
    """A GIMP that exports AVIF, too, with ExifTool in its system."""
    if not installed.private:
        pytest.skip("this GIMP is the machine's own")
    private_gimp.add(installed.private, ["libheif-plugin-aomenc", "libimage-exiftool-perl"])
    (installed.config / "pluginrc").unlink(missing_ok=True)  # GIMP asks a plug-in once which formats it can write
    with installed.start(tmp_path) as running:
        running.renew(environment)
        yield running


@pytest.mark.whole_run
def test_exiftool_reads_the_mark_in_five_formats_beside_the_xmp_that_was_there(exporter, tmp_path, endpoint):
    endpoint.behave("invert")
    source = tmp_path / "photograph.jpg"
    Image.new("RGB", (96, 64), "teal").save(source, xmp=XMP.replace("{source}", "").encode())
    files = exporter.call(
        "provenance.export_edited", path=str(source), out=str(tmp_path), prompt="a boat", provider="custom"
    )
    assert set(files) == {"png", "jpg", "webp", "tif", "avif"}
    words = ["exiftool", "-json", "-n", "-XMP:all", str(source), *files.values()]
    done = subprocess.run(exporter.gimp.command(words, [tmp_path], {}), capture_output=True, text=True, check=True)
    before, *after = json.loads(done.stdout)
    assert "DigitalSourceType" not in before and before["Title"] == "A & B"
    for values in after:
        assert values["DigitalSourceType"] == PARTLY, values["SourceFile"]
        assert {name: values[name] for name in before if name not in ("SourceFile", "XMPToolkit")} == {
            "Title": "A & B", "Subject": ["sea", "boat"], "Rating": 4,
        }  # fmt: skip


@pytest.mark.parametrize("ending", ["jpeg", "png", "webp"])
@pytest.mark.one_gimp("3.0")
def test_files_of_a_folder_run_carry_the_mark(gimp, photograph, out, endpoint, ending):
    endpoint.behave("invert")
    folder = out / "in"
    folder.mkdir()
    photograph(name="in/a.jpg")
    done = gimp.call(
        "folders.run", input_folder=str(folder), output_folder=str(out / "results"), prompt="a boat",
        provider="custom", output_format=ending,
    )  # fmt: skip
    assert done["status"] == "success", done["error"]
    (path,) = [path for path in done["files"] if path.endswith(("jpg", "jpeg", "png", "webp"))]
    values = properties(path)
    assert values[f"{IPTC}DigitalSourceType"] == GENERATED
    assert values[f"{DC}title"] == "A & B"


@pytest.mark.parametrize("masks", [None, [0]], ids=["script", "window"])
def test_undo_removes_the_mark_with_the_layer(window, endpoint, masks):
    endpoint.behave("invert")
    image = window.call("edits.show", case="corner")
    before = window.call("provenance.metadata_of", image_id=image)
    if masks:
        window.call("provenance.show_in_turn", masks=masks, image_id=image)
    else:
        done = window.call("edits.edit_shown", image_id=image, prompt="a boat", provider="custom")
        assert done["status"] == "success"
    assert mark(window.call("provenance.metadata_of", image_id=image)) == PARTLY
    layers = len(window.call("edits.layers_of", image_id=image))
    window.settle()
    activate(window, MAIN)
    window.keys("key", "ctrl+z")
    wait_until(lambda: len(window.call("edits.layers_of", image_id=image)) == layers - 1, "the edit is undone")
    assert window.call("provenance.metadata_of", image_id=image) == before
