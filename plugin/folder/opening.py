"""Opens a run in its output folder, which it may share with others, and checks its cost before anything is sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager

from lib.storage.file_identity import readable_name
from lib.translation import _
from plugin.errors import BadArguments, EditFailed
from plugin.folder import leases, saved_arguments
from plugin.folder.arguments import RunSpec
from plugin.folder.job import expected_cost
from plugin.folder.own_results import OWN_FOLDER
from plugin.folder.run import FolderRun, OnItem, newer_version_message
from plugin.folder.state import NewerVersion, RunState
from plugin.worker.installation import worker_python


@contextmanager
def open_run(
    spec: RunSpec, on_item: OnItem = lambda item, event: None, only: Collection[str] | None = None
) -> Iterator[FolderRun]:
    """Yield the run of the output folder; raise EditFailed if a run of other pictures is using it, or OSError.

    For `on_item` and `only` see `FolderRun`. The arguments are stored there, so that a window can offer to continue.
    """
    own = spec.out / OWN_FOLDER
    own.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        try:
            run_leases = stack.enter_context(leases.join(own, spec.names_digest()))
        except leases.FolderInUse:
            message = _(
                "Another run, with other pictures, is using {folder}. Wait until it ends, or choose another output "
                "folder."
            )
            raise EditFailed(message.format(folder=spec.out)) from None
        try:
            state = RunState(run_leases.slot.state)
        except NewerVersion:
            raise EditFailed(newer_version_message(spec.out)) from None
        try:
            saved_arguments.store(spec)
            yield FolderRun(spec, state, run_leases, worker_python(), on_item, only)
        finally:
            state.close()


def check_cost(folder_run: FolderRun, on_checked: Callable[[], None] = lambda: None) -> None:
    """Raise EditFailed if a cost limit is set and the remaining pictures may cost more, or their cost is unknown.

    Every remaining picture is opened to estimate its cost; `on_checked` is called after each.
    """
    limit, total = folder_run.spec.max_cost, 0.0
    for picture in folder_run.unsent if limit else ():
        on_checked()
        try:
            expected = expected_cost(folder_run.spec, picture)
        except (EditFailed, BadArguments, OSError):
            # This picture will not be sent; the report says why.
            continue
        if expected is None:
            message = _(
                "Nothing was sent, because the cost of {picture} is unknown. Set max-cost to 0 to send it anyway."
            )
            raise EditFailed(message.format(picture=readable_name(picture.name)))
        total += expected.high
    if limit and total > limit:
        message = _(
            "Nothing was sent, because the remaining pictures may cost ${total:.2f}, more than max-cost (${limit:g}). "
            "Raise max-cost, or edit fewer pictures."
        )
        raise EditFailed(message.format(total=total, limit=limit))
