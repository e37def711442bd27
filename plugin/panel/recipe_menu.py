"""The menu of recipes, built-in and the user's own, with the reason beside those that can't be used now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from gi.repository import Gimp, Gtk

from lib.api.text import sentences
from lib.settings import recipes
from lib.settings.recipes import OPTIONS, Recipe
from lib.translation import _, ngettext
from plugin.edit.arguments import defaults
from plugin.edit.choices import choices
from plugin.edit.draft import Draft
from plugin.errors import explain
from plugin.expect import expect
from plugin.panel.inputs import InputList
from plugin.ui.labels import wrapped_label
from plugin.worker.process import Event
from plugin.worker.workers import Workers

_RESET = ("quality", "background", "context", "input-fidelity")  # options that every recipe sets, if only to default


class RecipeMenu(Gtk.MenuButton):
    """A button with the menu; `say` is called with a message for the user."""

    def __init__(
        self, config: Gimp.ProcedureConfig, inputs: InputList, workers: Workers, say: Callable[[str], None]
    ) -> None:
        super().__init__(label=_("_Recipes"), use_underline=True)
        self.set_tooltip_text(_("Fill in the prompt and its options for a common task"))
        self._config, self._inputs, self._workers, self._say = config, inputs, workers, say
        self._draft: Draft | None = None
        self._refusals: dict[str, str] = {}
        self._menu = Gtk.Menu()
        self._menu.connect("show", lambda *_ignored: self._fill())
        self.set_popup(self._menu)
        self._fill()

    def follow(self, draft: Draft | None) -> None:
        """Follow the provider and the model of the next edit; ask the built-in engine what it can do."""
        self._draft = draft
        if draft is None or draft.provider.name != "local" or self._refusals:
            return
        for recipe in recipes.load():
            prompt = _example(recipe)
            self._refusals.setdefault(prompt, "")
            self._workers.ask("check-prompt", self._remember(prompt), prompt=prompt)

    def disabled_reason(self, recipe: Recipe) -> str:
        """Return why a recipe can't be used with the selected provider and model; "" if it can."""
        if self._draft is None:
            return ""
        if self._draft.provider.name == "local" and self._refusals.get(_example(recipe)):
            return _("not with the built-in engine")
        offered = choices(self._draft.model, self._draft.provider)
        for name, value in recipe.values.items():
            choice = offered.get(name)
            if value and choice and choice.disabled_reason:
                return choice.disabled_reason
            if value and choice and choice.values and value not in choice.values:
                return _("{model} has no {value}").format(model=self._draft.model.name, value=value)
        return ""

    def _remember(self, prompt: str) -> Callable[[Event], None]:
        def on_answer(answer: Event) -> None:
            self._refusals[prompt] = answer.get("refusal") or ""

        return on_answer

    def _fill(self) -> None:
        for item in self._menu.get_children():
            self._menu.remove(item)
        every = recipes.load()
        own = [recipe for recipe in every if recipe.is_own]
        for recipe in every:
            if recipe in own[:1]:
                self._menu.append(Gtk.SeparatorMenuItem())
            self._add_recipe(recipe)
        self._menu.append(Gtk.SeparatorMenuItem())
        self._add(self._menu, _("_Save as Recipe…"), self._save)
        if own:
            deletion = Gtk.MenuItem.new_with_mnemonic(_("_Delete"))
            submenu = Gtk.Menu()
            for recipe in own:
                self._add(submenu, recipe.title, partial(recipes.remove, recipe.name), mnemonic=False)
            deletion.set_submenu(submenu)
            self._menu.append(deletion)
        self._add(self._menu, _("_Import…"), self._import)
        if own:
            self._add(self._menu, _("_Export…"), self._export)
        self._menu.show_all()

    def _add_recipe(self, recipe: Recipe) -> None:
        reason = self.disabled_reason(recipe)
        text = f"{recipe.title} ({reason})" if reason else recipe.title
        item = self._add(self._menu, text, partial(self._use, recipe), mnemonic=False)
        item.set_sensitive(not reason)

    def _add(self, menu: Gtk.Menu, text: str, action: Callable[[], Any], *, mnemonic: bool = True) -> Gtk.MenuItem:
        item = Gtk.MenuItem.new_with_mnemonic(text) if mnemonic else Gtk.MenuItem.new_with_label(text)
        item.connect("activate", lambda *_ignored: self._try(action))
        menu.append(item)
        return item

    def _try(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except (OSError, ValueError) as error:
            self._say(explain(error) if isinstance(error, OSError) else str(error))

    def _use(self, recipe: Recipe) -> None:
        """Set the recipe's options, once the user has given a text for each placeholder."""
        names = recipe.placeholders
        texts = self._ask(recipe.title, {name: recipe.label(name) for name in names}) if names else {}
        if texts is None:
            return
        values = {name: defaults()[name] for name in _RESET} | recipe.filled(texts)
        for name, value in values.items():
            self._config.set_property(name, value)
        markup = values.get("markup") or ""
        if self._config.get_property("markup") not in (markup, None):
            self._say(_("There is no layer “{name}” to use as markup.").format(name=markup))
        missing = self._inputs.set_references(recipe.references) if recipe.references else []
        if missing:
            text = _("There is no layer “{name}” to send as a reference image.")
            self._say(sentences(*(text.format(name=name) for name in missing)))

    def _save(self) -> None:
        answer = self._ask(_("Save as Recipe"), {"title": _("Name")})
        if answer:
            default_values = defaults()
            current = {name: self._config.get_property(name) for name in OPTIONS}
            values = {name: value for name, value in current.items() if value not in (None, default_values[name])}
            references = [layer.get_name() for layer in self._inputs.layers[1:]]
            recipe = recipes.save(answer["title"], values, references)
            self._say(_("The recipe “{title}” was saved.").format(title=recipe.title))

    def _import(self) -> None:
        path = self._choose_file(_("Import Recipes"), Gtk.FileChooserAction.OPEN, _("_Open"))
        if path:
            count = recipes.import_from(path)
            text = ngettext("{count} recipe was imported.", "{count} recipes were imported.", count)
            self._say(text.format(count=count))

    def _export(self) -> None:
        path = self._choose_file(_("Export Recipes"), Gtk.FileChooserAction.SAVE, _("_Save"))
        if path:
            count = recipes.export_to(path)
            text = ngettext("{count} recipe was exported.", "{count} recipes were exported.", count)
            self._say(text.format(count=count))

    def _ask(self, title: str, labels: dict[str, str]) -> dict[str, str] | None:
        """Ask for a text for each label; return the texts, None if the user cancels or leaves one empty."""
        dialog = Gtk.Dialog(title=title, transient_for=self._window, modal=True, border_width=12)
        dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        dialog.add_button(_("_OK"), Gtk.ResponseType.OK)
        dialog.set_default_response(Gtk.ResponseType.OK)
        entries = {}
        table = Gtk.Grid(row_spacing=6, column_spacing=6, margin_bottom=12)
        for row, (name, text) in enumerate(labels.items()):
            entry = Gtk.Entry(activates_default=True, width_chars=36, hexpand=True)
            entry.get_accessible().set_name(text)
            table.attach(wrapped_label(_("{label}:").format(label=text), characters=30), 0, row, 1, 1)
            table.attach(entry, 1, row, 1, 1)
            entries[name] = entry
        dialog.get_content_area().add(table)
        dialog.show_all()
        answer = dialog.run()
        texts = {name: entry.get_text().strip() for name, entry in entries.items()}
        dialog.destroy()
        return texts if answer == Gtk.ResponseType.OK and all(texts.values()) else None

    def _choose_file(self, title: str, action: Gtk.FileChooserAction, accept: str) -> Path | None:
        dialog = Gtk.FileChooserDialog(title=title, transient_for=self._window, modal=True, action=action)
        dialog.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        dialog.add_button(accept, Gtk.ResponseType.OK)
        dialog.set_do_overwrite_confirmation(True)
        if action == Gtk.FileChooserAction.SAVE:
            dialog.set_current_name("recipes.json")
        answer, name = dialog.run(), dialog.get_filename()
        dialog.destroy()
        return Path(name) if answer == Gtk.ResponseType.OK and name else None

    @property
    def _window(self) -> Gtk.Window:
        return expect(Gtk.Window, self.get_toplevel())


def _example(recipe: Recipe) -> str:
    """Return the recipe's prompt with an example for each placeholder."""
    prompt: str = recipe.filled(dict.fromkeys(recipe.placeholders, "blue"))["prompt"]
    return prompt
