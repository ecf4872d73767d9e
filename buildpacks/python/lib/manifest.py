# SPDX-License-Identifier: Apache-2.0
"""Reads what an app says about itself and prints one `name<TAB>value` a line for bin/build.

usage: manifest.py VERSION FILE…   VERSION is the Python that there is, FILEs are those whose
requires-python counts (the installer reads them).
"""
import json
import pathlib
import re
import sys
import tomllib

PURE_BACKENDS = {  # an editable install of these is a path, whatever the code is
    "hatchling.build", "uv_build", "flit_core.buildapi", "poetry.core.masonry.api", "pdm.backend"}


def read(name):
    path = pathlib.Path(name)
    return path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ""


def toml(name):
    try:
        return tomllib.loads(read(name))
    except tomllib.TOMLDecodeError as error:
        say("error", f"{name}: {error}")
        sys.exit()


def say(name, value):
    print(f"{name}\t{' '.join(str(value).split())}")


def first_line(name):
    lines = (line.split("#")[0].strip() for line in read(name).splitlines())
    return next((line for line in lines if line), "")


def pins():
    """(request, file, binding): a development tool's pin binds nothing."""
    yield first_line(".python-version"), ".python-version", True
    yield first_line("runtime.txt"), "runtime.txt", True
    if pathlib.Path("Pipfile").is_file():
        requires = toml("Pipfile").get("requires", {})
        request = requires.get("python_full_version") or requires.get("python_version") or ""
        yield request, "Pipfile", True
    match = re.search(r"^python\s+(\S+)", read(".tool-versions"), re.M)
    yield match[1] if match else "", ".tool-versions", False


def judge(request, have, binding):
    """exact, line (another patch release), older, or unavailable."""
    if request[0] in "<>=!~^":  # a range, where most people write a version
        return "unavailable" if excludes(specifier(request), ".".join(have)) else "exact"
    numbers = re.fullmatch(r"(?:c?python[- ]?)?v?(\d+)(?:\.(\d+|x|\*))?(?:\.(\d+|x|\*))?.*",
                           request.lower())
    if not numbers:
        return "unreadable"
    major, minor, patch = numbers[1], numbers[2], numbers[3]
    if major != have[0]:
        return "unavailable"
    if minor in (None, "x", "*"):
        return "exact"
    if minor == have[1]:
        return "exact" if patch in (None, "x", "*", have[2]) else "line"
    return "older" if int(minor) < int(have[1]) or not binding else "unavailable"


def specifier(text):
    """Poetry's ^ and ~ as the standard writes them; its || is left to Poetry."""
    parts = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = re.fullmatch(r"([\^~])\s*(\d+)((?:\.\d+)*)", part)
        if not match:
            parts.append(f"=={part}" if re.fullmatch(r"\d+(\.(\d+|\*))*", part) else part)
        elif match[1] == "^":
            parts.append(f">={match[2]}{match[3]},<{int(match[2]) + 1}")
        else:
            minor = match[3].split(".")[1] if match[3] else None
            end = f"{match[2]}.{int(minor) + 1}" if minor else str(int(match[2]) + 1)
            parts.append(f">={match[2]}{match[3]},<{end}")
    return ",".join(parts)


def requirement(name, document):
    """The requires-python of a file that the installer reads."""
    if name in ("Pipfile.lock", "pdm.lock"):
        return ""
    if name == "uv.lock":
        return toml(name).get("requires-python", "")
    project = document.get("project", {}).get("requires-python", "")
    poetry = document.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python", "")
    return project or (specifier(poetry) if isinstance(poetry, str) and "|" not in poetry else "")


def excludes(text, version):
    from pip._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet
    try:
        return not SpecifierSet(text).contains(version, prereleases=True)
    except InvalidSpecifier:
        return False  # the installer says so better


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_versions(lockfile):
    if lockfile == "Pipfile.lock":
        entries = json.loads(read(lockfile)).get("default", {})
        return {normal(name): entry.get("version", "").lstrip("=")
                for name, entry in entries.items()}
    return {normal(entry["name"]): entry.get("version", "") for entry in toml(lockfile)["package"]}


def wanted_versions(lockfile, document):
    """(name, specifier) of each package that the manifest asks for."""
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement
    if lockfile == "Pipfile.lock":
        for name, wanted in toml("Pipfile").get("packages", {}).items():
            text = wanted if isinstance(wanted, str) else wanted.get("version", "*")
            yield name, "" if text == "*" else text
        return
    for text in document.get("project", {}).get("dependencies", []):
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue  # the installer says so better
        if not wanted.marker or wanted.marker.evaluate():
            yield wanted.name, str(wanted.specifier)


def report_mismatch(lockfile, document):
    """The first package that the lockfile lacks, or has in a version that the manifest forbids."""
    from pip._vendor.packaging.specifiers import InvalidSpecifier, SpecifierSet
    locked = locked_versions(lockfile)
    for name, text in wanted_versions(lockfile, document):
        version = locked.get(normal(name))
        try:
            fits = not text or not version or SpecifierSet(text).contains(version, True)
        except InvalidSpecifier:
            fits = True
        if version is None or not fits:
            say("mismatch", f"{name} {text}")
            return


def report_python(version, files, document):
    have = version.split(".")
    request, source, binding = next((pin for pin in pins() if pin[0]), ("", "", True))
    say("python.request", request)
    say("python.source", source)
    say("python.verdict", judge(request, have, binding) if request else "none")
    for name in files:
        text = requirement(name, document)
        if text and excludes(text, version):
            say("python.excluded", text)
            say("python.excluded-by", name)
            return


def report_project(document):
    project = document.get("project", {})
    tool = document.get("tool", {})
    poetry = tool.get("poetry", {})
    scripts = project.get("scripts") or poetry.get("scripts") or {}
    backend = document.get("build-system", {}).get("build-backend", "setuptools.build_meta")
    say("project", "yes" if project else "")
    say("builds", "yes" if "build-system" in document else "")
    say("poetry", "yes" if poetry.get("dependencies") else "")
    say("package", "yes" if "build-system" in document and poetry.get("package-mode", True) else "")
    say("pure", "yes" if backend in PURE_BACKENDS and not project.get("dynamic") else "")
    say("workspace", "yes" if "workspace" in tool.get("uv", {}) else "")
    if len(scripts) == 1:
        say("script", next(iter(scripts)))
    if "dependencies" not in project.get("dynamic", []):
        say("dependencies", json.dumps(project.get("dependencies", [])))


version, *files = sys.argv[1:]
document = toml("pyproject.toml")
report_python(version, files, document)
report_project(document)
for lockfile in ("Pipfile.lock", "pdm.lock"):
    if lockfile in files and pathlib.Path(lockfile).is_file():
        report_mismatch(lockfile, document)
