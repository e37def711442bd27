"""The options of an edit as controls; what the chosen model and provider do not take is off, and says why."""

from __future__ import annotations

from gi.repository import Gimp, GObject, Gtk

from lib.api import models
from lib.api.models import Model
from lib.api.providers import Provider
from lib.frame.frame import Plan
from lib.settings import settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.edit.choices import OptionChoices, choices
from plugin.ui.fields import CheckField, Field, ListField, NumberField, TextField, grid


class OptionsForm(Gtk.Box):
    """Provider, model, size, quality, number of results and previews; the rest in an expander."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._config = config
        default = _("default")
        self._provider = ListField(config, "provider", default, label=_("Prov_ider:"), tooltip=_("Who makes the edit"))
        known = _("One of the list, or any name that the server knows")
        self._model = ListField(config, "model", default, free=True, tooltip=known)
        sent = _("In which size the frame is sent and asked for")
        self._size = ListField(config, "size", _("auto"), free=True, label=_("Si_ze:"), tooltip=sent)
        self._fields: dict[str, Field] = {
            "quality": ListField(config, "quality", default),
            "partial-images": NumberField(
                config,
                "partial-images",
                (0, 3),
                label=_("Live pre_views:"),
                tooltip=_("How many previews appear on the canvas before the result"),
            ),
            "background": ListField(config, "background", _("opaque")),
            "input-fidelity": ListField(config, "input-fidelity", default),
            "output-format": ListField(config, "output-format", "png"),
            "output-compression": NumberField(config, "output-compression", (-1, 100), lowest=default),
            "moderation": ListField(config, "moderation", default),
            "user": TextField(config, "user"),
        }
        self._fields["size"] = self._size
        several = _("Several results are shown side by side to choose from")
        count = NumberField(config, "n", (1, 10), tooltip=several)
        fields = self._fields
        main: list[list[Field]] = [
            [self._provider, self._model],
            [self._size, fields["quality"]],
            [count, fields["partial-images"]],
        ]
        self.pack_start(grid(main), False, False, 0)
        self.pack_start(self._seldom(), False, False, 0)
        self.list_choices()

    def follow(self, provider: Provider, model: Model) -> None:
        """Offers what this provider and model take."""
        if not self._config.get_property("provider"):
            self._provider.set_default(_("default: {provider}").format(provider=provider.title))
        self._model.set_default(provider.default_model or _("the server's own"))
        offered = choices(model, provider, self._config.get_property("output-format") or "")
        for name, field in self._fields.items():
            field.choose_from(offered[name])

    def list_choices(self) -> None:
        """Offers the providers and the models that are known."""
        titles = {name: settings.provider(name).title for name in settings.provider_names()}
        self._provider.name_values(titles)
        self._provider.choose_from(OptionChoices(tuple(titles)))
        self._model.choose_from(OptionChoices(tuple(models.names())))

    def show_plan(self, plan: Plan | None) -> None:
        """Says which size "auto" stands for."""
        if plan is None:
            self._size.set_default(_("auto"))
            return
        scale = "1:1" if not plan.resampled else f"{round(100 * plan.scale)} %"
        text = _("auto: {width}×{height}, {scale}")
        self._size.set_default(text.format(width=plan.size.width, height=plan.size.height, scale=scale))

    def _seldom(self) -> Gtk.Expander:
        fields, config = self._fields, self._config
        rows: list[list[Field]] = [
            [CheckField(config, "sample-merged"), CheckField(config, "fit")],
            [TextField(config, "context", _("auto")), TextField(config, "largest-size", _("the model's"))],
            self._softened(),
            [fields["background"], fields["input-fidelity"]],
            [fields["output-format"], fields["output-compression"]],
            [fields["moderation"], fields["user"]],
            [TextField(config, "references", '["…"]'), TextField(config, "extra", "{…}")],
            [NumberField(config, "timeout", (0, 7200), lowest=_("default"))],
        ]
        table = grid(rows)
        expander = Gtk.Expander.new_with_mnemonic(_("More _options"))
        expander.add(table)
        table.show_all()
        table.set_no_show_all(True)
        # Hidden, and not only folded away: else Tab and screen readers still find what is in it.
        expander.bind_property("expanded", table, "visible", GObject.BindingFlags.SYNC_CREATE)
        return expander

    def _softened(self) -> list[Field]:
        """How the selection is changed; an extension has none."""
        if self._config.find_property("grow") is None:
            return []
        limits = (0, LARGEST_RADIUS)
        return [NumberField(self._config, "grow", limits), NumberField(self._config, "feather", limits, digits=1)]
