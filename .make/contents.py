#!/usr/bin/env python3
"""Lists what is in the stack's images, and which of it the package sources have a fix for.

usage: contents.py [--output FILE] [--strict] [IMAGE ..]

Every image of `pipectl images list` that is here (or each one named) is asked itself, in a container that is removed again: its Debian
packages, jars and Python distributions go into FILE (dist/images.cdx.json) as CycloneDX 1.5. Then its own package manager says which of
its packages are older than those of Debian's archive, and which of them by a security update. That is all that the package sources tell:
they know nothing of jars and Python packages. With --strict the exit code is 1 where a security update is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sbom  # beside this file

# Sections of what ASK prints.
MARK = "=== "
ASK = f"""
echo '{MARK}debian'; dpkg-query --show --showformat '${{Package}} ${{Version}} ${{Architecture}}\\n'
echo '{MARK}files'; find / -xdev \\( -name '*.jar' -o -name '*.dist-info' \\) -print 2>/dev/null
apt-get update -qq -o APT::Update::Error-Mode=any 1>&2
echo '{MARK}updates'; apt-get --simulate --quiet upgrade
"""
# Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])
UPDATE = re.compile(r"^Inst (?P<package>\S+) \[(?P<old>[^]]+)] \((?P<new>\S+) (?P<archive>[^)]*)\)")
DISTRIBUTION = re.compile(r"([^/]+)-([^/-]+)\.dist-info$")


class Unusable(Exception):
    """An image, or an answer, from which nothing can be told."""


@dataclass(frozen=True)
class Update:
    """A package of an image that is older than the one in Debian's archive."""

    package: str
    old: str
    new: str
    security: bool


@dataclass
class Contents:
    """What an image holds."""

    debian: list[tuple[str, str, str]] = field(default_factory=list)  # name, version, architecture
    jars: list[tuple[str, str]] = field(default_factory=list)
    python: list[tuple[str, str]] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)


def read(text: str) -> Contents:
    """Reads what ASK printed."""
    sections: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith(MARK):
            sections[line.removeprefix(MARK)] = []
        elif sections:
            sections[list(sections)[-1]].append(line)
    missing = {"debian", "files", "updates"} - sections.keys()
    if missing:
        raise Unusable(f"it says nothing of {', '.join(sorted(missing))}")
    contents = Contents()
    for line in sections["debian"]:
        name, version, architecture = line.split(" ")
        contents.debian.append((name, version, architecture))
    for path in sections["files"]:
        if match := DISTRIBUTION.search(path):
            contents.python.append((match[1], match[2]))
        elif path.endswith(".jar"):
            file = path.rpartition("/")[2]
            match = sbom.ARTIFACT.match(file)
            contents.jars.append((match["name"], match["version"]) if match else (file.removesuffix(".jar"), ""))
    for line in sections["updates"]:
        if match := UPDATE.match(line):
            security = "security" in match["archive"].lower()
            contents.updates.append(Update(match["package"], match["old"], match["new"], security))
    contents.jars = sorted(set(contents.jars))
    contents.python = sorted(set(contents.python))
    return contents


def component(image: str, contents: Contents, suite: str) -> dict[str, Any]:
    """The image with its parts, as CycloneDX has it."""

    def part(kind: str, name: str, version: str, purl: str | None) -> dict[str, Any]:
        entry = {"type": "library", "bom-ref": f"{image}#{kind}/{name}@{version}", "name": name}
        return entry | ({"version": version} if version else {}) | ({"purl": purl} if purl else {})

    parts = [
        part("deb", name, version, f"pkg:deb/debian/{name}@{version.replace('+', '%2B')}?arch={arch}&distro={suite}")
        for name, version, arch in contents.debian
    ]
    # Without its group, which the file name does not have, a jar has no package URL.
    parts += [part("jar", name, version, None) for name, version in contents.jars]
    parts += [
        part("python", name, version, f"pkg:pypi/{name.lower().replace('_', '-')}@{version}")
        for name, version in contents.python
    ]
    repository, _, tag = image.rpartition(":")
    return {"type": "container", "bom-ref": image, "name": repository, "version": tag, "components": parts}


def ask(image: str) -> Contents:
    """Asks an image in a container of its own."""
    proxies = ["http_proxy", "https_proxy", "no_proxy"]
    variables = [option for name in proxies if name in os.environ for option in ("--env", name)]
    command = ["docker", "run", "--rm", "--user", "0:0", *variables, "--entrypoint", "sh", image, "-ec", ASK]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        said = ran.stderr.strip().splitlines() or ["it ended without a word"]
        raise Unusable(said[-1])
    return read(ran.stdout)


def images_here(pipectl: Path) -> list[str]:
    """The images of the stack that are on this machine's engine."""
    ran = subprocess.run([pipectl, "images", "list", "--json"], stdout=subprocess.PIPE, check=False)
    if ran.returncode not in (0, 1):
        raise Unusable("`pipectl images list` failed, its message is above")
    return [image["reference"] for image in json.loads(ran.stdout) if image["present"]]


def table(rows: list[list[str]]) -> str:
    """Columns under each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)


def report(found: dict[str, Contents]) -> str:
    """What people read: counts per image, then each update with the images that lack it."""
    counts = [["IMAGE", "DEBIAN", "JARS", "PYTHON", "UPDATES", "OF SECURITY"]]
    lacking: dict[Update, list[str]] = {}
    for image, contents in found.items():
        of_security = sum(update.security for update in contents.updates)
        numbers = [len(contents.debian), len(contents.jars), len(contents.python), len(contents.updates), of_security]
        counts.append([image, *map(str, numbers)])
        for update in contents.updates:
            lacking.setdefault(update, []).append(image.rpartition(":")[0])
    text = table(counts)
    rows = [["PACKAGE", "HERE", "DEBIAN HAS", "", "IMAGES"]]
    for update in sorted(lacking, key=lambda update: (not update.security, update.package)):
        kind = "security" if update.security else ""
        rows.append([update.package, update.old, update.new, kind, " ".join(lacking[update])])
    return text + ("\n\n" + table(rows) if lacking else "\n\nDebian's archive has nothing newer for any of them.")


def main() -> int:
    """Lists the images' contents."""
    parser = argparse.ArgumentParser(description="what is in the images, and what the package sources have a fix for")
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="instead of those of the stack")
    parser.add_argument("--output", type=Path, default=sbom.ROOT / "dist/images.cdx.json", help="CycloneDX file")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a security update is missing")
    arguments = parser.parse_args()
    found: dict[str, Contents] = {}
    try:
        images = arguments.images or images_here(sbom.ROOT / "target/release/pipectl")
        if not images:
            raise Unusable("no image of the stack is here; `make up` or `pipectl images build` makes them")
        for image in images:
            print(f"==> asking {image}", file=sys.stderr)
            try:
                found[image] = ask(image)
            except Unusable as error:
                raise Unusable(f"{image}: {error}") from error
    except (Unusable, OSError) as error:
        print(f"contents.py: {error}", file=sys.stderr)
        return 2
    suite = next(part["version"] for part in sbom.image_parts(sbom.ROOT) if part["name"] == "debian")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "components": [component(image, contents, suite) for image, contents in found.items()],
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(document, indent=2) + "\n")
    print(report(found))
    print(f"==> made {arguments.output}", file=sys.stderr)
    lacks = any(update.security for contents in found.values() for update in contents.updates)
    return 1 if arguments.strict and lacks else 0


if __name__ == "__main__":
    sys.exit(main())
