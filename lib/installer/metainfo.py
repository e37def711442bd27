"""metainfo.xml, the description of the plug-in for GIMP's extensions, Flatpak and software centres (AppStream)."""

import xml.etree.ElementTree as ET

from lib.installer import changelog

ID = "org.gimp.GIMP.Plugin.GenerativeEdit"
FILE = f"{ID}.metainfo.xml"
# Where the plug-in is inside a GIMP extension.
PLUG_IN = "generative-edit/generative-edit.py"
_NAME = "Generative Edit"
_SUMMARY = "Edit the selected part of a picture with a prompt"
_DESCRIPTION = (
    "Select part of a picture, describe what should be there, and get it back as a new layer. Your own layers are not "
    "changed, and one undo removes the result.",
    "An image model makes the edit: OpenAI's, another provider's or one on a server of your own. Without an account, "
    "the engine that comes with the plug-in removes things, fills holes and adjusts colours on your own computer.",
)
# Files in plugin/help/, the first of which stands for the plug-in, and their captions.
_SCREENSHOTS = {
    "first-edit.webp": "The prompt, the provider and what is sent, beside the selected part of the picture",
    "result.webp": "The result on the canvas, inside the selection only",
    "extending.webp": "The canvas is extended on one side",
}


def text(pictures: str = "") -> bytes:
    """Return the file, with screenshots if `pictures` is the address under which the files in plugin/help/ are.

    AppStream only accepts pictures that have an address. GIMP refuses an extension that requires anything but a
    version of GIMP.
    """
    component = ET.Element("component", type="addon")
    _add(component, "id", ID)
    _add(component, "extends", "org.gimp.GIMP")
    _add(component, "name", _NAME)
    _add(component, "summary", _SUMMARY)
    _add(component, "metadata_license", "CC0-1.0")
    _add(component, "project_license", "GPL-3.0-or-later")
    _add(component, "developer_name", "Generative Edit's authors")
    description = _add(component, "description", "")
    for paragraph in _DESCRIPTION:
        _add(description, "p", paragraph)
    _add(_add(component, "requires", ""), "id", "org.gimp.GIMP", version="3.0.0", compare="ge")
    if pictures:
        screenshots = _add(component, "screenshots", "")
        for number, (name, caption) in enumerate(_SCREENSHOTS.items()):
            screenshot = _add(screenshots, "screenshot", "", **({} if number else {"type": "default"}))
            _add(screenshot, "caption", caption)
            _add(screenshot, "image", f"{pictures.rstrip('/')}/{name}", type="source")
    releases = _add(component, "releases", "")
    for version, date in changelog.releases():
        _add(releases, "release", "", version=version, **({"date": date} if date else {}))
    _add(_add(component, "custom", ""), "value", PLUG_IN, key="GIMP::plug-in-path")
    ET.indent(component)
    content: bytes = ET.tostring(component, encoding="UTF-8", xml_declaration=True)
    return content + b"\n"


def _add(parent: ET.Element, name: str, content: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(parent, name, attributes)
    element.text = content or None
    return element
