"""The form for a custom provider."""

from collections.abc import Callable, Mapping

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import GimpUi, Gtk

from lib.api import models, providers
from lib.settings.custom_providers import DIALECTS, FIELDS, new_name, validate_entry
from lib.translation import _
from plugin.settings_dialog.rows import Page, message
from plugin.ui.model_note import ModelNote

Save = Callable[[str, Mapping[str, str]], bool]


class ProviderForm:
    """Asks for title, dialect, address and model; `save` writes them, and the form stays open where it fails."""

    def __init__(
        self, parent: Gtk.Window, name: str, entry: Mapping[str, str], taken: Mapping[str, object], save: Save
    ) -> None:
        self._name, self._taken, self._save = name, taken, save
        title = _("Edit Provider") if name else _("Add Provider")
        self.window = GimpUi.Dialog(title=title, role="generative-edit-provider")
        self.window.set_transient_for(parent)
        self.window.set_modal(True)
        self.window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        self.window.add_button(_("_OK"), Gtk.ResponseType.OK)
        self.window.set_default_response(Gtk.ResponseType.OK)
        self._dialect = Gtk.ComboBoxText()
        for dialect in DIALECTS:
            self._dialect.append(dialect, providers.get(dialect).title)
        self._fields = {field: Gtk.Entry(activates_default=True) for field in FIELDS if field != "like"}
        self._problem = message()
        self._model_note = ModelNote(self._fields["model"].set_text)
        self._lay_out()
        self._show(entry)
        self._dialect.connect("changed", lambda _combo: self._on_dialect())
        self._fields["model"].connect("changed", lambda _entry: self._show_model_note())
        self.window.connect("response", self._on_response)
        self.window.show_all()

    def _lay_out(self) -> None:
        page = Page()
        page.add_row(_("_Title:"), self._fields["title"])
        page.add_row(_("API t_ype:"), self._dialect)
        page.add_row(_("_Address:"), self._fields["base_url"])
        page.add_row(_("Default _model:"), self._fields["model"])
        page.add_wide(self._model_note)
        page.add_row(_("API _version:"), self._fields["api_version"])
        page.add_wide(self._problem)
        self.window.get_content_area().pack_start(page, True, True, 0)

    def _show(self, entry: Mapping[str, str]) -> None:
        self._dialect.set_active_id(entry.get("like", "custom"))
        for field, widget in self._fields.items():
            widget.set_text(entry.get(field, ""))
        self._on_dialect()

    def _on_dialect(self) -> None:
        """Enable the API version for Azure only, and show the form of the dialect's address and its default model."""
        base = providers.get(str(self._dialect.get_active_id()))
        self._fields["api_version"].set_sensitive(bool(base.api_versions))
        example = base.base_url or ("https://NAME.openai.azure.com" if base.api_versions else "https://…/v1")
        self._fields["base_url"].set_placeholder_text(example)
        self._fields["model"].set_placeholder_text(base.default_model or "")
        self._show_model_note()

    def _show_model_note(self) -> None:
        self._model_note.follow(models.get(self._fields["model"].get_text().strip()))

    def _entry(self) -> dict[str, str]:
        entry = {field: widget.get_text().strip() for field, widget in self._fields.items()}
        return entry | {"like": str(self._dialect.get_active_id())}

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
        if self._save(name, entry):
            window.destroy()
