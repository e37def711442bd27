"""Inside GIMP's session: the colours of the texts of our windows, in each variant of GIMP's own theme."""

from pathlib import Path
from unittest import mock

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, Gtk

from plugin.ui.start import init_windows

THEMES = Path("/usr/share/gimp/3.0/themes/Default")


def lowest():
    """The contrast of each text on its background: by theme, the kind of widget and its text."""
    init_windows()
    screen, contrasts = Gdk.Screen.get_default(), {}
    Gtk.Settings.get_default().set_property("gtk-enable-animations", False)  # no colour is on its way to another
    windows = [_window(part) for part in _parts()]
    for name in ("dark", "light"):
        theme = Gtk.CssProvider()
        theme.load_from_path(str(THEMES / f"gimp-{name}.css"))
        Gtk.Settings.get_default().set_property("gtk-application-prefer-dark-theme", name == "dark")
        Gtk.StyleContext.add_provider_for_screen(screen, theme, Gtk.STYLE_PROVIDER_PRIORITY_USER)
        while Gtk.events_pending():
            Gtk.main_iteration()
        for window in windows:
            for widget in _walk(window):
                contrasts.update({f"{name}: {text}": ratio for text, ratio in _of(widget)})
        Gtk.StyleContext.remove_provider_for_screen(screen, theme)
    for window in windows:
        window.destroy()
    return contrasts


def _parts():
    """What our windows are made of."""
    from plugin.folder_window.form import FolderForm
    from plugin.folder_window.picture_list import ListActions, PictureList
    from plugin.folder_window.statuses import Statuses
    from plugin.history.dialog import HistoryDialog
    from plugin.panel.edit_list import EditList
    from plugin.panel.form import OptionsForm
    from plugin.settings_dialog import window
    from plugin.ui.prompt_box import PromptBox

    class Workers:
        def ask(self, *_arguments, **_more):
            pass

        def close(self):
            pass

    config = Gimp.get_pdb().lookup_procedure("generative-edit").create_config()
    yield OptionsForm(config)
    yield PromptBox(config)
    yield EditList(print, print)
    yield HistoryDialog(None, Workers())._dialog
    yield FolderForm(Gimp.get_pdb().lookup_procedure("generative-edit-folder").create_config())
    yield PictureList(lambda: None, Statuses(), ListActions(print, print))
    with mock.patch.object(window, "Workers", Workers):
        yield window.SettingsDialog(None, print).window


def _window(part):
    if isinstance(part, Gtk.Window):
        part.get_content_area().show_all()
        window = part
    else:
        window = Gtk.OffscreenWindow()
        window.add(part)
        window.show_all()
    window.realize()
    return window


def _walk(widget):
    yield widget
    children = []
    if isinstance(widget, Gtk.Container):
        widget.forall(children.append)
    for child in children:
        yield from _walk(child)


def _of(widget):
    """The texts of one widget with their contrast; a control that is switched off needs none."""
    if not isinstance(widget, (Gtk.Label, Gtk.Entry, Gtk.TextView, Gtk.TreeView, Gtk.IconView)):
        return
    text = widget.get_text() if isinstance(widget, (Gtk.Label, Gtk.Entry)) else ""
    is_caption = isinstance(widget, Gtk.Label) and widget.get_ancestor(Gtk.Button)
    if not widget.is_sensitive() and (is_caption or not isinstance(widget, Gtk.Label) or widget.get_mnemonic_widget()):
        return
    context, state = widget.get_style_context(), widget.get_state_flags()
    kind = type(widget).__name__
    yield f"{kind} {text!r}", _ratio(context.get_color(state), _background(widget, state))
    if isinstance(widget, Gtk.Entry) and widget.get_placeholder_text():
        is_defined, colour = context.lookup_color("placeholder_text_color")
        colour = colour if is_defined else Gdk.RGBA(0.5, 0.5, 0.5, 1)
        yield f"placeholder {widget.get_placeholder_text()!r}", _ratio(colour, _background(widget, state))
    if isinstance(widget, (Gtk.TreeView, Gtk.IconView)):
        selected = Gtk.StateFlags.SELECTED
        yield f"{kind} selected", _ratio(context.get_color(selected), _background(widget, selected))


def _background(widget, state):
    """The colour behind a widget's text: its own, over that of what holds it."""
    layers = []
    while widget is not None:
        colour = widget.get_style_context().get_property("background-color", state)
        layers.append(colour)
        if colour.alpha >= 1:
            break
        widget, state = widget.get_parent(), Gtk.StateFlags.NORMAL
    red, green, blue = 1.0, 1.0, 1.0
    for colour in reversed(layers):
        red, green, blue = (
            colour.alpha * new + (1 - colour.alpha) * old
            for new, old in ((colour.red, red), (colour.green, green), (colour.blue, blue))
        )
    return Gdk.RGBA(red, green, blue, 1)


def _ratio(text, background):
    blended = [
        text.alpha * new + (1 - text.alpha) * old
        for new, old in (
            (text.red, background.red), (text.green, background.green), (text.blue, background.blue),
        )
    ]  # fmt: skip
    one, other = _luminance(blended), _luminance([background.red, background.green, background.blue])
    return round((max(one, other) + 0.05) / (min(one, other) + 0.05), 2)


def _luminance(channels):
    """The relative luminance of WCAG 2."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
