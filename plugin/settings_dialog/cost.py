"""The page with this month's spending and its limit."""

from typing import TYPE_CHECKING

from gi.repository import Gtk, Pango

from lib.settings import settings, spending
from lib.settings.settings import Settings
from lib.translation import _, ngettext
from plugin.settings_dialog.rows import Page, named, note, spin

if TYPE_CHECKING:
    from plugin.settings_dialog.window import SettingsDialog


class CostPage(Page):
    """A table of the spending at each provider."""

    def __init__(self, dialog: "SettingsDialog") -> None:
        super().__init__()
        self._dialog, self._filling = dialog, False
        self._limit = spin(0, 1_000_000, 1, digits=2)
        self._spending_rows = Gtk.ListStore(str, str, str, str)
        table = Gtk.TreeView(model=self._spending_rows)
        titles = (_("Provider"), _("US dollars"), _("Edits"), _("Edits of unknown cost"))
        for number, title in enumerate(titles):
            alignment = float(number > 0)
            ellipsize = Pango.EllipsizeMode.NONE if number else Pango.EllipsizeMode.END
            cell = Gtk.CellRendererText(xalign=alignment, ellipsize=ellipsize)
            column = Gtk.TreeViewColumn(title, cell, text=number)
            column.set_alignment(alignment)
            column.set_expand(number == 0)
            table.append_column(column)
        named(table, _("Spent this month"))
        frame = Gtk.ScrolledWindow(min_content_height=180, shadow_type=Gtk.ShadowType.IN, expand=True)
        frame.add(table)
        self._heading = self.add_heading("")
        self.add_wide(frame)
        self.add_row(_("_Monthly limit (US dollars; 0: none):"), self._limit)
        self.add_wide(note(_(
            "An edit that may exceed the limit is not sent. Edits of unknown cost do not count towards it."
        )))  # fmt: skip
        self._limit.connect("value-changed", lambda limit: self._set_limit(limit.get_value()))
        self.add_wide(note(_(
            "Computed from the reported usage and the published prices; the provider's bill may differ. An edit of "
            "unknown cost may have been billed. Edits that are deleted from the history still count here."
        )))  # fmt: skip

    def _set_limit(self, limit: float) -> None:
        if not self._filling:
            self._dialog.change(monthly_limit=limit)

    def show_settings(self, current: Settings) -> None:
        """Show the limit, and what has been spent so far."""
        self._filling = True
        self._limit.set_value(current.monthly_limit)
        self._filling = False
        spent = spending.in_month()
        self._spending_rows.clear()
        for name, amount in sorted(spent.items()):
            title = _title(name, current)
            cells = (title, f"{amount.dollars:.2f}", str(amount.edits), str(amount.unknown or ""))
            self._spending_rows.append(cells)
        total = sum(amount.dollars for amount in spent.values())
        unknown = sum(amount.unknown for amount in spent.values())
        heading = _("This month: ${dollars}").format(dollars=f"{total:.2f}")
        if unknown:
            more = ngettext("and {n} edit of unknown cost", "and {n} edits of unknown cost", unknown)
            heading = f"{heading} {more.format(n=unknown)}"
        self._heading.set_text(heading)


def _title(name: str, current: Settings) -> str:
    """Return the provider's title, or its name where the provider was removed."""
    if name in current.providers:
        return current.providers[name]["title"]
    try:
        return settings.provider(name).title
    except ValueError:
        return name
