"""The page on what an edit starts with: provider, model, surroundings, and above which cost one is asked first."""

import os
from typing import TYPE_CHECKING

from gi.repository import Gtk

from lib.api.text import sentences
from lib.settings import settings
from lib.settings.settings import Settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.expect import expect
from plugin.settings_dialog.rows import Page, beside, button, message, named, note, spin
from plugin.ui.labels import shorten_choices
from plugin.worker.process import Event

if TYPE_CHECKING:
    from plugin.settings_dialog.window import SettingsDialog

_VARIABLES = ("GENERATIVE_EDIT_PROVIDER", "GENERATIVE_EDIT_MODEL")
_PIXELS = "pixels"
_FEW_PIXELS = 64


class DefaultsPage(Page):
    """Each control writes its own setting."""

    def __init__(self, dialog: "SettingsDialog") -> None:
        super().__init__()
        self._dialog, self._filling = dialog, False
        self._provider = shorten_choices(Gtk.ComboBoxText())
        self._model = Gtk.ComboBoxText.new_with_entry()
        self._entry = expect(Gtk.Entry, self._model.get_child())
        self._listed = message()
        self._list = button(_("_List Models"), self._ask_models)
        self._confirm = spin(0, 1_000_000, 0.05, digits=2)
        self._context, self._around = Gtk.ComboBoxText(), spin(0, 99_999, 8)
        self._feather = spin(0, LARGEST_RADIUS, 0.5, digits=1)
        self._grow = spin(0, LARGEST_RADIUS, 1)
        self._lay_out()
        self._connect()

    def show_settings(self, now: Settings) -> None:
        """Shows what is set."""
        self._filling = True
        names = settings.provider_names()
        self._provider.remove_all()
        for name in names:
            self._provider.append(name, settings.provider(name).title)
        if now.provider and now.provider not in names:
            self._provider.append(now.provider, _("{name} (no longer there)").format(name=now.provider))
        self._provider.set_active_id(now.provider or "local")
        if self._text() != now.model:
            self._entry.set_text(now.model)
        self._show_default_model()
        self._confirm.set_value(now.confirm_above)
        pixels = now.context.isdigit()
        self._context.set_active_id(_PIXELS if pixels else now.context)
        self._around.set_value(int(now.context) if pixels else _FEW_PIXELS)
        self._around.set_sensitive(pixels)
        self._feather.set_value(now.feather)
        self._grow.set_value(now.grow)
        self._filling = False

    def _lay_out(self) -> None:
        self.add_heading(_("Provider and model, in windows and in scripts that name none"))
        self.add_row(_("_Provider:"), self._provider)
        self.add_row(_("_Model:"), beside(named(self._model, _("_Model:")), self._list), self._entry)
        self.add_wide(self._listed)
        variables = [name for name in _VARIABLES if os.environ.get(name)]
        if variables:
            told = _("{variables} is set in the environment and goes before this.")
            self.add_wide(note(told.format(variables=", ".join(variables))))
        self.add_heading(_("In windows only, so that a script does the same for everybody"))
        self.add_row(_("_Ask before an edit that may cost more than, in US dollars:"), self._confirm)
        words = {"auto": _("automatic"), "layer": _("the whole layer"), "canvas": _("the whole canvas")}
        for name, text in (words | {_PIXELS: _("so many pixels:")}).items():
            self._context.append(name, text)
        self.add_row(_("S_urroundings to send:"), beside(self._context, self._around), self._context)
        named(self._around, _("Pixels around the selection"))
        self.add_row(_("_Feather, in pixels:"), self._feather)
        self.add_row(_("_Grow, in pixels:"), self._grow)

    def _connect(self) -> None:
        self._provider.connect("changed", lambda combo: self._choose(combo.get_active_id()))
        self._model.connect("changed", lambda _combo: self._set("model", self._text()))
        self._confirm.connect("value-changed", lambda most: self._set("confirm_above", most.get_value()))
        self._context.connect("changed", lambda _combo: self._choose_context())
        self._around.connect("value-changed", lambda _pixels: self._choose_context())
        self._feather.connect("value-changed", lambda pixels: self._set("feather", pixels.get_value()))
        self._grow.connect("value-changed", lambda pixels: self._set("grow", pixels.get_value_as_int()))

    def _set(self, name: str, value: object) -> None:
        if not self._filling:
            self._dialog.change(**{name: value})

    def _choose(self, provider: str) -> None:
        """Another provider has other models."""
        if self._filling:
            return
        self._model.remove_all()
        self._entry.set_text("")
        self._dialog.change(provider=provider, model="")
        self._listed.set_text("")
        self._show_default_model()

    def _choose_context(self) -> None:
        chosen = self._context.get_active_id()
        self._around.set_sensitive(chosen == _PIXELS)
        self._set("context", str(self._around.get_value_as_int()) if chosen == _PIXELS else chosen)

    def _show_default_model(self) -> None:
        """What an empty model stands for."""
        try:
            model = settings.provider(str(self._provider.get_active_id())).default_model
        except ValueError:
            model = None
        told = _("empty: {model}").format(model=model) if model else _("empty: the server's own")
        self._entry.set_placeholder_text(told)

    def _text(self) -> str:
        return self._entry.get_text().strip()

    def _ask_models(self) -> None:
        self._list.set_sensitive(False)
        self._listed.set_text(_("Asking for the models…"))
        self._dialog.ask("models", self._on_models, provider=self._provider.get_active_id())

    def _on_models(self, answer: Event) -> None:
        self._list.set_sensitive(True)
        if "error" in answer:
            error = answer["error"]
            self._listed.set_text(sentences(error["message"], error["hint"]))
            return
        chosen, self._filling = self._text(), True
        self._model.remove_all()
        for model in answer["models"]:
            self._model.append_text(model["name"])
        self._entry.set_text(chosen)
        self._filling = False
        ending = {model["name"]: model["ends"] for model in answer["models"]}.get(chosen)
        told = _("The models are in the field's list, those for pictures first: open it, or press Down in the field.")
        if ending:
            told = f"{told} " + _("“{model}” ends on {date}.").format(model=chosen, date=ending)
        self._listed.set_text(told)
        self._entry.grab_focus()
