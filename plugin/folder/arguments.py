"""What `generative-edit-folder` can be asked: its arguments, and their reading into a list of pictures to edit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any

from lib.storage.file_identity import content_of, readable_name
from lib.translation import N_, _
from plugin.edit.arguments import EDIT_ARGUMENTS, Argument, defaults
from plugin.edit.options import Options, checked, problems_of
from plugin.errors import BadArguments
from plugin.folder.own_results import OwnResults
from plugin.folder.pictures import (
    FORMATS,
    Skipped,
    is_file,
    is_inside,
    list_pictures,
    mask_beside,
    mask_reason,
    matcher,
    result_reason,
    unused_masks,
)
from plugin.folder.prompts import BadPrompts, Kinds, read_prompts

MASKS = ("", "none", "alpha", "file", "selection")
CHANNEL = "channel:"
_MOST_AT_ONCE = 64
_USUALLY_AT_ONCE = 4
_MOST_TOLD = 20
_BLURBS = {
    "output-compression": N_("0 to 100, the quality of jpeg and webp files; -1: GIMP's default"),
    "max-cost": N_(
        "Stops before the first request where the estimate for all pictures that are left, in US dollars, is higher or "
        "unknown; 0: no limit"
    ),
}
_OF_THE_RUN = (
    Argument("input-folder", "", N_("_Input folder"), N_("The folder with the pictures")),
    Argument(
        "pattern",
        "",
        N_("Pa_ttern"),
        N_("Which files: *.jpg, **/*.{png,tif}, …, ** being folders; empty: every picture directly in the folder"),
    ),
    Argument(
        "output-folder", "", N_("_Output folder"), N_("Where the results and the report go; made if it is not there")
    ),
    Argument(
        "prompts-file",
        "",
        N_("Prompts fi_le"),
        N_(
            "A CSV or JSON Lines file with a row for each picture: the column “picture” is its name, any other column "
            "an option; empty: none, all pictures get the same"
        ),
    ),
    Argument("concurrency", 0, N_("Con_currency"), N_("How many requests at once, 1 to 64; 0: 4")),
    Argument(
        "retry-unknown",
        False,
        N_("_Retry unknown"),
        N_("Send pictures again whose earlier request may have been billed without an answer; default: no"),
    ),
)
_OF_A_PICTURE = (
    Argument(
        "mask",
        "",
        N_("Mas_k"),
        N_(
            "What to change: alpha (the transparent part), file (NAME.mask.png beside the picture, white is changed), "
            "selection (the one saved in an XCF), channel:NAME, none (everything); empty: the first that is there of "
            "file, selection, alpha"
        ),
    ),
    Argument("output-format", "", N_("Output _format"), N_("png, jpeg, webp, or xcf with layers; empty: png")),
    Argument("answer-format", "", N_("_Answer format"), N_("png, jpeg or webp, as the answer travels; empty: png")),
    *(
        replace(argument, blurb=_BLURBS.get(argument.name, argument.blurb))
        for argument in EDIT_ARGUMENTS
        if argument.name not in ("output-format", "max-cost")
    ),
)
# How a request travels, how long it may take, and whose it is.
_NOT_OF_THE_RESULT = ("max_cost", "timeout", "stream", "partial_images", "user")
_LIMIT = tuple(
    replace(argument, blurb=_BLURBS["max-cost"]) for argument in EDIT_ARGUMENTS if argument.name == "max-cost"
)
FOLDER_ARGUMENTS = (*_OF_THE_RUN, *_LIMIT, *_OF_A_PICTURE)
KINDS: Kinds = {argument.name: type(argument.default) for argument in _OF_A_PICTURE}


@dataclass(frozen=True)
class Item:
    """One picture of the run: its name below the input folder, and what its row sets."""

    picture: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What is wanted of one picture."""

    options: Options
    mask: str
    output_format: str
    quality: int

    def digest(self, mask_file: Path) -> str:
        """Return what two edits of a picture share where the same is asked for.

        What is as it is by default does not count, so that a later version with more options comes to the same.
        """
        options = {
            each.name: value
            for each in fields(self.options)
            if (value := getattr(self.options, each.name)) != each.default and each.name not in _NOT_OF_THE_RESULT
        }
        request = {name: value for name, value in self.options.request.items() if name not in _NOT_OF_THE_RESULT}
        facts = {**options, "request": request, "mask": self.mask}
        facts |= {"format": self.output_format, "quality": self.quality}
        if self.mask in ("", "file"):
            with contextlib.suppress(OSError):
                facts["mask_file"] = content_of(mask_file)
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Run:
    """A whole run; `values` are the arguments, which a picture's own row takes the place of."""

    source: Path
    out: Path
    items: list[Item]
    concurrency: int
    max_cost: float
    retry_unknown: bool
    values: Mapping[str, Any]
    skipped: Sequence[Skipped] = ()
    _items_wanted: dict[str, Wanted] = field(default_factory=dict)

    def path(self, item: Item) -> Path:
        """Where the picture is."""
        return self.source / item.picture

    def wanted(self, item: Item) -> Wanted:
        """What is wanted of a picture; raises BadArguments. Rows that say the same are read once."""
        row = repr(sorted(item.values.items()))
        if row not in self._items_wanted:
            values = {**self.values, **item.values}
            self._items_wanted[row] = Wanted(
                options=checked(_edit_values(values)),
                mask=values["mask"].strip(),
                output_format=values["output-format"] or "png",
                quality=values["output-compression"],
            )
        return self._items_wanted[row]

    def provider(self, item: Item) -> str | None:
        """The provider that a picture is sent to; None where nothing can be asked."""
        with contextlib.suppress(BadArguments):
            return self.wanted(item).options.provider
        return None

    def request_digest(self, item: Item) -> str:
        """Return what is the same where the same is asked of a picture; empty where nothing can be asked."""
        with contextlib.suppress(BadArguments):
            return self.wanted(item).digest(mask_beside(self.source, item.picture))
        return ""

    def ending(self, item: Item) -> str:
        """The ending of the picture's result."""
        return FORMATS[item.values.get("output-format") or self.values["output-format"] or "png"]


def read_run(values: Mapping[str, Any]) -> Run:
    """The run that the values stand for; raises BadArguments, naming all that is wrong, or OSError."""
    problems: list[str] = []
    source, out = _folders(values, problems)
    skipped: list[Skipped] = []
    items = _items(source, out, values, problems, skipped) if source else []
    if not 0 <= values["concurrency"] <= _MOST_AT_ONCE:
        told = _("concurrency {value}: must be 1 to {most}.")
        problems.append(told.format(value=values["concurrency"], most=_MOST_AT_ONCE))
    if not values["max-cost"] >= 0:
        problems.append(_("{name} {value}: must be 0 or more.").format(name="max-cost", value=values["max-cost"]))
    problems += _problems_with_values(values, items)
    if problems or not source or not out:
        raise BadArguments(problems)
    at_once = values["concurrency"] or _USUALLY_AT_ONCE
    return Run(source, out, items, at_once, values["max-cost"], values["retry-unknown"], values, skipped)


def _folders(values: Mapping[str, Any], problems: list[str]) -> tuple[Path | None, Path | None]:
    """The two folders; None for one that cannot be used."""
    source, out = (_absolute(values[name]) for name in ("input-folder", "output-folder"))
    if not source or not source.is_dir():
        problems.append(_("input-folder {folder!r}: there is no such folder.").format(folder=values["input-folder"]))
        source = None
    if not out:
        problems.append(_("output-folder: name the folder that the results go to."))
    elif out.exists() and not out.is_dir():
        problems.append(_("output-folder {folder!r}: it is a file.").format(folder=str(out)))
    elif source and out.exists() and out.samefile(source):
        problems.append(_("output-folder: choose another folder than input-folder, whose pictures stay as they are."))
    return source, out


def _absolute(text: str) -> Path | None:
    """The path; spaces around it count where there is such a file."""
    if not text.strip():
        return None
    name = text if os.path.lexists(text) else text.strip()
    return Path(os.path.abspath(os.path.expanduser(name)))  # noqa: PTH100, PTH111 - Path's raises for "~2"


def _items(
    source: Path, out: Path | None, values: Mapping[str, Any], problems: list[str], skipped: list[Skipped]
) -> list[Item]:
    try:
        if values["prompts-file"].strip():
            found = _from_file(source, out, values, problems)
            names = _beside(source, found)
        else:
            listing = list_pictures(source, values["pattern"].strip(), out)
            skipped += listing.skipped
            found, names = [Item(name, {}) for name in listing.pictures], listing.names
    except ValueError as error:
        problems += error.problems if isinstance(error, BadPrompts) else [str(error)]
        return []
    if not found and not problems:
        told = _("There is no picture in {folder} that the pattern {pattern!r} names.")
        problems.append(told.format(folder=source, pattern=values["pattern"]))
        problems += [f"{readable_name(each.name)}: {each.reason}" for each in skipped[:_MOST_TOLD]]
    if any(item.values.get("mask", values["mask"]).strip() in ("", "file") for item in found):
        masks = unused_masks(names, [item.picture for item in found])
        skipped += [Skipped(name, mask_reason(), is_mask=True) for name in masks]
    return found


def _beside(source: Path, items: Iterable[Item]) -> list[str]:
    """Return the names of all files in the folders of some pictures, as far as they can be listed."""
    names: list[str] = []
    for folder in dict.fromkeys(PurePosixPath(item.picture).parent for item in items):
        with contextlib.suppress(OSError), os.scandir(source / folder) as entries:
            files = (entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
            names += [str(folder / name) for name in files if not name.startswith(".")]
    return names


def _from_file(source: Path, out: Path | None, values: Mapping[str, Any], problems: list[str]) -> list[Item]:
    """The pictures that a prompts file has rows for, as far as the pattern names them."""
    path, pattern = _absolute(values["prompts-file"]), values["pattern"].strip()
    if not path or not path.is_file():
        raise BadPrompts([_("prompts-file {file!r}: there is no such file.").format(file=values["prompts-file"])])
    wanted = matcher(pattern or "**/*")
    results = OwnResults([source, *source.resolve().parents, *([out] if out else [])])
    items: dict[str, Item] = {}
    lines: dict[str, int] = {}
    for row in read_prompts(path, KINDS):
        picture = _picture(source, row.picture)
        if not picture:
            told = _("Line {line}: there is no picture {picture!r} in {folder}.")
            problems.append(told.format(line=row.line, picture=row.picture, folder=source))
        elif results.include(source / picture, is_link=True):
            problems.append(_("Line {line}: {reason}").format(line=row.line, reason=result_reason()))
        elif picture in items:
            told = _("Line {line}: {picture} is in line {first} already; a picture has one row.")
            problems.append(told.format(line=row.line, picture=readable_name(picture), first=lines[picture]))
        elif wanted.fullmatch(picture):
            items[picture], lines[picture] = Item(picture, row.values), row.line
    return list(items.values())


def _picture(source: Path, written: str) -> str:
    """The picture that a row names, empty where there is none.

    Tables may have spaces around a name, Windows' separators, and accents in another form than the file's name.
    """
    for name in dict.fromkeys((written, written.strip(), written.strip().replace("\\", "/"))):
        path = PurePosixPath(name)
        if not is_inside(name):
            continue
        for form in dict.fromkeys((str(path), *(unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD")))):
            if is_file(source / form):
                return form
    return ""


def _problems_with_values(values: Mapping[str, Any], items: Iterable[Item]) -> list[str]:
    """What is wrong with the options, each way in which rows set them looked at once."""
    problems, seen = _problems_with(values), set()
    for item in items:
        key = tuple(sorted((name, len(value) if name == "prompt" else value) for name, value in item.values.items()))
        if not item.values or key in seen:
            continue
        seen.add(key)
        found = [problem for problem in _problems_with({**values, **item.values}) if problem not in problems]
        problems += [f"{readable_name(item.picture)}: {problem}" for problem in found]
        if len(problems) > _MOST_TOLD:
            return [*problems[:_MOST_TOLD], _("… and more.")]
    return problems


def _problems_with(values: Mapping[str, Any]) -> list[str]:
    _options, problems = problems_of(_edit_values(values))
    mask, output_format, quality = values["mask"].strip(), values["output-format"], values["output-compression"]
    if mask not in MASKS and not (mask.startswith(CHANNEL) and len(mask) > len(CHANNEL)):
        told = _("mask {mask!r}: must be alpha, file, selection, channel:NAME or none.")
        problems.append(told.format(mask=mask))
    if output_format not in ("", *FORMATS):
        told = _("output-format {format!r}: must be {allowed}.")
        problems.append(told.format(format=output_format, allowed=", ".join(FORMATS)))
    if not -1 <= quality <= 100:
        told = _("{name} {value}: must be {least} to {most}.")
        problems.append(told.format(name="output-compression", value=quality, least=0, most=100))
    return problems


def _edit_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `generative-edit` that these stand for: there, the output format is the answer's."""
    usual = defaults(EDIT_ARGUMENTS)
    own = {name: value for name, value in values.items() if name in usual}
    return usual | own | {"output-format": values["answer-format"], "output-compression": -1, "max-cost": 0.0}
