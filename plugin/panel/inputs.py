"""The list of the layers to be sent: the first is edited, the others are reference images."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gi.repository import Gimp, Gtk, Pango

from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.task import MOST_IMAGES
from plugin.expect import expect
from plugin.ui import thumbnails

_THUMBNAIL = Size(36, 28)


class InputList(Gtk.Box):
    """A list of layers with buttons to reorder, remove and add them."""

    def __init__(self, image: Gimp.Image, layers: list[Gimp.Layer], on_change: Callable[[], None]) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._image = image
        self._layers = layers
        self._on_change = on_change
        self._sample_merged = False
        self._pictures: list[tuple[Gimp.Layer, Gtk.Image]] = []
        # Not a list box: with rows that cannot be selected it swallows Tab.
        self._list = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, margin=2)
        self._list.get_accessible().set_name(_("Images to send"))
        scroller = Gtk.ScrolledWindow(can_focus=False, shadow_type=Gtk.ShadowType.IN, min_content_height=84)
        scroller.set_policy(Gtk.PolicyType.NEVER, Gtk.PolicyType.AUTOMATIC)
        scroller.add(self._list)
        self._add = Gtk.MenuButton(label=_("Add a la_yer"), use_underline=True)
        self._add.set_tooltip_text(_("Send another layer as a reference image."))
        self._menu = Gtk.Menu()
        self._add.set_popup(self._menu)
        self._menu.connect("show", lambda *_ignored: self._fill_menu())
        self._fill_menu()
        self.pack_start(scroller, True, True, 0)
        self.pack_start(self._add, False, False, 0)
        self._fill()

    @property
    def layers(self) -> list[Gimp.Layer]:
        """Return the layers in order, without deleted ones; if all were deleted, the layers selected in GIMP."""
        remaining = [layer for layer in self._layers if layer.is_valid()] or self._image.get_selected_layers()[::-1]
        if [layer.get_id() for layer in remaining] != [layer.get_id() for layer in self._layers]:
            self._change(remaining)
        return self._layers

    def set_sample_merged(self, merged: bool) -> None:
        """Set whether the first image is made of all visible layers instead of the first layer."""
        if merged != self._sample_merged:
            self._sample_merged = merged
            self._fill()

    def refresh(self) -> None:
        """Update the thumbnails without replacing the rows, whose buttons may be pressed at this moment."""
        for layer, picture in self._pictures:
            if layer.is_valid():
                picture.set_from_pixbuf(thumbnails.of_layer(layer, _THUMBNAIL))

    def _change(self, layers: list[Gimp.Layer]) -> None:
        self._layers = layers
        self._fill()
        self._on_change()

    def _fill(self) -> None:
        for row in self._list.get_children():
            self._list.remove(row)
        self._pictures = []
        for number, layer in enumerate(self._layers):
            if layer.is_valid():
                self._list.pack_start(self._row(number, layer), False, False, 0)
        self._list.show_all()

    def _row(self, number: int, layer: Gimp.Layer) -> Gtk.Box:
        name = _("Visible layers") if self._sample_merged and number == 0 else layer.get_name()
        role = _("edited") if number == 0 else _("reference")
        text = Gtk.Label(label=f"{number + 1} · {name}", xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        text.set_tooltip_text(_("{name}: {role}").format(name=name, role=role))
        box = Gtk.Box(spacing=3)
        picture = Gtk.Image.new_from_pixbuf(thumbnails.of_layer(layer, _THUMBNAIL))
        picture.get_accessible().set_name(name)
        self._pictures.append((layer, picture))
        box.pack_start(picture, False, False, 0)
        box.pack_start(text, True, True, 0)
        if number > 0:
            box.pack_start(self._icon_button("go-up-symbolic", _("Move up"), self._move_up, number), False, False, 0)
        if len(self._layers) > 1:
            remove = self._icon_button("list-remove-symbolic", _("Remove from the list"), self._remove, number)
            box.pack_start(remove, False, False, 0)
        return box

    def _icon_button(self, icon: str, text: str, action: Callable[[int], None], number: int) -> Gtk.Button:
        button = Gtk.Button.new_from_icon_name(icon, Gtk.IconSize.MENU)
        button.set_relief(Gtk.ReliefStyle.NONE)
        button.set_tooltip_text(text)
        button.get_accessible().set_name(f"{text}: {self._layers[number].get_name()}")
        button.connect("clicked", lambda *_ignored: action(number))
        return button

    def _move_up(self, number: int) -> None:
        layers = list(self._layers)
        layers[number - 1], layers[number] = layers[number], layers[number - 1]
        self._change(layers)

    def _remove(self, number: int) -> None:
        self._change([layer for place, layer in enumerate(self._layers) if place != number])

    def _fill_menu(self) -> None:
        """List the image's other layers."""
        for item in self._menu.get_children():
            self._menu.remove(item)
        for layer in self._available_layers():
            item = Gtk.MenuItem.new_with_label(layer.get_name())
            item.connect("activate", lambda _item, added: self._change([*self._layers, added]), layer)
            self._menu.append(item)
        if not self._menu.get_children():
            self._menu.append(Gtk.MenuItem(label=_("All layers are already in the list"), sensitive=False))
        self._menu.show_all()

    def _available_layers(self) -> list[Gimp.Layer]:
        if not self._image.is_valid() or len(self._layers) >= MOST_IMAGES:
            return []
        sent = {layer.get_id() for layer in self._layers if layer.is_valid()}
        return [layer for layer in _all_layers(self._image.get_layers()) if layer.get_id() not in sent]


def _all_layers(layers: Sequence[Gimp.Item]) -> list[Gimp.Layer]:
    """Return layers and those inside groups, from top to bottom."""
    flat = []
    for layer in (expect(Gimp.Layer, each) for each in layers):
        flat.append(layer)
        if layer.is_group():
            flat += _all_layers(layer.get_children())
    return flat
