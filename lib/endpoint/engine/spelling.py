"""Bring the words of a prompt into the vocabulary's form: misspellings by one letter, and pronouns joined to verbs."""

import itertools
from collections.abc import Iterator
from functools import cache

from lib.endpoint.engine.language import Language, Tokens

# Shorter words have too many neighbours that are words of their own ("grain" and "train").
SAFE_LENGTH = 7
SHORTEST = 5
MAX_READINGS = 16


def readings(language: Language, tokens: Tokens) -> Iterator[Tokens]:
    """Yield `tokens` as they can be read, the most certain reading first."""
    separated = _separate_clitics(language, tokens)
    safe = [_corrections(language, token, SAFE_LENGTH) for token in separated]
    yield tuple(words[0] for words in safe)
    every = (_corrections(language, token, SHORTEST) for token in separated)
    others = itertools.islice(itertools.product(*every), MAX_READINGS)
    yield from (reading for reading in others if reading != tuple(words[0] for words in safe))


def _separate_clitics(language: Language, tokens: Tokens) -> Tokens:
    if not language.clitics:
        return tokens
    result: list[str] = []
    for token in tokens:
        result += _verb_and_clitics(language, token) or [token]
    return tuple(result)


def _verb_and_clitics(language: Language, token: str) -> list[str] | None:
    """Return a verb and the one or two pronouns at its end as words; None if `token` is nothing of the kind."""
    if token in language.words:
        return None
    for clitic in sorted(language.clitics, key=len, reverse=True):
        verb = token.removesuffix(clitic)
        if verb == token or len(verb) < 2:
            continue
        if verb in language.words:
            return [verb, clitic]
        for second in language.clitics:
            if verb.endswith(second) and verb.removesuffix(second) in language.words:
                return [verb.removesuffix(second), second, clitic]
    return None


@cache
def _corrections(language: Language, word: str, shortest: int) -> Tokens:
    """Return the words of the vocabulary that differ from `word` by one letter, or two swapped ones; or `word`."""
    if len(word) < shortest or not word.isascii() or not word.isalpha() or word in language.words:
        return (word,)
    near = {other for other in language.words if len(other) >= shortest - 1 and _differ_by_one(word, other)}
    return tuple(sorted(near)) or (word,)


def _differ_by_one(one: str, other: str) -> bool:
    if abs(len(one) - len(other)) > 1 or not other.isascii():
        return False
    start = 0
    while start < min(len(one), len(other)) and one[start] == other[start]:
        start += 1
    if len(one) == len(other):
        swapped = one[start : start + 2] == other[start : start + 2][::-1] and one[start + 2 :] == other[start + 2 :]
        return one[start + 1 :] == other[start + 1 :] or swapped
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    return longer[start + 1 :] == shorter[start:]
