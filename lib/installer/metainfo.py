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
    "An image model makes the edit: OpenAI's, Azure's or one on a server of your own. Without an account, the engine "
    "that comes with the plug-in removes things, fills holes and adjusts colours on your own computer.",
)


def text() -> bytes:
    """Return the file. GIMP refuses an extension that requires anything but a version of GIMP."""
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
