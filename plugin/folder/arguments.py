"""The arguments of `generative-edit-folder`, and how they are read into a list of pictures to edit."""

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
from plugin.edit.options import SUBJECT_MASKS, Options, checked, problems_of
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

MASKS = ("", "none", "alpha", "file", "selection", *SUBJECT_MASKS)
CHANNEL = "channel:"
MAX_CONCURRENCY = 64
DEFAULT_CONCURRENCY = 4
_MAX_PROBLEMS = 20
_BLURBS = {
    "output-compression": N_("0 to 100, the quality of jpeg and webp files; -1: GIMP's default"),
    "max-cost": N_(
        "Send nothing if the estimated cost of the remaining pictures, in US dollars, is higher or unknown; 0: no limit"
    ),
}
_RUN_ARGUMENTS = (
    Argument("input-folder", "", N_("_Input folder"), N_("The folder with the pictures")),
    Argument(
        "pattern",
        "",
        N_("P_attern"),
        N_(
            "The files to edit, such as *.jpg or **/*.{png,tif}, where ** stands for any folders; empty: every picture "
            "directly in the folder"
        ),
    ),
    Argument(
        "output-folder",
        "",
        N_("_Output folder"),
        N_("The folder for the results and the report; created if it does not exist"),
    ),
    Argument(
        "prompts-file",
        "",
        N_("Prompts _file"),
        N_(
            "A CSV or JSON Lines file with a row for each picture: the column “picture” is its name, any other column "
            "an option; empty: the same options for all pictures"
        ),
    ),
    Argument("concurrency", 0, N_("Con_currency"), N_("The number of simultaneous requests, 1 to 64; 0: 4")),
    Argument(
        "retry-unknown",
        False,
        N_("_Retry unknown"),
        N_("Send pictures again whose earlier request may have been billed, although no response arrived; default: no"),
    ),
)
_PICTURE_ARGUMENTS = (
    Argument(
        "mask",
        "",
        N_("Mas_k"),
        N_(
            "What to change: alpha (the transparent part), file (NAME.mask.png beside the picture, white is changed), "
            "selection (the one saved in an XCF file), channel:NAME, subject, background, none (everything); empty: "
            "the first that exists of file, selection, alpha"
        ),
    ),
    Argument("output-format", "", N_("Output for_mat"), N_("png, jpeg, webp, or xcf with layers; empty: png")),
    Argument(
        "answer-format",
        "",
        N_("_Answer format"),
        N_("The format in which the endpoint returns the result: png, jpeg or webp; empty: png"),
    ),
    *(
        replace(argument, blurb=_BLURBS.get(argument.name, argument.blurb))
        for argument in EDIT_ARGUMENTS
        if argument.name not in ("output-format", "max-cost", "markup", "mask")
    ),
)
# How a request is sent, how long it may take, and on whose behalf.
_NO_EFFECT_ON_RESULT = ("max_cost", "timeout", "stream", "partial_images", "user")
_COST_LIMIT = tuple(
    replace(argument, blurb=_BLURBS["max-cost"]) for argument in EDIT_ARGUMENTS if argument.name == "max-cost"
)
FOLDER_ARGUMENTS = (*_RUN_ARGUMENTS, *_COST_LIMIT, *_PICTURE_ARGUMENTS)
KINDS: Kinds = {argument.name: type(argument.default) for argument in _PICTURE_ARGUMENTS}


@dataclass(frozen=True)
class InputPicture:
    """One picture of the run: its name relative to the input folder, and the options that its row sets."""

    name: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class ItemOptions:
    """The options for one picture: those of its edit, and those of its mask and file."""

    edit: Options
    mask: str
    output_format: str
    quality: int

    def digest(self, mask_file: Path) -> str:
        """Return a digest that is the same for the same settings.

        Defaults are left out, so that a later version with more options computes the same digest.
        """
        values = {
            each.name: value
            for each in fields(self.edit)
            if (value := getattr(self.edit, each.name)) != each.default and each.name not in _NO_EFFECT_ON_RESULT
        }
        request = {name: value for name, value in self.edit.request.items() if name not in _NO_EFFECT_ON_RESULT}
        settings = {**values, "request": request, "mask": self.mask}
        settings |= {"format": self.output_format, "quality": self.quality}
        if self.mask in ("", "file"):
            with contextlib.suppress(OSError):
                settings["mask_file"] = content_of(mask_file)
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class RunSpec:
    """A whole run; `values` are the arguments, which a picture's own row overrides."""

    source: Path
    out: Path
    pictures: list[InputPicture]
    concurrency: int
    max_cost: float
    retry_unknown: bool
    values: Mapping[str, Any]
    skipped: Sequence[Skipped] = ()
    _options_by_row: dict[str, ItemOptions] = field(default_factory=dict)

    def path(self, picture: InputPicture) -> Path:
        """Return the path of a picture."""
        return self.source / picture.name

    def options_of(self, picture: InputPicture) -> ItemOptions:
        """Return the options for a picture; raise BadArguments. Equal rows are read once."""
        row = repr(sorted(picture.values.items()))
        if row not in self._options_by_row:
            values = {**self.values, **picture.values}
            self._options_by_row[row] = ItemOptions(
                edit=checked(_edit_values(values)),
                mask=values["mask"].strip(),
                output_format=values["output-format"] or "png",
                quality=values["output-compression"],
            )
        return self._options_by_row[row]

    def provider(self, picture: InputPicture) -> str | None:
        """Return the provider that a picture is sent to; None if its options are not valid."""
        with contextlib.suppress(BadArguments):
            return self.options_of(picture).edit.provider
        return None

    def request_digest(self, picture: InputPicture) -> str:
        """Return the digest of a picture's settings; empty if its options are not valid."""
        with contextlib.suppress(BadArguments):
            return self.options_of(picture).digest(mask_beside(self.source, picture.name))
        return ""

    def names_digest(self) -> str:
        """Return a digest of what the names of the results depend on: the pictures' names, and the formats."""
        names = ((picture.name, self.ending(picture)) for picture in self.pictures)
        return hashlib.sha256(json.dumps(list(names)).encode()).hexdigest()

    def ending(self, picture: InputPicture) -> str:
        """Return the file name extension of a picture's result."""
        return FORMATS[picture.values.get("output-format") or self.values["output-format"] or "png"]


@dataclass
class FolderScan:
    """The folders of a run, the pictures in them, and the problems with both."""

    source: Path | None
    out: Path | None
    pictures: list[InputPicture] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def find_pictures(values: Mapping[str, Any]) -> FolderScan:
    """Return the pictures that the arguments name; raise OSError if the input folder cannot be read."""
    problems: list[str] = []
    source, out = _folders(values, problems)
    scan = FolderScan(source, out, problems=problems)
    if source:
        scan.pictures = _find_pictures(source, out, values, problems, scan.skipped)
    return scan


def read_arguments(values: Mapping[str, Any]) -> RunSpec:
    """Return the run that the arguments describe; raise BadArguments, which names every problem, or OSError."""
    return check_arguments(values, find_pictures(values))


def check_arguments(values: Mapping[str, Any], scan: FolderScan) -> RunSpec:
    """Return the run of the pictures that `find_pictures` found; raise BadArguments, which names every problem."""
    problems = list(scan.problems)
    if not 0 <= values["concurrency"] <= MAX_CONCURRENCY:
        problem = _("concurrency {value}: must be 1 to {most}.")
        problems.append(problem.format(value=values["concurrency"], most=MAX_CONCURRENCY))
    if not values["max-cost"] >= 0:
        problems.append(_("{name} {value}: must be 0 or more.").format(name="max-cost", value=values["max-cost"]))
    problems += _all_problems(values, scan.pictures)
    if problems or not scan.source or not scan.out:
        raise BadArguments(problems)
    concurrency, retry_unknown = values["concurrency"] or DEFAULT_CONCURRENCY, values["retry-unknown"]
    source, out, pictures, skipped = scan.source, scan.out, scan.pictures, scan.skipped
    return RunSpec(source, out, pictures, concurrency, values["max-cost"], retry_unknown, values, skipped)


def _folders(values: Mapping[str, Any], problems: list[str]) -> tuple[Path | None, Path | None]:
    """Return the two folders; None for one that cannot be used."""
    source, out = (_absolute_path(values[name]) for name in ("input-folder", "output-folder"))
    if not source or not source.is_dir():
        problems.append(_("input-folder {folder!r}: the folder does not exist.").format(folder=values["input-folder"]))
        source = None
    if not out:
        problems.append(_("output-folder: specify a folder for the results."))
    elif out.exists() and not out.is_dir():
        problems.append(_("output-folder {folder!r}: this is a file, not a folder.").format(folder=str(out)))
    elif source and out.exists() and out.samefile(source):
        problems.append(_("output-folder: must not be the input folder, whose pictures stay unchanged."))
    return source, out


def _absolute_path(text: str) -> Path | None:
    """Return the absolute path, without surrounding spaces unless such a file exists; None if the text is empty."""
    if not text.strip():
        return None
    name = text if os.path.lexists(text) else text.strip()
    return Path(os.path.abspath(os.path.expanduser(name)))  # noqa: PTH100, PTH111 - Path's raises for "~2"


def _find_pictures(
    source: Path, out: Path | None, values: Mapping[str, Any], problems: list[str], skipped: list[Skipped]
) -> list[InputPicture]:
    try:
        if values["prompts-file"].strip():
            pictures = _read_prompts_file(source, out, values, problems)
            names = _file_names_beside(source, pictures)
        else:
            listing = list_pictures(source, values["pattern"].strip(), out)
            skipped += listing.skipped
            pictures, names = [InputPicture(name, {}) for name in listing.pictures], listing.names
    except ValueError as error:
        problems += error.problems if isinstance(error, BadPrompts) else [str(error)]
        return []
    if not pictures and not problems:
        problem = _("No picture in {folder} matches the pattern {pattern!r}.")
        problems.append(problem.format(folder=source, pattern=values["pattern"]))
        problems += [f"{readable_name(each.name)}: {each.reason}" for each in skipped[:_MAX_PROBLEMS]]
    if any(picture.values.get("mask", values["mask"]).strip() in ("", "file") for picture in pictures):
        masks = unused_masks(names, [picture.name for picture in pictures])
        skipped += [Skipped(name, mask_reason(), is_mask=True) for name in masks]
    return pictures


def _file_names_beside(source: Path, pictures: Iterable[InputPicture]) -> list[str]:
    """Return the names of all files in the folders of these pictures; folders that cannot be listed are left out."""
    names: list[str] = []
    for folder in dict.fromkeys(PurePosixPath(picture.name).parent for picture in pictures):
        with contextlib.suppress(OSError), os.scandir(source / folder) as entries:
            files = (entry.name for entry in entries if not entry.is_dir(follow_symlinks=False))
            names += [str(folder / name) for name in files if not name.startswith(".")]
    return names


def _read_prompts_file(
    source: Path, out: Path | None, values: Mapping[str, Any], problems: list[str]
) -> list[InputPicture]:
    """Return the pictures that have a row in the prompts file and match the pattern."""
    path, pattern = _absolute_path(values["prompts-file"]), values["pattern"].strip()
    if not path or not path.is_file():
        raise BadPrompts([_("prompts-file {file!r}: the file does not exist.").format(file=values["prompts-file"])])
    expression = matcher(pattern or "**/*")
    results = OwnResults([source, *source.resolve().parents, *([out] if out else [])])
    pictures: dict[str, InputPicture] = {}
    lines: dict[str, int] = {}
    for row in read_prompts(path, KINDS):
        name = _find_picture(source, row.picture)
        if not name:
            problem = _("Line {line}: there is no picture {picture!r} in {folder}.")
            problems.append(problem.format(line=row.line, picture=row.picture, folder=source))
        elif results.contains(source / name, is_link=True):
            problems.append(_("Line {line}: {reason}").format(line=row.line, reason=result_reason()))
        elif name in pictures:
            problem = _("Line {line}: {picture} is already in line {first}. Give each picture only one row.")
            problems.append(problem.format(line=row.line, picture=readable_name(name), first=lines[name]))
        elif expression.fullmatch(name):
            pictures[name], lines[name] = InputPicture(name, row.values), row.line
    return list(pictures.values())


def _find_picture(source: Path, written: str) -> str:
    """Return the name of the file that a row names; empty if there is none.

    A table may have spaces around the name, backslashes, or accents in another Unicode form than the file's name.
    """
    for name in dict.fromkeys((written, written.strip(), written.strip().replace("\\", "/"))):
        path = PurePosixPath(name)
        if not is_inside(name):
            continue
        for form in dict.fromkeys((str(path), *(unicodedata.normalize(form, str(path)) for form in ("NFC", "NFD")))):
            if is_file(source / form):
                return form
    return ""


def _all_problems(values: Mapping[str, Any], pictures: Iterable[InputPicture]) -> list[str]:
    """Return the problems with the options; equal rows are checked once."""
    problems, checked_rows = _problems_with(values), set()
    for picture in pictures:
        key = tuple(sorted((name, len(value) if name == "prompt" else value) for name, value in picture.values.items()))
        if not picture.values or key in checked_rows:
            continue
        checked_rows.add(key)
        new = [problem for problem in _problems_with({**values, **picture.values}) if problem not in problems]
        problems += [f"{readable_name(picture.name)}: {problem}" for problem in new]
        if len(problems) > _MAX_PROBLEMS:
            return [*problems[:_MAX_PROBLEMS], _("… and more.")]
    return problems


def _problems_with(values: Mapping[str, Any]) -> list[str]:
    _options, problems = problems_of(_edit_values(values))
    mask, output_format, quality = values["mask"].strip(), values["output-format"], values["output-compression"]
    if mask not in MASKS and not (mask.startswith(CHANNEL) and len(mask) > len(CHANNEL)):
        problem = _("mask {mask!r}: must be alpha, file, selection, channel:NAME, subject, background or none.")
        problems.append(problem.format(mask=mask))
    if output_format not in ("", *FORMATS):
        problem = _("output-format {format!r}: must be {allowed}.")
        problems.append(problem.format(format=output_format, allowed=", ".join(FORMATS)))
    if not -1 <= quality <= 100:
        problem = _("{name} {value}: must be {least} to {most}.")
        problems.append(problem.format(name="output-compression", value=quality, least=0, most=100))
    return problems


def _edit_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of `generative-edit`, whose output format is the one that the endpoint returns."""
    default_values = defaults(EDIT_ARGUMENTS)
    own = {name: value for name, value in values.items() if name in default_values}
    own["mask"] = values["mask"].strip() if values["mask"].strip() in SUBJECT_MASKS else ""
    return default_values | own | {"output-format": values["answer-format"], "output-compression": -1, "max-cost": 0.0}
