"""What an edit will cost, from the sizes alone: before anything is exported."""

from lib.api import cost
from lib.api.cost import Cost
from lib.api.models import Model
from lib.api.request import EditRequest
from plugin.options import Options
from plugin.task import Task

_LARGEST_REFERENCE = (2048, 2048)


def estimate(options: Options, task: Task, model: Model, layers: int) -> Cost | None:
    """The estimate, None where a figure is not known. References count as the largest they can be."""
    masked = task.selection is None or task.selection.bounds is not None
    size = (task.plan.size.width, task.plan.size.height)
    sizes = [size, *[_LARGEST_REFERENCE] * (layers - 1 + len(options.references))]
    fields = {name: value for name, value in options.request.items() if name != "size"}
    request = EditRequest(images=[b""] * len(sizes), size=str(task.plan.size), **fields)
    return cost.estimate(request, model, sizes, size if masked else None)
