#!/usr/bin/env python3
"""Writes a CycloneDX 1.5 bill of materials: the crates in the binary, and the pinned parts of the images it builds.

usage: sbom.py [--target TRIPLE]

The crates come from `cargo metadata` and Cargo.lock, the parts of the images from the lock files in compose/images/ and
data_generator/. The same sources give the same bytes: there is no time and no random number in it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tomllib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_OID, "pipectl/sbom")

Component = dict[str, Any]

# name-1.2.3.jar; Debezium's and Hive's archives have a word behind the version, and one library has a version in its name.
ARTIFACT = re.compile(r"^(?P<name>log4j-1\.2-api|.+?)-(?P<version>\d.*?)(?:-plugin|-bin)?\.(?:jar|tar\.gz)$")
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")
PYTHON_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Malformed(Exception):
    """A lock file holds a line that is no pinned component."""


def shipped(metadata: dict[str, Any]) -> tuple[str, dict[str, list[str]]]:
    """Return the root package's id, and for it and every package that it needs to run what each depends on.

    What only builds or tests it is no part of the binary.
    """
    root = metadata["resolve"]["root"]
    needs = {
        node["id"]: sorted(
            dependency["pkg"]
            for dependency in node["deps"]
            if any(kind["kind"] is None for kind in dependency["dep_kinds"])
        )
        for node in metadata["resolve"]["nodes"]
    }
    found: dict[str, list[str]] = {}
    pending = [root]
    while pending:
        package = pending.pop()
        if package not in found:
            found[package] = needs[package]
            pending += needs[package]
    return root, found


def crate_url(package: dict[str, Any]) -> str:
    """Return the package URL of a crate; it is its reference in the document as well."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def crate(package: dict[str, Any], checksums: dict[tuple[str, str], str]) -> Component:
    """Describe a crate."""
    url = crate_url(package)
    component: Component = {
        "type": "library",
        "bom-ref": url,
        "name": package["name"],
        "version": package["version"],
        "purl": url,
    }
    if package.get("license"):
        # Old manifests separate alternatives with a slash, which SPDX does not know.
        component["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    checksum = checksums.get((package["name"], package["version"]))
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return component


def lock_checksums(lock: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Return the checksum of every crate in Cargo.lock."""
    return {
        (package["name"], package["version"]): package["checksum"]
        for package in lock["package"]
        if "checksum" in package
    }


def part(name: str, version: str, hashes: list[str], source: str, purl: str | None) -> Component:
    """Describe a pinned part of an image; `source` is the lock file that pins it."""
    component: Component = {
        "type": "library",
        "bom-ref": f"{source}#{name}@{version}",
        "name": name,
        "version": version,
        "hashes": [{"alg": "SHA-256", "content": content} for content in hashes],
        "properties": [{"name": "pipectl:pinned-in", "value": source}],
    }
    if purl:
        component["purl"] = purl
    return component


def jars(text: str, source: str) -> Iterator[Component]:
    """Read a `jars.sha256`: a checksum and a file name a line."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        checksum, _, file = line.partition("  ")
        match = ARTIFACT.match(file)
        if not match or not re.fullmatch(r"[0-9a-f]{64}", checksum):
            raise Malformed(f"{source}:{number}: no checksum and file with a version: {line!r}")
        # Without its group, which the lock does not have, a jar has no package URL.
        yield part(match["name"], match["version"], [checksum], source, None)


def requirements(text: str, source: str) -> Iterator[Component]:
    """Read a pip requirements file with hashes."""
    for number, line in enumerate(text.replace("\\\n", " ").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = REQUIREMENT.match(line)
        hashes = PYTHON_HASH.findall(line)
        if not match or not hashes:
            raise Malformed(f"{source}: requirement {number} has no version or no hash: {line!r}")
        name, version = match["name"], match["version"]
        yield part(name, version, hashes, source, f"pkg:pypi/{name.lower()}@{version}")


def image_parts(root: Path) -> list[Component]:
    """Read every lock file of the images."""
    found: list[Component] = []
    for path in sorted(root.glob("compose/images/*/jars.sha256")):
        found += jars(path.read_text(), path.relative_to(root).as_posix())
    for path in [*sorted(root.glob("compose/images/*/*.lock")), root / "data_generator/requirements.txt"]:
        found += requirements(path.read_text(), path.relative_to(root).as_posix())
    suite = re.search(r"^readonly suite=(\w+)$", (root / "compose/images/rootfs/make.sh").read_text(), re.MULTILINE)
    if not suite:
        raise Malformed("compose/images/rootfs/make.sh names no Debian suite")
    # The suite is pinned, its packages are the newest of it on the day an image is built.
    system = {"type": "operating-system", "bom-ref": f"debian@{suite[1]}", "name": "debian", "version": suite[1]}
    return [*found, system]


def bill(metadata: dict[str, Any], lock: dict[str, Any], parts: list[Component], target: str | None) -> dict[str, Any]:
    """Put the document together."""
    root, needs = shipped(metadata)
    packages = {package["id"]: package for package in metadata["packages"]}
    checksums = lock_checksums(lock)
    main = crate(packages[root], checksums) | {"type": "application"}
    crates = [crate(packages[package], checksums) for package in needs if package != root]
    dependencies = [
        {
            "ref": crate_url(packages[package]),
            "dependsOn": sorted({crate_url(packages[need]) for need in found}),
        }
        for package, found in needs.items()
    ]
    document: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": main},
        "components": sorted([*crates, *parts], key=lambda component: component["bom-ref"]),
        "dependencies": sorted(dependencies, key=lambda entry: entry["ref"]),
    }
    if target:
        document["metadata"]["properties"] = [{"name": "pipectl:target", "value": target}]
    # A name for these contents, the same wherever it is made.
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(NAMESPACE, json.dumps(document, sort_keys=True))}"
    return document


def main() -> int:
    """Print the bill of materials of this repository."""
    parser = argparse.ArgumentParser(description="CycloneDX bill of materials of pipectl and the images it builds")
    parser.add_argument("--target", help="Rust target that the binary is for; all platforms' crates without it")
    target = parser.parse_args().target
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--format-version", "1", "--locked"]
    command += ["--filter-platform", target] if target else []
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if ran.returncode != 0:
        print("sbom.py: `cargo metadata` failed, its message is above", file=sys.stderr)
        return 1
    try:
        parts = image_parts(ROOT)
    except (Malformed, OSError) as error:
        print(f"sbom.py: {error}", file=sys.stderr)
        return 1
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    json.dump(bill(json.loads(ran.stdout), lock, parts, target), sys.stdout, indent=2)
    print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
