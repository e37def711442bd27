"""The release files: their contents, licences and checksums, and that builds are reproducible."""

import ast
import hashlib
import re
import zipfile

import pytest

from lib.installer import archive, changelog, features, installation, licences, packages, release
from lib.installer.problem import SetupProblem
from tests.unit.installer.made_machine import run

METADATA = "Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{more}\n\nAbout it.\n"


def put_wheel(folder, name, more, *texts):
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}-1.0.dist-info/METADATA", METADATA.format(name=name, more=more))
        # A package may contain others with their metadata.
        archive.writestr(f"{name}/_vendor/other-2.0.dist-info/METADATA", "Name: other\n")
        for text in texts:
            archive.writestr(f"{name}-1.0.dist-info/{text}", "The licence.")
    return path


@pytest.fixture
def wheels(monkeypatch):
    """Replace downloads: one wheel for each Python and platform, and pip's."""
    stated = "License-Expression: MIT"

    def download(folder, python):
        name = f"made{python.version.replace('.', '')}_{python.platform.replace('-', '_')}"
        put_wheel(folder, name, stated, "LICENSE")

    monkeypatch.setattr(packages, "download", download)
    monkeypatch.setattr(features, "download", lambda _folder, _python, _name: None)
    monkeypatch.setattr(packages, "download_pip", lambda folder: put_wheel(folder, "pip", stated))


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_a_release_is_complete(wheels, capsys, tmp_path):
    assert run(capsys, "release", "--out", str(tmp_path), "--platform", "windows-x86_64")[0] == 0
    root = f"generative-edit-{changelog.version()}"
    inside = contents(tmp_path / f"{root}-windows-x86_64.zip")
    files = {name.removeprefix(f"{root}/") for name in inside}
    needed = {"install.py", "README.md", "LICENSE", "CHANGELOG.md", "LICENCES.txt", "SHA256SUMS",
              "lib/worker/__main__.py", "lib/CHANGELOG.md", "lib/installer/packages.json",
              "plugin/generative-edit.py", "plugin/help/scripts.html", "lib/README.md"}  # fmt: skip
    assert needed <= files and all(name.startswith(f"{root}/") for name in inside)
    assert {name for name in files if name.startswith("wheels/")} == {
        "wheels/pip-1.0-py3-none-any.whl",
        *(f"wheels/made3{minor}_win_amd64-1.0-py3-none-any.whl" for minor in (11, 12, 13, 14)),
    }
    assert not [name for name in files if "__pycache__" in name or name.startswith("tests/")]


def test_the_checksums_are_correct(wheels, capsys, tmp_path):
    run(capsys, "release", "--out", str(tmp_path), "--platform", "linux-arm64", "--platform", "macos-arm64")
    sums = dict(line.split("  ")[::-1] for line in (tmp_path / "SHA256SUMS").read_text().splitlines())
    assert len(sums) == 5
    for name, checksum in sums.items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == checksum
        if not name.endswith("64.zip"):
            continue  # the extensions have no list of their own
        inside = contents(tmp_path / name)
        root = next(iter(inside)).split("/")[0]
        listed = dict(line.split("  ")[::-1] for line in inside.pop(f"{root}/SHA256SUMS").decode().splitlines())
        assert {f"{root}/{name}": checksum for name, checksum in listed.items()} == {
            name: hashlib.sha256(content).hexdigest() for name, content in inside.items()
        }


def test_the_same_sources_give_the_same_bytes(tmp_path):
    wheel = put_wheel(tmp_path, "made", "License: BSD", "COPYING")
    for name in ("one.zip", "other.zip"):
        archive.write(tmp_path / name, "release", release.entries([wheel]))
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_wheels_for_every_platform_and_python_are_downloaded(monkeypatch, tmp_path):
    downloads, features_of = [], []

    def download(folder, python):
        downloads.append((python.platform, python.version))

    monkeypatch.setattr(packages, "download", download)
    monkeypatch.setattr(features, "download", lambda _folder, python, name: features_of.append((python, name)))
    monkeypatch.setattr(packages, "download_pip", lambda folder: None)
    release.run(tmp_path, None)
    assert len(features_of) == 5 * 4 * len(features.FEATURES)
    assert len(downloads) == 5 * 4 and len(list(tmp_path.glob("*64.zip"))) == 5
    assert {platform for platform, _ in downloads} == {
        "linux-x86_64", "linux-aarch64", "macosx-arm64", "macosx-x86_64", "win-amd64",
    }  # fmt: skip


def test_a_failed_download_leaves_no_file(monkeypatch, capsys, tmp_path):
    def fail(folder, python):
        raise SetupProblem("Couldn't download the packages: no route.", "Check the network, then run this again.")

    monkeypatch.setattr(packages, "download", fail)
    code, captured = run(capsys, "release", "--out", str(tmp_path / "dist"))
    assert code == 1 and "no route" in captured.err and list((tmp_path / "dist").iterdir()) == []


@pytest.mark.linux
def test_a_folder_that_cannot_be_written(capsys):
    code, captured = run(capsys, "release", "--out", "/proc/self/dist")
    assert code == 1 and captured.err.startswith("Couldn't read or write /proc/self/dist: No such file")
    assert len(captured.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("more", "listed"),
    [
        ("License-Expression: MPL-2.0\nProject-URL: Homepage, https://made.org", "MPL-2.0; https://made.org"),
        ("License: BSD\nHome-page: https://made.org", "BSD; https://made.org"),
        ("License: Long\n        text\nClassifier: License :: OSI Approved :: MIT License", "MIT License; no address"),
        ("Classifier: License :: Approved :: MIT License\nProject-URL: Changes, https://c.org", "MIT License; https"),
    ],
)
def test_a_packages_licence(tmp_path, more, listed):
    wheel = put_wheel(tmp_path, "made", more, "licenses/LICENSE.txt", "licenses/NOTICE")
    lines = licences.listing([wheel, wheel]).splitlines()
    assert lines[-1].startswith(f"made 1.0: {listed}") and lines[-1].endswith("; 2 texts in made-1.0.dist-info")
    assert lines[-2] == "" and any(line.startswith("generative-edit: GPL-3.0-or-later") for line in lines)


def test_a_package_without_a_licence_is_refused(tmp_path):
    with pytest.raises(SetupProblem, match="made-1.0-py3-none-any.whl does not state its licence"):
        licences.listing([put_wheel(tmp_path, "made", "Summary: x")])


def test_every_picture_has_its_licence():
    text = licences.listing([])
    pictures = [path for part in ("lib", "plugin") for path in installation.sources(packages.CHECKOUT / part)
                if path.suffix in (".jpg", ".png", ".svg", ".webp", ".gif")]  # fmt: skip
    assert pictures and all(path.relative_to(packages.CHECKOUT).as_posix() in text for path in pictures)


@pytest.fixture
def changes(tmp_path, monkeypatch):
    """A changelog to write."""
    monkeypatch.setattr(changelog, "CHANGELOG", tmp_path / "CHANGELOG.md")
    return changelog.CHANGELOG


OLDER = "## 1.9.0\n\n- An older change.\n"


def test_the_release_notes_are_the_section_of_the_version(changes, wheels, capsys, tmp_path):
    changes.write_text(f"# Changes\n\n## 1.10.0\n\n- One.\n- Two:\n  ### and more\n\n{OLDER}")
    assert run(capsys, "release", "--out", str(tmp_path), "--platform", "linux-arm64")[0] == 0
    assert (tmp_path / "RELEASE-NOTES.md").read_bytes() == b"- One.\n- Two:\n  ### and more\n"
    assert (tmp_path / "generative-edit-1.10.0-linux-arm64.zip").is_file()


def test_changes_that_are_not_released_show_in_the_version(changes):
    changes.write_text(f"# Changes\n\n## Unreleased\n\n- New.\n\n{OLDER}")
    assert (changelog.version(), changelog.release_notes()) == ("1.9.0+unreleased", "- New.")
    changes.write_text(f"# Changes\n\n## Unreleased\n\n{OLDER}")
    assert (changelog.version(), changelog.release_notes()) == ("1.9.0", "- An older change.")


def test_each_heading_of_the_changelog_is_a_version_and_the_newest_comes_first():
    headings = [heading for heading in changelog.sections() if heading != changelog.UNRELEASED]
    assert headings and all(re.fullmatch(r"\d+\.\d+\.\d+", heading) for heading in headings)
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for _version, date in changelog.releases())
    numbers = [[int(part) for part in heading.split(".")] for heading in headings]
    assert numbers == sorted(numbers, reverse=True)
    assert changelog.UNRELEASED not in list(changelog.sections())[1:]


def test_the_installer_uses_only_the_standard_library():
    import sys

    for path in [packages.CHECKOUT / "install.py", *(packages.CHECKOUT / "lib/installer").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "lib"}, f"{path.name} imports {name}"
