"""What may help after moderation has refused an edit."""

from lib.api.providers import Provider
from lib.api.request import EditRequest
from lib.worker.job_checks import built_in_steps, model_of

LOW_MODERATION, BUILT_IN = "low-moderation", "built-in"


def remedies(request: EditRequest, provider: Provider, prompt: str) -> list[str]:
    """Return what may help with the user's prompt: "low-moderation", "built-in" (the engine understands it)."""
    built_in = request.markup is None and built_in_steps(prompt) is not None
    possible = {LOW_MODERATION: _can_lower_moderation(request, provider), BUILT_IN: built_in}
    return [remedy for remedy, helps in possible.items() if helps]


def _can_lower_moderation(request: EditRequest, provider: Provider) -> bool:
    if request.moderation == "low" or "moderation" in (*provider.ignored, *provider.rejected):
        return False
    model = model_of(request, provider)
    return model.is_known and model.moderation
