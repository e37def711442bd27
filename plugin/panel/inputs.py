"""The list of the layers to be sent: the first is edited, the others are reference images, and one may be markup."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gi.repository import Gimp, Gtk, Pango

from lib.frame.geometry import Size
from lib.translation import _
from plugin.edit.task import MOST_IMAGES
from plugin.expect import expect
from plugin.ui import thumbnails
from plugin.ui.labels import wrapped_label

_THUMBNAIL = Size(36, 28)


class InputList(Gtk.Box):
    """A list of layers with buttons to reorder, remove and add them, and to use one as markup.

    The name of the markup layer is the argument `markup`.
    """

    def __init__(
        self,
        image: Gimp.Image,
        layers: list[Gimp.Layer],
        config: Gimp.ProcedureConfig,
        on_change: Callable[[], None],
    ) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        self._image = image
        self._config = config
        markup = config.get_property("markup")
        self._markup = image.get_layer_by_name(markup) if markup else None
        self._layers = [layer for layer in layers if not self._is_markup(layer)] or layers
        self._on_change = on_change
        self._sample_merged = False
        self._pictures: list[tuple[Gimp.Layer, Gtk.Image]] = []
        # Not a list box: with rows that cannot be selected it swallows Tab.
        self._list = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, margin=2)
        self._list.get_accessible().set_name(_("Images to send"))
        config.connect("notify::markup", lambda *_ignored: self._read_markup())
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
        self._note = wrapped_label(
            _("With markup no mask is sent. The selection still limits what is kept."), characters=28
        )
        self._note.set_no_show_all(True)
        self.pack_start(self._note, False, False, 0)
        self.pack_start(self._add, False, False, 0)
        self._fill()

    @property
    def layers(self) -> list[Gimp.Layer]:
        """Return the layers in order, without deleted ones; if all were deleted, the layers selected in GIMP."""
        if self._markup and not self._markup.is_valid():
            self._set_markup(None, self._layers)
        self._write_markup()
        remaining = [layer for layer in self._layers if layer.is_valid()] or self._image.get_selected_layers()[::-1]
        if [layer.get_id() for layer in remaining] != [layer.get_id() for layer in self._layers]:
            self._change(remaining)
        return self._layers

    def set_sample_merged(self, merged: bool) -> None:
        """Set whether the first image is made of all visible layers instead of the first layer."""
        if merged != self._sample_merged:
            self._sample_merged = merged
            self._fill()

    def set_references(self, names: Sequence[str]) -> list[str]:
        """Send the layers of these names as reference images, and no others; return the names that no layer has."""
        matches = {name: self._image.get_layer_by_name(name) for name in names} if self._image.is_valid() else {}
        edited = self.layers[:1]
        sent = {layer.get_id() for layer in [*edited, self._markup] if layer}
        references = [layer for layer in matches.values() if layer and layer.get_id() not in sent]
        self._change([*edited, *references])
        return [name for name in names if not matches.get(name)]

    def refresh(self) -> None:
        """Update the thumbnails without replacing the rows, whose buttons may be pressed at this moment."""
        for layer, picture in self._pictures:
            if layer.is_valid():
                picture.set_from_pixbuf(thumbnails.of_layer(layer, _THUMBNAIL))

    def _is_markup(self, layer: Gimp.Layer) -> bool:
        return self._markup is not None and self._markup.get_id() == layer.get_id()

    def _set_markup(self, markup: Gimp.Layer | None, layers: list[Gimp.Layer]) -> None:
        self._markup = markup
        self._write_markup()
        self._change(layers)

    def _write_markup(self) -> None:
        """Set the argument to the markup layer's name, which the user may change."""
        name = self._markup.get_name() if self._markup else ""
        if (self._config.get_property("markup") or "") != name:
            self._config.set_property("markup", name)

    def _read_markup(self) -> None:
        """Follow the argument, which a recipe sets; without a layer of that name nothing changes."""
        name = self._config.get_property("markup") or ""
        if name == (self._markup.get_name() if self._markup and self._markup.is_valid() else ""):
            return
        layer = self._image.get_layer_by_name(name) if name and self._image.is_valid() else None
        if layer is None and name:
            self._write_markup()
            return
        others = [each for each in self._layers if layer is None or each.get_id() != layer.get_id()]
        self._set_markup(layer, others)  # without others, `layers` has those that are selected in GIMP

    def _use_as_markup(self, number: int) -> None:
        """Send a layer as markup; a former one becomes a reference image."""
        former = [self._markup] if self._markup else []
        self._set_markup(self._layers[number], [*self._layers[:number], *self._layers[number + 1 :], *former])

    def _use_as_reference(self) -> None:
        self._set_markup(None, [*self._layers, self._markup] if self._markup else self._layers)

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
        if self._markup and self._markup.is_valid():
            self._list.pack_start(self._markup_row(self._markup), False, False, 0)
        self._note.set_visible(self._markup is not None)
        self._list.show_all()

    def _row(self, number: int, layer: Gimp.Layer) -> Gtk.Box:
        name = _("Visible layers") if self._sample_merged and number == 0 else layer.get_name()
        role = _("edited") if number == 0 else _("reference")
        box = self._row_of(layer, name, f"{number + 1} · {name}", _("{name}: {role}").format(name=name, role=role))
        if number > 0:
            _add_button(box, "go-up-symbolic", _("Move up"), layer, lambda: self._move_up(number))
        if len(self._layers) > 1:
            _add_button(box, "gimp-tool-pencil", _("Use as markup"), layer, lambda: self._use_as_markup(number))
            _add_button(box, "list-remove-symbolic", _("Remove from the list"), layer, lambda: self._remove(number))
        return box

    def _markup_row(self, layer: Gimp.Layer) -> Gtk.Box:
        tooltip = _("This layer says where and what to edit. It is sent on top of the picture, not as part of it.")
        name = layer.get_name()
        box = self._row_of(layer, name, _("Markup · {name}").format(name=name), tooltip)
        _add_button(box, "go-up-symbolic", _("Use as reference image"), layer, self._use_as_reference)
        remove = lambda: self._set_markup(None, self._layers)  # noqa: E731
        _add_button(box, "list-remove-symbolic", _("Remove from the list"), layer, remove)
        return box

    def _row_of(self, layer: Gimp.Layer, name: str, title: str, tooltip: str) -> Gtk.Box:
        """Return a row with a layer's thumbnail and a title."""
        text = Gtk.Label(label=title, xalign=0.0, ellipsize=Pango.EllipsizeMode.END)
        text.set_tooltip_text(tooltip)
        box = Gtk.Box(spacing=3)
        picture = Gtk.Image.new_from_pixbuf(thumbnails.of_layer(layer, _THUMBNAIL))
        picture.get_accessible().set_name(name)
        self._pictures.append((layer, picture))
        box.pack_start(picture, False, False, 0)
        box.pack_start(text, True, True, 0)
        return box

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
        sent = {layer.get_id() for layer in [*self._layers, self._markup] if layer and layer.is_valid()}
        return [layer for layer in _all_layers(self._image.get_layers()) if layer.get_id() not in sent]


def _add_button(box: Gtk.Box, icon: str, text: str, layer: Gimp.Layer, action: Callable[[], None]) -> None:
    """Add a button with an icon to a layer's row."""
    button = Gtk.Button.new_from_icon_name(icon, Gtk.IconSize.MENU)
    button.set_relief(Gtk.ReliefStyle.NONE)
    button.set_tooltip_text(text)
    button.get_accessible().set_name(f"{text}: {layer.get_name()}")
    button.connect("clicked", lambda *_ignored: action())
    box.pack_start(button, False, False, 0)


def _all_layers(layers: Sequence[Gimp.Item]) -> list[Gimp.Layer]:
    """Return layers and those inside groups, from top to bottom."""
    flat = []
    for layer in (expect(Gimp.Layer, each) for each in layers):
        flat.append(layer)
        if layer.is_group():
            flat += _all_layers(layer.get_children())
    return flat
