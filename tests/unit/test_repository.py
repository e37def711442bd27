"""What serves the repository itself: its files' attributes, the workflows and forms, the page for contributors."""

import fnmatch
import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from lib.api import providers
from lib.installer import changelog, command, release
from lib.installer.doctor import REPORT

CHECKOUT = Path(__file__).absolute().parents[2]
GITHUB = CHECKOUT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORM = GITHUB / "ISSUE_TEMPLATE" / "bug.yml"
CONTRIBUTING = (GITHUB / "CONTRIBUTING.md").read_text(encoding="utf-8")
FOLDERS = (".ci", ".github", "lib", "plugin", "tests")
TOP_LEVEL = (".gitattributes", ".gitignore", "LICENSE", "README.md", "install.py", "pyproject.toml")
# Written by Python, by install.py --link and by the tests.
GENERATED = re.compile(r"(^|/)__pycache__/|\.mo$|^tests/output/")
OFFICIAL = re.compile(r"actions/(checkout|setup-python|upload-artifact)@v\d+")
# Versions of other projects.
PINS = ("lib/requirements.txt", "lib/installer/packages.json")


def repository_files():
    names = [path.relative_to(CHECKOUT).as_posix() for folder in FOLDERS for path in (CHECKOUT / folder).rglob("*")]
    return [*TOP_LEVEL, *(name for name in names if (CHECKOUT / name).is_file() and not GENERATED.search(name))]


def attributes_of(name):
    """Return what the last matching line of .gitattributes says of a file."""
    attributes = ""
    for line in (CHECKOUT / ".gitattributes").read_text(encoding="utf-8").splitlines():
        pattern, _space, words = line.partition(" ")
        matches = name == pattern[1:] if pattern.startswith("/") else fnmatch.fnmatch(name.rpartition("/")[2], pattern)
        attributes = words.strip() if line and not line.startswith("#") and matches else attributes
    return attributes


def test_git_gives_every_file_the_same_bytes_on_every_system():
    problems = []
    for name in repository_files():
        content = (CHECKOUT / name).read_bytes()
        expected = "binary" if b"\0" in content else "text eol=lf"
        if attributes_of(name) != expected or (expected != "binary" and b"\r" in content):
            problems.append(f"{name}: {attributes_of(name) or 'no line in .gitattributes'}, should be {expected}")
    assert problems == []


def test_the_version_is_written_in_the_changelog_alone():
    version = next(heading for heading in changelog.sections() if heading != changelog.UNRELEASED)
    others = [name for name in repository_files() if not name.startswith("tests/") and name not in PINS]
    others.remove(changelog.CHANGELOG.relative_to(CHECKOUT).as_posix())
    number = re.compile(rf"(?<!\d)(?<!\d\.){re.escape(version)}(?!\.?\d)".encode())
    assert [name for name in others if number.search((CHECKOUT / name).read_bytes())] == []
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dynamic"] == ["version"] and "version" not in project


def load(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs_of(path):
    return load(path)["jobs"].values()


def steps():
    return [step for path in WORKFLOWS for job in jobs_of(path) for step in job.get("steps", [])]


def commands():
    """Return every command line of the workflows and of the page for contributors."""
    lines = [line for step in steps() for line in step.get("run", "").splitlines()]
    lines += re.findall(r"^ {4,}((?:python3|\.ci/run|git) ?.*)$", CONTRIBUTING, re.MULTILINE)
    lines += re.findall(r"`(python3 [^`]+)`", CONTRIBUTING)
    # What a shell runs inside another command counts too.
    return lines + [inner for line in lines for inner in re.findall(r"\$\((.+?)\)", line)]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_whole(path):
    workflow = load(path)
    # YAML 1.1 reads the key `on` as true.
    assert workflow["name"] and workflow[True] and workflow["permissions"] == {"contents": "read"}
    for job in jobs_of(path):
        assert ("uses" in job) != ("steps" in job and "runs-on" in job)
        assert {job["needs"]} <= set(workflow["jobs"]) if "needs" in job else True
        assert all(("uses" in step) != ("run" in step) for step in job.get("steps", []))


def test_workflows_use_official_actions_and_workflows_that_exist():
    uses = [part["uses"] for path in WORKFLOWS for job in jobs_of(path) for part in (job, *job.get("steps", []))
            if "uses" in part]  # fmt: skip
    local = [name for name in uses if name.startswith("./")]
    assert local and all((CHECKOUT / name).is_file() for name in local)
    assert [name for name in uses if name not in local and not OFFICIAL.fullmatch(name)] == []


def test_the_tests_without_gimp_run_on_every_system_with_every_python():
    (matrix,) = (job["strategy"]["matrix"] for path in WORKFLOWS for job in jobs_of(path) if "strategy" in job)
    assert {system.partition("-")[0] for system in matrix["system"]} == {"ubuntu", "windows", "macos"}
    assert matrix["python"] == list(release.PYTHONS)


def test_every_command_names_what_exists():
    ours = [shlex.split(line) for line in commands() if re.match(r"python3? |\.ci/", line)]
    assert len(ours) > 15
    for words in ours:
        program, *arguments = words if words[0].startswith(".") else words[1:]
        assert (CHECKOUT / program).is_file(), words
        assert [word for word in arguments if word.startswith("tests/") and not (CHECKOUT / word).exists()] == []
        if program == "install.py" and arguments != ["--version"]:
            command._parser().parse_args(arguments if not arguments[0].startswith("-") else ["install", *arguments])
        if "-k" in arguments:
            name = arguments[arguments.index("-k") + 1].split()[-1]
            file = next(word for word in arguments if word.startswith("tests/"))
            assert re.search(rf"^def test_\w*{name}", (CHECKOUT / file).read_text(encoding="utf-8"), re.MULTILINE)


def test_the_release_workflow_publishes_what_the_release_command_writes():
    (draft,) = (step["run"] for step in steps() if step.get("run", "").startswith("gh release create"))
    assert f"--notes-file dist/{release.NOTES}" in draft and f"dist/{release.SUMS}" in draft and "dist/*.zip" in draft


def test_the_bug_form_asks_for_the_doctors_line():
    fields = {field["id"]: field for field in load(FORM)["body"] if "id" in field}
    doctor = fields["doctor"]
    assert doctor["validations"] == {"required": True} and doctor["attributes"]["placeholder"].startswith(REPORT)
    assert "`python3 install.py doctor`" in doctor["attributes"]["description"]
    titles = [providers.get(name).title for name in providers.names()]
    assert sorted(fields["provider"]["attributes"]["options"]) == sorted(titles)
