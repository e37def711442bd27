"""The page on providers: which there are, their keys, and whether they can be reached."""

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
_MARKS = {"good": "✔", "doubtful": "!", "bad": "✘"}


class ProvidersPage(Page):
    """The list at the left, the chosen one at the right. A key is only ever handed to the worker."""

    def __init__(self, dialog: "SettingsDialog") -> None:
        super().__init__()
        self._dialog, self._filling = dialog, False
        self._now = Settings()
        self._rows_of_names = Gtk.ListStore(str, str)
        self._list = Gtk.TreeView(model=self._rows_of_names, headers_visible=False)
        titles = Gtk.CellRendererText(ellipsize=Pango.EllipsizeMode.END)
        self._list.append_column(Gtk.TreeViewColumn("", titles, text=1))
        self._title, self._address = note(), message()
        self._state, self._verdict = message(), message()
        self._key = Gtk.Entry(visibility=False, input_purpose=Gtk.InputPurpose.PASSWORD)
        self._edit = button(_("_Edit…"), self._edit_chosen)
        self._remove = button(_("_Remove…"), self._ask_removal)
        self._store = button(_("_Store Key"), self._store_key)
        self._forget = button(_("_Forget Key"), self._forget_key)
        self._test = button(_("_Test Connection"), self._test_connection)
        self._lay_out()
        self._list.get_selection().connect("changed", lambda _selection: self._choose())
        self._key.connect("changed", lambda _entry: self._show_buttons())
        self._key.connect("activate", lambda _entry: self._store_key())

    def show_settings(self, now: Settings) -> None:
        """Shows the providers; the chosen one stays chosen, and is the default one at first."""
        chosen, self._now = self._chosen() or now.provider or "local", now
        self._filling = True
        self._rows_of_names.clear()
        names = settings.provider_names()
        for name in names:
            self._rows_of_names.append((name, settings.provider(name).title))
        self._filling = False
        position = names.index(chosen) if chosen in names else 0
        self._list.set_cursor(Gtk.TreePath.new_from_indices([position]), None, False)

    def _lay_out(self) -> None:
        frame = Gtk.ScrolledWindow(shadow_type=Gtk.ShadowType.IN, vexpand=True, min_content_width=_LIST_WIDTH)
        frame.add(named(self._list, _("Providers")))
        left = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=SPACE // 2)
        left.pack_start(frame, True, True, 0)
        buttons = Gtk.Box(spacing=SPACE // 2, homogeneous=True)
        for made in (button(_("_Add…"), self._add), self._edit, self._remove):
            buttons.pack_start(made, True, True, 0)
        left.pack_start(buttons, False, False, 0)
        bold(self._title)
        right = Page()
        right.set_border_width(0)
        right.add_wide(self._title)
        right.add_wide(self._address)
        right.add_row(_("_Key:"), self._key)
        right.add_wide(beside(Gtk.Box(), self._store, self._forget))
        right.add_wide(self._state)
        right.add_wide(beside(Gtk.Box(), self._test))
        right.add_wide(self._verdict)
        self.attach(left, 0, 0, 1, 1)
        self.attach(right, 1, 0, 1, 1)

    def grab_focus(self) -> None:
        """The list has the keyboard at first."""
        self._list.grab_focus()

    def _tell(self, verdict: str) -> None:
        """Shows a verdict, which can be copied; without one there is nothing to come to by Tab."""
        self._verdict.set_text(verdict)
        self._verdict.set_selectable(bool(verdict))

    def _chosen(self) -> str:
        """The name of the provider that is chosen in the list; "" for none."""
        model, row = self._list.get_selection().get_selected()
        return model[row][0] if row else ""

    def _choose(self) -> None:
        name = self._chosen()
        if self._filling or not name:
            return
        provider = settings.provider(name)
        self._title.set_text(provider.title)
        self._address.set_text(_address(name, self._now))
        self._key.set_text("")
        self._tell("")
        self._state.set_text("")
        self._show_buttons()
        self._forget.set_sensitive(False)
        self._dialog.ask("key-state", lambda answer: self._on_state(name, answer), provider=name)

    def _show_buttons(self) -> None:
        name = self._chosen()
        own = name in self._now.providers
        self._edit.set_sensitive(own)
        self._remove.set_sensitive(own)
        takes_key = name != "local" and settings.provider(name).auth != "none"
        self._key.set_sensitive(takes_key)
        self._store.set_sensitive(takes_key and bool(self._key.get_text().strip()))

    def _on_state(self, name: str, answer: Event) -> None:
        """Shows where the key comes from, and offers to forget it where there is one."""
        if name == self._chosen():
            self._state.set_text(_error(answer) or answer["words"])
            self._forget.set_sensitive(answer.get("kind") in ("store", "file", "locked", "environment"))

    def _store_key(self) -> None:
        name, key = self._chosen(), self._key.get_text().strip()
        if key:
            self._key.set_text("")
            self._state.set_text(_("Storing the key…"))
            self._dialog.ask("store-key", lambda answer: self._on_key(name, answer), provider=name, key=key)

    def _forget_key(self) -> None:
        name = self._chosen()
        self._dialog.ask("forget-key", lambda answer: self._on_key(name, answer), provider=name)

    def _on_key(self, name: str, answer: Event) -> None:
        self._on_state(name, answer)
        self._tell("")
        self._dialog.changed()

    def _test_connection(self) -> None:
        name, key = self._chosen(), self._key.get_text().strip()
        model = self._now.model if name == (self._now.provider or "local") else ""
        self._test.set_sensitive(False)
        self._tell(_("Asking for the list of models, which costs nothing…"))
        self._dialog.ask(
            "test-connection", lambda answer: self._on_verdict(name, key, answer), provider=name, key=key, model=model
        )

    def _on_verdict(self, name: str, key: str, answer: Event) -> None:
        self._test.set_sensitive(True)
        if name == self._chosen():
            told = _error(answer) or f"{_MARKS[answer['verdict']]} {sentences(answer['message'], answer['hint'])}"
            self._tell(sentences(told, _("The key that you entered is not stored yet.")) if key else told)

    def _add(self) -> None:
        ProviderForm(self._dialog.window, "", {}, self._now.providers, self._keep)

    def _edit_chosen(self) -> None:
        name = self._chosen()
        ProviderForm(self._dialog.window, name, self._now.providers[name], self._now.providers, self._keep)

    def _keep(self, name: str, entry: Mapping[str, str]) -> bool:
        before = self._now.providers.get(name)
        if not self._dialog.written(lambda: settings.save_provider(name, entry)):
            return False
        if before and before["base_url"] != entry["base_url"]:
            # A key belongs to one host, and would be left behind with the old one.
            self._dialog.ask("forget-key", lambda _answer: self._choose(), provider=name, entry=dict(before))
        names = settings.provider_names()
        if name in names:
            self._list.set_cursor(Gtk.TreePath.new_from_indices([names.index(name)]), None, False)
        return True

    def _ask_removal(self) -> None:
        name = self._chosen()
        entry = self._now.providers[name]
        told = _("Remove the provider “{title}”, and its key?").format(title=entry["title"])
        ask = Gtk.MessageDialog(
            transient_for=self._dialog.window, modal=True, message_type=Gtk.MessageType.QUESTION, text=told
        )
        wrap_dialog(ask)
        ask.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        ask.add_button(_("_Remove"), Gtk.ResponseType.OK)

        def answered(window: Gtk.Window, response: int) -> None:
            window.destroy()
            if response == Gtk.ResponseType.OK:
                self._dialog.ask("forget-key", lambda answer: self._on_forgotten(name, answer), provider=name)

        ask.connect("response", answered)
        ask.show_all()

    def _on_forgotten(self, name: str, answer: Event) -> None:
        """The provider goes once its key has; where the key cannot be deleted both stay, and that is said."""
        if "error" in answer:
            self._dialog.tell(_error(answer))
        else:
            self._dialog.written(lambda: settings.remove_provider(name))


def _address(name: str, now: Settings) -> str:
    provider = settings.provider(name)
    if name == "local":
        return _("The built-in engine: nothing leaves this computer, and it costs nothing.")
    address = provider.resolve_url(None, {}) or _("no address of its own; add a provider with yours")
    if name in now.providers:
        base = providers.get(now.providers[name]["like"]).title
        return _("{address}, like {provider}").format(address=address, provider=base)
    return address


def _error(answer: Event) -> str:
    error = answer.get("error")
    return sentences(error["message"], error["hint"]) if error else ""
