"""The page with the defaults of an edit: provider, model, context, and the cost above which to ask first."""

import os
from typing import TYPE_CHECKING

from gi.repository import Gtk

from lib.api import models
from lib.api.text import sentences
from lib.settings import settings
from lib.settings.settings import Settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.expect import expect
from plugin.settings_dialog.first_time import run_first_time
from plugin.settings_dialog.rows import Page, beside, button, message, named, note, spin
from plugin.ui.labels import shorten_choices
from plugin.ui.model_note import ModelNote
from plugin.worker.process import Event

if TYPE_CHECKING:
    from plugin.settings_dialog.window import SettingsDialog

_VARIABLES = ("GENERATIVE_EDIT_PROVIDER", "GENERATIVE_EDIT_MODEL")
_PIXELS = "pixels"
_FEW_PIXELS = 64


class DefaultsPage(Page):
    """The defaults; each control writes its own setting."""

    def __init__(self, dialog: "SettingsDialog") -> None:
        super().__init__()
        self._dialog, self._filling = dialog, False
        self._provider = shorten_choices(Gtk.ComboBoxText())
        self._model = Gtk.ComboBoxText.new_with_entry()
        self._entry = expect(Gtk.Entry, self._model.get_child())
        self._model_message = message()
        self._model_note = ModelNote(self._entry.set_text)
        self._list_button = button(_("_List Models"), self._request_models)
        self._provenance = Gtk.CheckButton(label=_("_Mark edited images in their metadata"), use_underline=True)
        self._confirm = spin(0, 1_000_000, 0.05, digits=2)
        self._context, self._context_pixels = Gtk.ComboBoxText(), spin(0, 99_999, 8)
        self._feather = spin(0, LARGEST_RADIUS, 0.5, digits=1)
        self._grow = spin(0, LARGEST_RADIUS, 1)
        self._lay_out()
        self._connect()

    def show_settings(self, current: Settings) -> None:
        """Show the current settings."""
        self._filling = True
        names = settings.provider_names()
        self._provider.remove_all()
        for name in names:
            self._provider.append(name, settings.provider(name).title)
        if current.provider and current.provider not in names:
            self._provider.append(current.provider, _("{name} (removed)").format(name=current.provider))
        self._provider.set_active_id(current.provider or "local")
        if self._model_name() != current.model:
            self._entry.set_text(current.model)
        self._show_default_model()
        self._provenance.set_active(current.provenance)
        self._confirm.set_value(current.confirm_above)
        pixels = current.context.isdigit()
        self._context.set_active_id(_PIXELS if pixels else current.context)
        self._context_pixels.set_value(int(current.context) if pixels else _FEW_PIXELS)
        self._context_pixels.set_sensitive(pixels)
        self._feather.set_value(current.feather)
        self._grow.set_value(current.grow)
        self._filling = False

    def _lay_out(self) -> None:
        self.add_heading(_("Provider and model, for windows and for scripts that specify none"))
        self.add_row(_("_Provider:"), self._provider)
        self.add_row(_("_Model:"), beside(named(self._model, _("_Model:")), self._list_button), self._entry)
        self.add_wide(self._model_note)
        self.add_wide(self._model_message)
        variables = [name for name in _VARIABLES if os.environ.get(name)]
        if variables:
            text = _("{variables} is set in the environment and overrides this.")
            self.add_wide(note(text.format(variables=", ".join(variables))))
        self._provenance.set_tooltip_text(
            _("Exported files then say that a part of the image was made with AI, as the IPTC standard describes it.")
        )
        self.add_wide(self._provenance)
        self.add_heading(_("For windows only, so that a script gives everybody the same result"))
        self.add_row(_("_Ask before edits that may cost more than (US dollars):"), self._confirm)
        contexts = {"auto": _("automatic"), "layer": _("the whole layer"), "canvas": _("the whole canvas")}
        for name, text in (contexts | {_PIXELS: _("pixels:")}).items():
            self._context.append(name, text)
        self.add_row(_("Conte_xt around the selection:"), beside(self._context, self._context_pixels), self._context)
        named(self._context_pixels, _("Pixels around the selection"))
        self.add_row(_("_Feather, in pixels:"), self._feather)
        self.add_row(_("_Grow, in pixels:"), self._grow)
        self.add_wide(beside(Gtk.Box(), button(_("_Welcome…"), self._welcome)))

    def _connect(self) -> None:
        self._provider.connect("changed", lambda combo: self._set_provider(combo.get_active_id()))
        self._model.connect("changed", lambda _combo: self._on_model())
        self._provenance.connect("toggled", lambda check: self._set("provenance", check.get_active()))
        self._confirm.connect("value-changed", lambda most: self._set("confirm_above", most.get_value()))
        self._context.connect("changed", lambda _combo: self._set_context())
        self._context_pixels.connect("value-changed", lambda _pixels: self._set_context())
        self._feather.connect("value-changed", lambda pixels: self._set("feather", pixels.get_value()))
        self._grow.connect("value-changed", lambda pixels: self._set("grow", pixels.get_value_as_int()))

    def _welcome(self) -> None:
        """Open the welcome window again."""
        run_first_time(self._dialog.window)
        self._dialog.refresh()
        self._dialog.notify_changed()

    def _set(self, name: str, value: object) -> None:
        if not self._filling:
            self._dialog.change(**{name: value})

    def _on_model(self) -> None:
        self._set("model", self._model_name())
        self._show_default_model()

    def _set_provider(self, provider: str) -> None:
        """Change the provider, and clear the model, as each provider has its own."""
        if self._filling:
            return
        self._model.remove_all()
        self._entry.set_text("")
        self._dialog.change(provider=provider, model="")
        self._model_message.set_text("")
        self._show_default_model()

    def _set_context(self) -> None:
        context = self._context.get_active_id()
        self._context_pixels.set_sensitive(context == _PIXELS)
        self._set("context", str(self._context_pixels.get_value_as_int()) if context == _PIXELS else context)

    def _show_default_model(self) -> None:
        """Show in the empty field which model is used, and the note on a model that ends."""
        name = str(self._provider.get_active_id())
        try:
            model = settings.provider(name).default_model
        except ValueError:
            model = None
        self._model_note.follow(None if name == "local" else models.get(self._model_name() or model or ""))
        text = _("empty: {model}").format(model=model) if model else _("empty: the server's default")
        self._entry.set_placeholder_text(text)

    def _model_name(self) -> str:
        return self._entry.get_text().strip()

    def _request_models(self) -> None:
        self._list_button.set_sensitive(False)
        self._model_message.set_text(_("Requesting the list of models…"))
        self._dialog.ask("models", self._on_models, provider=self._provider.get_active_id())

    def _on_models(self, answer: Event) -> None:
        self._list_button.set_sensitive(True)
        if "error" in answer:
            error = answer["error"]
            self._model_message.set_text(sentences(error["message"], error["hint"]))
            return
        name, self._filling = self._model_name(), True
        self._model.remove_all()
        for model in answer["models"]:
            self._model.append_text(model["name"])
        self._entry.set_text(name)
        self._filling = False
        ending = {model["name"]: model["ends"] for model in answer["models"]}.get(name)
        text = _("The field's list now has the models, image models first. Open it, or press Down in the field.")
        if ending:
            text = f"{text} " + _("“{model}” will be retired on {date}.").format(model=name, date=ending)
        self._model_message.set_text(text)
        self._entry.grab_focus()
