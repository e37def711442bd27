"""The controls above the grid, which choose the jobs that are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gi.repository import Gtk

from lib.jobs.history_record import Record
from lib.translation import _
from plugin.history.criteria import Criteria, day_of, model_of
from plugin.history.formatting import format_day
from plugin.ui.labels import shorten_choices

_ANY = ""


class FilterBar(Gtk.Grid):
    """Two rows of controls; `on_change` is called when another choice is made."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__(column_spacing=6, row_spacing=6)
        self._on_change = on_change
        self._is_filling = False
        self.search = Gtk.SearchEntry(placeholder_text=_("Prompt, model, image or state"), hexpand=True)
        self._image = self._list(_("Image"), _("All images"))
        self._day = self._list(_("Day"), _("Any day"))
        self._model = self._list(_("Model"), _("All models"))
        self._only_starred = self._check(_("Only s_tars"))
        self._only_not_inserted = self._check(_("Only results _not inserted"))
        self.search.connect("search-changed", lambda *_ignored: on_change())
        label = Gtk.Label(label=_("_Search:"), use_underline=True, mnemonic_widget=self.search)
        for left, widget in enumerate((label, self.search, self._only_starred, self._only_not_inserted)):
            self.attach(widget, left, 0, 1, 1)
        lists = Gtk.Box(spacing=6, homogeneous=True)
        for combo in (self._image, self._day, self._model):
            lists.pack_start(combo, True, True, 0)
        self.attach(lists, 0, 1, 4, 1)

    @property
    def criteria(self) -> Criteria:
        """Return what is chosen."""
        return Criteria(
            text=self.search.get_text(),
            image=self._image.get_active_id() or _ANY,
            day=self._day.get_active_id() or _ANY,
            model=self._model.get_active_id() or _ANY,
            only_starred=self._only_starred.get_active(),
            only_not_inserted=self._only_not_inserted.get_active(),
        )

    def offer(self, records: Iterable[Record], current_image: str) -> None:
        """Offer the images, days and models of these jobs, newest first, and the current image before all others."""
        images, days, models = [current_image], dict[str, str](), list[str]()
        for record in records:
            images.append(record.image)
            days.setdefault(day_of(record), format_day(record.created))
            models.append(model_of(record))
        self._is_filling = True
        _fill(self._image, {name: name for name in images})
        _fill(self._day, days)
        _fill(self._model, {name: name for name in models})
        self._is_filling = False

    def _list(self, name: str, text: str) -> Gtk.ComboBoxText:
        combo = shorten_choices(Gtk.ComboBoxText.new())
        combo.append(_ANY, text)
        combo.set_active_id(_ANY)
        combo.get_accessible().set_name(name)
        combo.connect("changed", lambda *_ignored: self._changed())
        return combo

    def _check(self, text: str) -> Gtk.CheckButton:
        check = Gtk.CheckButton(label=text, use_underline=True)
        check.connect("toggled", lambda *_ignored: self._changed())
        return check

    def _changed(self) -> None:
        if not self._is_filling:
            self._on_change()


def _fill(combo: Gtk.ComboBoxText, titles: dict[str, str]) -> None:
    """List these choices below the one for any; keep the active one, or choose any where that is gone."""
    active = combo.get_active_id()
    while len(combo.get_model()) > 1:
        combo.remove(1)
    for value, title in titles.items():
        if value != _ANY:
            combo.append(value, title)
    if not combo.set_active_id(active):
        combo.set_active_id(_ANY)
