"""The form for one of the user's own providers."""

from collections.abc import Callable, Mapping

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, Gtk

from lib.api import providers
from lib.settings.custom_providers import DIALECTS, FIELDS, new_name, validate_entry
from lib.translation import _
from plugin.settings_dialog.rows import Page, message

Keep = Callable[[str, Mapping[str, str]], bool]


class ProviderForm:
    """Asks for title, dialect, address and model; `keep` writes them, and the form stays open where it cannot."""

    def __init__(
        self, parent: Gtk.Window, name: str, entry: Mapping[str, str], taken: Mapping[str, object], keep: Keep
    ) -> None:
        self._name, self._taken, self._keep = name, taken, keep
        title = _("Edit Provider") if name else _("Add Provider")
        self.window = GimpUi.Dialog(title=title, role="generative-edit-provider")
        self.window.set_transient_for(parent)
        self.window.set_modal(True)
        self.window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self.window.add_button(_("_OK"), Gtk.ResponseType.OK)
        self.window.set_default_response(Gtk.ResponseType.OK)
        self._like = Gtk.ComboBoxText()
        for like in DIALECTS:
            self._like.append(like, providers.get(like).title)
        self._fields = {field: Gtk.Entry(activates_default=True) for field in FIELDS if field != "like"}
        self._problem = message()
        self._lay_out()
        self._show(entry)
        self._like.connect("changed", lambda _combo: self._on_like())
        self.window.connect("response", self._on_response)
        self.window.show_all()

    def _lay_out(self) -> None:
        page = Page()
        page.add_row(_("_Title:"), self._fields["title"])
        page.add_row(_("Speaks _like:"), self._like)
        page.add_row(_("_Address:"), self._fields["base_url"])
        page.add_row(_("Default _model:"), self._fields["model"])
        page.add_row(_("API _version:"), self._fields["api_version"])
        page.add_wide(self._problem)
        self.window.get_content_area().pack_start(page, True, True, 0)

    def _show(self, entry: Mapping[str, str]) -> None:
        self._like.set_active_id(entry.get("like", "custom"))
        for field, widget in self._fields.items():
            widget.set_text(entry.get(field, ""))
        self._on_like()

    def _on_like(self) -> None:
        """An API version is Azure's alone; the address is shown as the dialect has it."""
        base = providers.get(str(self._like.get_active_id()))
        self._fields["api_version"].set_sensitive(bool(base.api_versions))
        shown = base.base_url or ("https://NAME.openai.azure.com" if base.api_versions else "https://…/v1")
        self._fields["base_url"].set_placeholder_text(shown)
        self._fields["model"].set_placeholder_text(base.default_model or "")

    def _entry(self) -> dict[str, str]:
        entry = {field: widget.get_text().strip() for field, widget in self._fields.items()}
        return entry | {"like": str(self._like.get_active_id())}

    def _on_response(self, window: Gtk.Window, response: int) -> None:
        if response != Gtk.ResponseType.OK:
            window.destroy()
            return
        entry = self._entry()
        name = self._name or new_name(entry["title"], self._taken)
        try:
            validate_entry(entry["title"] or name, entry)
        except ValueError as error:
            self._problem.set_text(str(error))
            return
        if self._keep(name, entry):
            window.destroy()
