"""The panel's button that selects the subject."""

from __future__ import annotations

from collections.abc import Callable

from gi.repository import Gimp, Gtk

from lib.translation import N_, _
from plugin.errors import EditFailed, explain
from plugin.select_subject.select import SubjectSearch
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_ITEMS = {
    "replace": N_("Replace the current selection"),
    "add": N_("Add to the current selection"),
    "subtract": N_("Subtract from the current selection"),
    "intersect": N_("Intersect with the current selection"),
}


class SubjectButton(Gtk.MenuButton):
    """A button with the ways to select the subject of the first of `layers`; `say` shows a message, "" for none."""

    def __init__(
        self,
        image: Gimp.Image,
        layers: Callable[[], list[Gimp.Layer]],
        workers: Workers,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(label=_("Select S_ubject"), use_underline=True)
        self.set_tooltip_text(_("Select what stands out in the layer, or the thing inside a rough selection"))
        self._image, self._layers, self._workers, self._say = image, layers, workers, say
        menu = Gtk.Menu()
        for operation, text in _ITEMS.items():
            item = Gtk.MenuItem.new_with_label(_(text))
            item.connect("activate", self._on_activate, operation)
            menu.append(item)
        menu.show_all()
        self.set_popup(menu)

    def _on_activate(self, _item: Gtk.MenuItem, operation: str) -> None:
        layers = self._layers()
        if not self._image.is_valid() or not layers:
            return
        try:
            search = SubjectSearch(self._image, layers[0], operation)
        except (EditFailed, OSError) as error:
            self._say(explain(error))
            return
        self.set_sensitive(False)
        self._say(_("Searching for the subject…"))

        def on_answer(answer: Event) -> None:
            message = ""
            try:
                if self._image.is_valid():
                    search.select(answer)
            except (EditFailed, OSError) as error:
                message = explain(error)
            finally:
                search.close()
                self.set_sensitive(True)
            self._say(message)

        try:
            search.export()
        except OSError as error:
            on_answer({"error": {"message": explain(error), "hint": ""}})
            return
        search.ask(self._workers.ask, on_answer)
