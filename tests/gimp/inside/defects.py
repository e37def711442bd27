"""Inside GIMP: edits of which tests/gimp/test_defects.py wants to know one thing."""

from gi.repository import Gimp

from tests.gimp.inside import edits, matrix

ARTIST = '<?xml version="1.0"?><metadata><tag name="Exif.Image.Artist">Ann Other</tag></metadata>'


def edit_with_metadata():
    """What an image says about itself, before and after an edit."""
    image = matrix.new_image("RGB 8")
    layer = matrix.add(image)
    image.set_metadata(Gimp.Metadata.deserialize(ARTIST))
    image.attach_parasite(Gimp.Parasite.new("gimp-comment", Gimp.PARASITE_PERSISTENT, list(b"a comment")))
    image.set_resolution(144, 144)
    before = _about(image)
    edits.edit(image, [layer], prompt="x", provider="custom", model="built-in")
    after = _about(image)
    image.delete()
    return {"before": before, "after": after}


def _about(image):
    parasites = {name: bytes(image.get_parasite(name).get_data()).decode() for name in image.get_parasite_list()}
    return {
        "metadata": image.get_metadata().serialize(),
        "parasites": parasites,
        "resolution": list(image.get_resolution()),
        "profile": image.get_color_profile() is not None,
    }


def edit_with_prompt(prompt):
    image = matrix.new_image("RGB 8")
    done = edits.edit(image, [matrix.add(image)], prompt=prompt, provider="custom", model="built-in")
    image.delete()
    return done["status"]
