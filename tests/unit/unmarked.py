"""Finds texts for a user that nobody marked for translation, in a module's syntax tree."""

import ast
import re

from tests.tools.catalogues import is_mark

# Two words, or a sentence's end after a word.
_WORDS = re.compile(r"[A-Za-z]{2,}[,:;]? [A-Za-z“{$]|[A-Za-z]{2,}…")
# What puts a text before the user even where it is one word.
_SHOWING = re.compile(
    r"set_(label|text|markup|title|tooltip_text|placeholder_text|ok_label|menu_label|image_label)"
    r"|new_with_(label|mnemonic)|add_button|append_text|progress_set_text|progress_init"
)
_SHOWING_KEYWORDS = ("label", "title", "text", "tooltip_text", "placeholder_text", "secondary_text")
# The API's own sentences are for programs, in English everywhere; its engine's are for people.
_ENGLISH = re.compile(r"lib/endpoint/(?!engine/)|plugin/demo\.py")
# No user reads these: a pattern of the text, and why.
_NOT_SHOWN = {
    r"Generative Edit(: )?": "the plug-in's name, the same in every language",
    r"<Image>/Filters/Generative Edit": "a menu's path",
    r"[RGBYA']+ u(8|16)": "a pixel format",
    r"Change only the .*| of its width and .*|remove the lamp post": "a prompt, or a sentence of one, for models",
    r"(?s:.*<tag name=.*)": "an element of GIMP's XML for metadata",
    r"multipart/form-data; boundary=.*|(?s:--.*Content-Disposition.*)": "the wire",
    r"Application Support|Windows Credential Manager|Secret Service|macOS Keychain": "names of systems' parts",
    r"input tokens: .*|tokens: .*": "where a price was found, for developers",
    r"text|images|mask|output|partial images": "parts of a cost, as keys",
    r"not started|under way": "states in a folder's report for scripts",
    r"Raises the panel .*": "a temporary procedure's blurb, for the Procedure Browser while a panel is open",
    r"a key for , from ": "a key's repr, for the log",
    r"too (few|little) .*|the (drift|estimate|original), .*|the (drift|estimate) .*|two halves .*|all edges .*"
    r"|in place already|alignment is off"
    r"|no better than as it came|lined up": "why a fit was made or not, in the report for scripts",
    r"the request was stopped|nothing was sent yet|the data URL has no comma|a file id has no (content|URL)"
    r"|an event has more than  (bytes|lines)|module  has no attribute |the layer is not inserted yet"
    r"|the proxy's address can't be used": "caught by ourselves, or a programmer's mistake",
    r"organi\[sz\]ation must be .*|.*does not have access to .*|country, region,\? or .*|input was flagged.*"
    r"|\(incorrect\|invalid\) api key.*"
    r"|before headers.*reset reason: .*|.*litellm.*Error: .*| \?\(\?:LiteLLM: .*": "patterns of what servers write",
    r" bytes are not a picture of .*| of job  is not an object|a line between plug-in and worker .*": "the same",
    r"Fill the .*|.* from its surroundings|Make its background .*|Arrange the .*|transparent part of the picture"
    r"|put a  background behind the subject|, only the | on the "
    r"|, then | Make its .*| The other pictures are not used\.|selected area|, inside the selection"
    r"|,  of them cut out of their plain background|plain ": "the engine's revised prompt, as the API has it",
}


def in_source(source, name):
    """Line and text of each."""
    if _ENGLISH.match(name):
        return
    tree = ast.parse(source)
    passed = set(_nodes_inside(tree))
    displayed = set(_displayed(tree))
    for node in ast.walk(tree):
        if id(node) not in passed and isinstance(node, (ast.Constant, ast.JoinedStr)):
            text = _text(node)
            if (_WORDS.search(text) or (id(node) in displayed and re.search("[A-Za-z]", text))) and not _excused(text):
                yield node.lineno, text


def _excused(text):
    return any(re.fullmatch(pattern, text) for pattern in _NOT_SHOWN)


def _text(node):
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _nodes_inside(tree):
    """What is marked, documentation, or a part of a longer text."""
    for node in ast.walk(tree):
        if is_mark(node):
            yield from (id(argument) for argument in node.args)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield id(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from (id(part) for part in node.values)


def _displayed(tree):
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and _SHOWING.fullmatch(node.func.attr):
            yield from (id(argument) for argument in node.args)
        yield from (id(keyword.value) for keyword in node.keywords if keyword.arg in _SHOWING_KEYWORDS)
