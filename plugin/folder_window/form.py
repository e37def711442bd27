"""The controls of the Edit Folder window: the folders, the prompt and the options, which are those of the procedure."""

from __future__ import annotations

from typing import Any

from gi.repository import Gimp, Gtk

from lib.settings import provider_tests, recipes, settings
from lib.settings.validators import LARGEST_RADIUS
from lib.translation import _
from plugin.edit.arguments import defaults, values_of
from plugin.edit.choices import OptionChoices, choices, supported
from plugin.edit.draft import provider_and_model
from plugin.edit.options import read
from plugin.errors import BadArguments
from plugin.folder.arguments import CHANNEL, DEFAULT_CONCURRENCY, FOLDER_ARGUMENTS, MAX_CONCURRENCY
from plugin.folder.pictures import FORMATS
from plugin.folder_window.path_fields import PathField
from plugin.ui.fields import CheckField, Field, ListField, NumberField, TextField, grid
from plugin.ui.model_note import ModelNote
from plugin.ui.prompt_box import PromptBox

_FORMAT_TITLES = {"jpeg": "JPEG", "webp": "WebP", "xcf": "XCF"}
_LARGEST_COST = 1_000_000


class FolderForm(Gtk.Box):
    """The controls, bound to the procedure's config; those that the provider or model does not support are disabled."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(orientation=Gtk.Orientation.VERTICAL, spacing=6)
        self._config = config
        self.prompt = PromptBox(config, _("_What to generate in each picture (leave empty to remove):"))
        self._fields = _create_fields(config)
        self._model_note = ModelNote(lambda name: config.set_property("model", name))
        self._lay_out()
        self.reload_choices()

    def values(self) -> dict[str, Any]:
        """Return the arguments, with defaults for those that the selected model and provider do not support."""
        values = values_of(self._config, FOLDER_ARGUMENTS)
        try:
            provider, model = provider_and_model(
                read({**defaults(), "provider": values["provider"], "model": values["model"]})
            )
        except BadArguments:
            return values  # checking the arguments reports it
        if not values["provider"]:
            self._list_field("provider").set_default(_("default: {provider}").format(provider=provider.title))
        self._fields["model"].set_choices(OptionChoices(tuple(provider_tests.model_choices(provider))))
        self._list_field("model").set_default(provider.default_model or _("server default"))
        self._model_note.follow(None if provider.name == "local" else model)
        offered = {
            ("answer-format" if name == "output-format" else name): choice
            for name, choice in choices(model, provider, values["answer-format"]).items()
            if name not in ("output-compression", "partial-images")
        }
        offered["output-compression"] = _compression(values["output-format"])
        for name, choice in offered.items():
            self._fields[name].set_choices(choice)
        return supported(values, offered, defaults(FOLDER_ARGUMENTS))

    def take_focus(self) -> None:
        """Focus the first control."""
        self._fields["input-folder"].widget.grab_focus()

    def reload_choices(self) -> None:
        """Read the list of providers again."""
        titles = {name: settings.provider(name).title for name in settings.provider_names()}
        self._list_field("provider").set_titles(titles)
        self._fields["provider"].set_choices(OptionChoices(tuple(titles)))

    def _list_field(self, name: str) -> ListField:
        field = self._fields[name]
        if not isinstance(field, ListField):
            raise TypeError(name)
        return field

    def _lay_out(self) -> None:
        fields = self._fields
        folders = grid([[fields[name]] for name in ("input-folder", "pattern", "output-folder", "prompts-file")])
        main: list[list[Field]] = [
            [fields["provider"]],
            [fields["model"], fields["max-cost"]],
            [fields["mask"], fields["mask-channel"]],
            [fields["output-format"], fields["output-compression"]],
            [fields["largest-size"], fields["concurrency"]],
        ]
        self.pack_start(folders, False, False, 0)
        self.pack_start(self.prompt, True, True, 0)
        table = grid(main)
        table.child_set_property(fields["provider"].widget, "width", 3)  # as names of providers are long
        table.insert_row(2)
        table.attach(self._model_note, 0, 2, 4, 1)
        self.pack_start(table, False, False, 0)
        self.pack_start(self._more_options(), False, False, 0)

    def _more_options(self) -> Gtk.Expander:
        fields = self._fields
        rows: list[list[Field]] = [
            [fields["n"], fields["size"]],
            [fields["quality"], fields["background"]],
            [fields["context"], fields["input-fidelity"]],
            [fields["grow"], fields["feather"]],
            [fields["fit"], fields["match-colour"]],
            [fields["light"], fields["detail"]],
            [fields["change-mask"], fields["sample-merged"]],
            [fields["answer-format"], fields["moderation"]],
            [fields["user"], fields["timeout"]],
            [fields["references"], fields["extra"]],
            [fields["describe-area"], fields["provenance"]],
            [fields["recipe"], fields["complexity"]],
            [fields["retry-unknown"]],
        ]
        table = grid(rows)
        expander = Gtk.Expander.new_with_mnemonic(_("More _options"))
        expander.add(table)
        table.show_all()
        table.set_no_show_all(True)
        # GTK only folds the table away: unless it is hidden too, Tab and screen readers still reach its controls.
        expander.connect("notify::expanded", lambda *_ignored: table.set_visible(expander.get_expanded()))
        table.hide()
        return expander


def _create_fields(config: Gimp.ProcedureConfig) -> dict[str, Field]:
    """Return the control of each argument of the procedure, by its name."""
    default = _("default")
    radius = (0, LARGEST_RADIUS)
    fields = [
        PathField(config, "input-folder", Gtk.FileChooserAction.SELECT_FOLDER),
        PathField(config, "output-folder", Gtk.FileChooserAction.SELECT_FOLDER),
        PathField(config, "prompts-file", Gtk.FileChooserAction.OPEN),
        TextField(config, "pattern", _("every picture in the folder")),
        ListField(config, "provider", default, tooltip=_("Service that makes the edit")),
        ListField(config, "model", default, free_text=True, label=_("Mo_del:")),
        MaskField(config),
        ListField(config, "output-format", "PNG"),
        NumberField(config, "output-compression", (-1, 100), lowest_text=default, label=_("File qualit_y:")),
        TextField(config, "largest-size", _("model default")),
        NumberField(
            config,
            "concurrency",
            (0, MAX_CONCURRENCY),
            lowest_text=str(DEFAULT_CONCURRENCY),
            label=_("Re_quests at a time:"),
        ),
        NumberField(config, "max-cost", (0, _LARGEST_COST), step=0.5, digits=2, lowest_text=_("no limit")),
        NumberField(config, "n", (1, 10)),
        ListField(config, "size", _("auto"), free_text=True),
        ListField(config, "quality", default),
        ListField(config, "background", _("opaque")),
        TextField(config, "context", _("auto")),
        ListField(config, "input-fidelity", default),
        NumberField(config, "grow", radius),
        NumberField(config, "feather", radius, digits=1),
        CheckField(config, "fit"),
        ListField(config, "match-colour", _("automatically")),
        CheckField(config, "light"),
        CheckField(config, "detail"),
        CheckField(config, "change-mask"),
        CheckField(config, "describe-area"),
        CheckField(config, "sample-merged"),
        ListField(config, "answer-format", "png"),
        ListField(config, "complexity", default),
        ListField(config, "moderation", default),
        TextField(config, "user"),
        NumberField(config, "timeout", (0, 7200), lowest_text=default),
        TextField(config, "references", '["…"]'),
        TextField(config, "extra", "{…}"),
        ListField(config, "provenance", _("as in Settings")),
        ListField(config, "recipe", _("none")),
        CheckField(config, "retry-unknown"),
    ]
    by_name: dict[str, Field] = {field.name: field for field in fields}
    by_name["mask-channel"] = ChannelField(config)
    _set_list(by_name["output-format"], {name: _FORMAT_TITLES[name] for name in FORMATS if name in _FORMAT_TITLES})
    _set_list(by_name["match-colour"], {"always": _("always"), "never": _("never")})
    _set_list(by_name["recipe"], {recipe.name: recipe.title for recipe in recipes.load()})
    _set_list(by_name["provenance"], {"mark": _("mark"), "none": _("none")})
    return by_name


def _set_list(field: Field, titles: dict[str, str]) -> None:
    """Set the values of a list besides its default, with their titles."""
    if isinstance(field, ListField):
        field.set_titles(titles)
        field.set_choices(OptionChoices(tuple(titles)))


class MaskField(ListField):
    """Where the mask comes from; the name of a channel is a field of its own."""

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        super().__init__(config, "mask", _("the first that exists"))
        titles = {
            "file": _("file beside the picture"),
            "selection": _("saved selection"),
            "alpha": _("transparent area"),
            CHANNEL: _("channel"),
            "none": _("none: the whole picture"),
        }
        self.set_titles(titles)
        self.set_choices(OptionChoices(tuple(titles)))

    def read(self) -> None:
        value = self.config.get_property("mask") or ""
        if value.startswith(CHANNEL):
            self.widget.set_active_id(CHANNEL)
        else:
            super().read()

    def write(self, value: object) -> None:
        """Set the argument, unless it already names a channel, which is then left as it is."""
        if value != CHANNEL or not (self.config.get_property("mask") or "").startswith(CHANNEL):
            super().write(value)


class ChannelField(Field):
    """The name of the channel that is the mask; disabled for any other mask."""

    widget: Gtk.Entry

    def __init__(self, config: Gimp.ProcedureConfig) -> None:
        entry = Gtk.Entry(width_chars=14)
        super().__init__(config, "mask", entry, _("C_hannel:"), _("The name of the channel in each picture"))
        self.read()
        entry.connect("changed", lambda *_ignored: self._on_changed())

    def read(self) -> None:
        """Show the channel's name."""
        value = self.config.get_property("mask") or ""
        is_channel = value.startswith(CHANNEL)
        self.set_disabled_reason(None if is_channel else _("Only for the mask “channel”"))
        name = value.removeprefix(CHANNEL) if is_channel else ""
        if self.widget.get_text().strip() != name:
            self.widget.set_text(name)

    def _on_changed(self) -> None:
        if (self.config.get_property("mask") or "").startswith(CHANNEL):
            self.write(CHANNEL + self.widget.get_text().strip())


def _compression(output_format: str) -> OptionChoices:
    if output_format in ("jpeg", "webp"):
        return OptionChoices()
    return OptionChoices(disabled_reason=_("Only for JPEG and WebP files"))
