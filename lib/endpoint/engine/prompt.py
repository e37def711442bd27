"""Parse a prompt into steps; a prompt with any word that is not understood is refused."""

from lib.endpoint.engine.language import Tokens, languages, tokenise
from lib.endpoint.engine.parser import PromptParser
from lib.endpoint.engine.refusal import refuse
from lib.endpoint.engine.spelling import readings
from lib.endpoint.engine.step import Steps

MAX_TOKENS = 80


def parse_prompt(prompt: str) -> Steps:
    """Return the steps that `prompt` asks for, in order. Raise Refused (prompt_not_understood) if in doubt."""
    steps = understand(tokenise(prompt))
    if steps is None:
        raise refuse(prompt, understand)
    return steps


def understand(tokens: Tokens) -> Steps | None:
    """Return the steps that `tokens` ask for; None if there is any doubt."""
    while tokens and tokens[-1] == ",":
        tokens = tokens[:-1]
    if not 0 < len(tokens) <= MAX_TOKENS:
        return None
    for language in sorted(languages(), key=lambda each: -sum(token in each.words for token in tokens)):
        for reading in readings(language, tokens):
            steps = PromptParser(language, reading).parse()
            if steps:
                return steps
    return None
