"""The controls for an edit's options; those that the selected model or provider does not support are disabled."""

from __future__ import annotations

from gi.repository import Gimp, Gtk

from lib.api.models import Model
from lib.api.providers import Provider
from lib.frame.frame import Plan
from lib.settings import provider_tests, settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.edit.choices import OptionChoices, choices
from plugin.ui.fields import CheckField, Field, ListField, NumberField, TextField, grid
from plugin.ui.group import Group
from plugin.ui.model_note import ModelNote


class OptionsForm(Gtk.Box):
    """Provider, model and number of results, with all other options in groups that are folded away."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._config = config
        default = _("default")
        provider_tooltip = _("Service that makes the edit")
        self._provider = ListField(config, "provider", default, label=_("Prov_ider:"), tooltip=provider_tooltip)
        model_tooltip = _("Choose a model, or enter any name that the server accepts")
        self._model = ListField(config, "model", default, free_text=True, tooltip=model_tooltip)
        size_tooltip = _("Size in which the frame is sent and the result is requested")
        self._size = ListField(config, "size", _("auto"), free_text=True, label=_("Si_ze:"), tooltip=size_tooltip)
        self._quality = ListField(config, "quality", default)
        self._complexity = ListField(config, "complexity", default)
        self._match_colour = ListField(config, "match-colour", _("automatically"))
        self._match_colour.set_titles({"always": _("always"), "never": _("never")})
        self._match_colour.set_choices(OptionChoices(("always", "never")))
        count_tooltip = _("Number of results to choose from")
        count = NumberField(config, "n", (1, 10), tooltip=count_tooltip)
        self._fields: dict[str, Field] = {
            "size": self._size,
            "quality": self._quality,
            "partial-images": NumberField(
                config,
                "partial-images",
                (0, 3),
                label=_("Live pre_views:"),
                tooltip=_("Number of previews shown on the canvas before the result"),
            ),
            "background": ListField(config, "background", _("opaque")),
            "complexity": self._complexity,
            "input-fidelity": ListField(config, "input-fidelity", default),
            "output-format": ListField(config, "output-format", "png"),
            "output-compression": NumberField(config, "output-compression", (-1, 100), lowest_text=default),
            "moderation": ListField(config, "moderation", default),
            "user": TextField(config, "user"),
        }
        self._contents: dict[str, Gtk.Box] = {}
        self._main = grid([[self._provider], [self._model, count]])
        self._main.child_set_property(self._provider.widget, "width", 2)  # as names of providers are long
        self.pack_start(self._main, False, False, 0)
        self._model_note = ModelNote(lambda name: config.set_property("model", name))
        self.pack_start(self._model_note, False, False, 0)
        for group in self._groups():
            self.pack_start(group, False, False, 0)
        self.reload_choices()

    def add_button(self, button: Gtk.Widget) -> None:
        """Add a button beside the provider."""
        self._main.attach(button, 3, 0, 1, 1)

    def content(self, group: str) -> Gtk.Box:
        """Return the column of a group, to which a window may add widgets of its own."""
        return self._contents[group]

    def add_group(self, group: Group) -> None:
        """Add a group above the others."""
        self.pack_start(group, False, False, 0)
        self.reorder_child(group, 2)

    def show_choices(self, provider: Provider, model: Model) -> None:
        """Offer the choices that this provider and model support."""
        if not self._config.get_property("provider"):
            self._provider.set_default(_("default: {provider}").format(provider=provider.title))
        self._model.set_choices(OptionChoices(tuple(provider_tests.model_choices(provider))))
        self._model.set_default(provider.default_model or _("server default"))
        self._model_note.follow(None if provider.name == "local" else model)
        self._quality.set_default(_default(model.default_quality))
        self._complexity.set_default(_default(model.default_complexity))
        offered = choices(model, provider, self._config.get_property("output-format") or "")
        for name, field in self._fields.items():
            field.set_choices(offered[name])

    def reload_choices(self) -> None:
        """Read the list of providers again."""
        titles = {name: settings.provider(name).title for name in settings.provider_names()}
        self._provider.set_titles(titles)
        self._provider.set_choices(OptionChoices(tuple(titles)))

    def show_plan(self, plan: Plan | None) -> None:
        """Show the size that "auto" stands for."""
        if plan is None:
            self._size.set_default(_("auto"))
            return
        scale = "1:1" if not plan.resampled else f"{round(100 * plan.scale)} %"
        text = _("auto: {width}×{height}, {scale}")
        self._size.set_default(text.format(width=plan.size.width, height=plan.size.height, scale=scale))

    def _groups(self) -> list[Group]:
        """Return the groups of all other options, which are folded at first; a new option belongs in one of them."""
        fields, config = self._fields, self._config
        groups: list[tuple[str, str, list[list[Field]]]] = [
            ("size", _("Quality and size"), [
                [fields["quality"], fields["size"]],
                [fields["partial-images"], TextField(config, "largest-size", _("model default"))],
            ]),
            ("area", _("Area"), [
                self._selection_fields(),
                [TextField(config, "context", _("auto")), CheckField(config, "sample-merged")],
            ]),
            ("result", _("Result"), [
                [self._match_colour, CheckField(config, "fit")],
                [CheckField(config, "light"), CheckField(config, "detail")],
                [CheckField(config, "change-mask"), CheckField(config, "describe-area")],
                [fields["background"], fields["input-fidelity"]],
            ]),
            ("more", _("More _options"), [
                [fields["output-format"], fields["output-compression"]],
                [fields["complexity"], fields["moderation"]],
                [TextField(config, "references", '["…"]'), TextField(config, "extra", "{…}")],
                [fields["user"], NumberField(config, "timeout", (0, 7200), lowest_text=_("default"))],
            ]),
        ]  # fmt: skip
        return [Group(name, title, self._content(name, rows)) for name, title, rows in groups]

    def _content(self, name: str, rows: list[list[Field]]) -> Gtk.Box:
        content = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        content.pack_start(grid(rows), False, False, 0)
        self._contents[name] = content
        return content

    def _selection_fields(self) -> list[Field]:
        """Return the fields for growing and feathering the selection; Extend Canvas has none."""
        if self._config.find_property("grow") is None:
            return []
        limits = (0, LARGEST_RADIUS)
        return [NumberField(self._config, "grow", limits), NumberField(self._config, "feather", limits, digits=1)]


def _default(value: str | None) -> str:
    """Return the text for an option that is left at its default, which the model has a value for or not."""
    return _("default: {quality}").format(quality=value) if value else _("default")
