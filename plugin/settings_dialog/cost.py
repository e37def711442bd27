"""The page on what was spent this month."""

from gi.repository import Gtk, Pango

from lib.settings import settings, spending
from lib.settings.settings import Settings
from lib.translation import _, ngettext
from plugin.settings_dialog.rows import Page, named, note


class CostPage(Page):
    """A table of providers; it is read again whenever something has changed."""

    def __init__(self) -> None:
        super().__init__()
        self._rows_of_cost = Gtk.ListStore(str, str, str, str)
        table = Gtk.TreeView(model=self._rows_of_cost)
        titles = (_("Provider"), _("US dollars"), _("Edits"), _("Edits of unknown cost"))
        for number, title in enumerate(titles):
            right = float(number > 0)
            cut = Pango.EllipsizeMode.NONE if right else Pango.EllipsizeMode.END
            cell = Gtk.CellRendererText(xalign=right, ellipsize=cut)
            column = Gtk.TreeViewColumn(title, cell, text=number)
            column.set_alignment(right)
            column.set_expand(number == 0)
            table.append_column(column)
        named(table, _("Spent this month"))
        frame = Gtk.ScrolledWindow(min_content_height=180, shadow_type=Gtk.ShadowType.IN, expand=True)
        frame.add(table)
        self._heading = self.add_heading("")
        self.add_wide(frame)
        self.add_wide(note(_(
            "By the answers' own usage and the published prices; the provider's bill is what counts. An edit whose "
            "cost is unknown may have been billed. What is deleted from the history stays counted here."
        )))  # fmt: skip

    def show_settings(self, now: Settings) -> None:
        """Shows what was spent up to now."""
        spent = spending.in_month()
        self._rows_of_cost.clear()
        for name, amount in sorted(spent.items()):
            title = _title(name, now)
            cells = (title, f"{amount.dollars:.2f}", str(amount.edits), str(amount.unknown or ""))
            self._rows_of_cost.append(cells)
        total, unknown = sum(one.dollars for one in spent.values()), sum(one.unknown for one in spent.values())
        told = _("This month: ${dollars}").format(dollars=f"{total:.2f}")
        if unknown:
            more = ngettext("and {n} edit of unknown cost", "and {n} edits of unknown cost", unknown)
            told = f"{told} {more.format(n=unknown)}"
        self._heading.set_text(told)


def _title(name: str, now: Settings) -> str:
    """The provider's title, or its name where it has gone."""
    if name in now.providers:
        return now.providers[name]["title"]
    try:
        return settings.provider(name).title
    except ValueError:
        return name
