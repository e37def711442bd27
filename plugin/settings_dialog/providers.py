"""The page with the providers and their keys, and a test of the connection."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gi.repository import Gtk, Pango

from lib.api import providers
from lib.api.text import sentences
from lib.settings import settings
from lib.settings.settings import Settings
from lib.translation import _
from plugin.settings_dialog.form import ProviderForm
from plugin.settings_dialog.rows import SPACE, Page, beside, bold, button, message, named, note
from plugin.ui.labels import wrap_dialog
from plugin.worker.process import Event

if TYPE_CHECKING:
    from plugin.settings_dialog.window import SettingsDialog

_LIST_WIDTH = 190
_HAS_KEY = "✔"
_MARKS = {"good": "✔", "doubtful": "!", "bad": "✘"}


class ProvidersPage(Page):
    """The list of providers, and the selected one beside it. A key is only passed to the worker, which stores it."""

    def __init__(self, dialog: "SettingsDialog") -> None:
        super().__init__()
        self._dialog, self._filling = dialog, False
        self._settings, self._with_key = Settings(), set[str]()
        self._provider_rows = Gtk.ListStore(str, str, str)  # name, title, and a mark if it has a key
        self._search = Gtk.SearchEntry(placeholder_text=_("Search"))
        self._visible_rows = self._provider_rows.filter_new()
        self._visible_rows.set_visible_func(self._matches)
        self._list = Gtk.TreeView(model=self._visible_rows, headers_visible=False, enable_search=False)
        titles = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END)
        column = Gtk.TreeViewColumn("", titles, text=1)
        column.set_expand(True)
        self._list.append_column(column)
        mark = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.NONE)  # a single character
        self._list.append_column(Gtk.TreeViewColumn("", mark, text=2))
        self._list.set_tooltip_text(_("{mark}: has a key").format(mark=_HAS_KEY))
        self._title, self._address, self._abilities = note(), message(), message()
        self._state, self._verdict = message(), message()
        self._key = Gtk.Entry(visibility=False, input_purpose=Gtk.InputPurpose.PASSWORD)
        self._edit = button(_("_Edit…"), self._edit_selected)
        self._remove = button(_("_Remove…"), self._confirm_removal)
        self._store = button(_("_Store Key"), self._store_key)
        self._forget = button(_("_Forget Key"), self._forget_key)
        self._test = button(_("_Test Connection"), self._test_connection)
        self._lay_out()
        self._list.get_selection().connect("changed", lambda _selection: self._show_selected())
        self._key.connect("changed", lambda _entry: self._show_buttons())
        self._key.connect("activate", lambda _entry: self._store_key())
        self._search.connect("search-changed", lambda _entry: self._visible_rows.refilter())
        self._request_keys()

    def show_settings(self, current: Settings) -> None:
        """Show the providers; the selected one stays selected, which is the default provider at first."""
        selected, self._settings = self._selected() or current.provider or "local", current
        self._filling = True
        self._provider_rows.clear()
        names = settings.provider_names()
        for name in names:
            self._provider_rows.append((name, settings.provider(name).title, ""))
        self._show_keys()
        self._filling = False
        self._select(selected if selected in names else names[0])

    def _request_keys(self) -> None:
        self._dialog.ask("providers-with-keys", self._on_keys)

    def _on_keys(self, answer: Event) -> None:
        self._with_key = set(answer.get("names", ()))
        self._show_keys()

    def _show_keys(self) -> None:
        """Mark the providers that have a key, and move them to the top; the selected one stays selected."""
        names = [row[0] for row in self._provider_rows]
        for row in self._provider_rows:
            row[2] = _HAS_KEY if row[0] in self._with_key else ""
        order = sorted(range(len(names)), key=lambda position: names[position] not in self._with_key)
        if names:
            self._provider_rows.reorder(order)

    def _matches(self, rows: Gtk.TreeModel, row: Gtk.TreeIter, _data: object) -> bool:
        """Return whether a row is found by the text in the search field."""
        text = self._search.get_text().strip().casefold()
        return text in rows[row][0].casefold() or text in rows[row][1].casefold()

    def _select(self, name: str) -> None:
        """Select a provider, also one that the search has hidden."""
        if name not in [row[0] for row in self._visible_rows]:
            self._search.set_text("")
            self._visible_rows.refilter()
        names = [row[0] for row in self._visible_rows]
        if name in names:
            self._list.set_cursor(Gtk.TreePath.new_from_indices([names.index(name)]), None, False)

    def _lay_out(self) -> None:
        frame = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN, vexpand=True, min_content_width=_LIST_WIDTH)
        frame.add(named(self._list, _("Providers")))
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACE // 2)
        left.pack_start(named(self._search, _("Search providers")), False, False, 0)
        left.pack_start(frame, True, True, 0)
        buttons = Gtk.Box(spacing=SPACE // 2, homogeneous=True)
        for widget in (button(_("_Add…"), self._add), self._edit, self._remove):
            buttons.pack_start(widget, True, True, 0)
        left.pack_start(buttons, False, False, 0)
        bold(self._title)
        right = Page()
        right.set_border_width(0)
        right.add_wide(self._title)
        right.add_wide(self._address)
        right.add_wide(self._abilities)
        right.add_row(_("_Key:"), self._key)
        right.add_wide(beside(Gtk.Box(), self._store, self._forget))
        right.add_wide(self._state)
        right.add_wide(beside(Gtk.Box(), self._test))
        right.add_wide(self._verdict)
        self.attach(left, 0, 0, 1, 1)
        self.attach(right, 1, 0, 1, 1)

    def grab_focus(self) -> None:
        """Give the keyboard focus to the list."""
        self._list.grab_focus()

    def _show_verdict(self, verdict: str) -> None:
        """Show the result of a test as text that can be copied; empty text is skipped by Tab."""
        self._verdict.set_text(verdict)
        self._verdict.set_selectable(bool(verdict))

    def _selected(self) -> str:
        """Return the name of the selected provider; "" where none is selected."""
        model, row = self._list.get_selection().get_selected()
        return model[row][0] if row else ""

    def _show_selected(self) -> None:
        name = self._selected()
        if self._filling or not name:
            return
        provider = settings.provider(name)
        self._title.set_text(provider.title)
        self._address.set_text(_address_text(name, self._settings))
        self._key.set_text("")
        self._show_verdict("")
        self._state.set_text("")
        self._abilities.set_text("")
        self._show_buttons()
        self._forget.set_sensitive(False)
        self._dialog.ask(
            "provider-state", lambda answer: self._on_state(name, answer), provider=name, model=self._model(name)
        )

    def _model(self, name: str) -> str:
        """Return the model in the settings, if it is this provider's; "" is its default."""
        return self._settings.model if name == (self._settings.provider or "local") else ""

    def _show_buttons(self) -> None:
        name = self._selected()
        is_custom = name in self._settings.providers
        self._edit.set_sensitive(is_custom)
        self._remove.set_sensitive(is_custom)
        takes_key = name != "local" and settings.provider(name).auth != "none"
        self._key.set_sensitive(takes_key)
        self._store.set_sensitive(takes_key and bool(self._key.get_text().strip()))

    def _on_state(self, name: str, answer: Event) -> None:
        """Show where the key comes from, and enable the button to forget a key."""
        if name == self._selected():
            self._state.set_text(_error(answer) or answer["words"])
            if "abilities" in answer:
                self._abilities.set_text(answer["abilities"])
            test = answer.get("test")
            if test and not self._verdict.get_text():
                self._show_verdict(sentences(_verdict(test), _("Tested on {date}.").format(date=test["date"])))
            self._forget.set_sensitive(answer.get("kind") in ("store", "file", "locked", "environment"))

    def _store_key(self) -> None:
        name, key = self._selected(), self._key.get_text().strip()
        if key:
            self._key.set_text("")
            self._state.set_text(_("Storing the key…"))
            self._dialog.ask("store-key", lambda answer: self._on_key(name, answer), provider=name, key=key)

    def _forget_key(self) -> None:
        name = self._selected()
        self._dialog.ask("forget-key", lambda answer: self._on_key(name, answer), provider=name)

    def _on_key(self, name: str, answer: Event) -> None:
        self._on_state(name, answer)
        self._show_verdict("")
        self._request_keys()
        self._dialog.notify_changed()

    def _test_connection(self) -> None:
        name, key = self._selected(), self._key.get_text().strip()
        self._test.set_sensitive(False)
        self._show_verdict(_("Requesting the list of models, which is free of charge…"))
        self._dialog.ask(
            "test-connection",
            lambda answer: self._on_verdict(name, key, answer),
            provider=name,
            key=key,
            model=self._model(name),
        )

    def _on_verdict(self, name: str, key: str, answer: Event) -> None:
        self._test.set_sensitive(True)
        if name == self._selected():
            verdict = _error(answer) or _verdict(answer)
            if key:
                verdict = sentences(verdict, _("The key that you entered is not stored yet."))
            self._show_verdict(verdict)
            self._abilities.set_text(answer.get("abilities", self._abilities.get_text()))

    def _add(self) -> None:
        ProviderForm(self._dialog.window, "", {}, self._settings.providers, self._save)

    def _edit_selected(self) -> None:
        name = self._selected()
        ProviderForm(self._dialog.window, name, self._settings.providers[name], self._settings.providers, self._save)

    def _save(self, name: str, entry: Mapping[str, str]) -> bool:
        before = self._settings.providers.get(name)
        if not self._dialog.save(lambda: settings.save_provider(name, entry)):
            return False
        if before and before["base_url"] != entry["base_url"]:
            # A key belongs to one host, so the key of the old one is deleted.
            self._dialog.ask("forget-key", lambda _answer: self._show_selected(), provider=name, entry=dict(before))
        names = settings.provider_names()
        if name in names:
            self._select(name)
        return True

    def _confirm_removal(self) -> None:
        name = self._selected()
        entry = self._settings.providers[name]
        question = _("Remove the provider “{title}” and its key?").format(title=entry["title"])
        dialog = Gtk.MessageDialog(
            transient_for=self._dialog.window, modal=True, message_type=Gtk.MessageType.QUESTION, text=question
        )
        wrap_dialog(dialog)
        dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        dialog.add_button(_("_Remove"), Gtk.ResponseType.OK)

        def on_response(window: Gtk.Window, response: int) -> None:
            window.destroy()
            if response == Gtk.ResponseType.OK:
                self._dialog.ask("forget-key", lambda answer: self._on_forgotten(name, answer), provider=name)

        dialog.connect("response", on_response)
        dialog.show_all()

    def _on_forgotten(self, name: str, answer: Event) -> None:
        """Remove the provider once its key is deleted; where that fails, keep both and show why."""
        if "error" in answer:
            self._dialog.show_problem(_error(answer))
        else:
            self._dialog.save(lambda: settings.remove_provider(name))


def _address_text(name: str, current: Settings) -> str:
    provider = settings.provider(name)
    if name == "local":
        return _("The built-in engine: nothing leaves this computer, and it costs nothing.")
    address = provider.resolve_url(None, {}) or _("no address; add a provider with the address of your server")
    if name in current.providers:
        base = providers.get(current.providers[name]["like"]).title
        return _("{address}, like {provider}").format(address=address, provider=base)
    return address


def _verdict(test: Mapping[str, str]) -> str:
    """Return the text on a test of a connection."""
    return f"{_MARKS.get(test['verdict'], '')} {sentences(test['message'], test['hint'])}"


def _error(answer: Event) -> str:
    error = answer.get("error")
    return sentences(error["message"], error["hint"]) if error else ""
