"""What an image says of itself, and what is told of it."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

MAKE = Path(__file__).resolve().parents[2] / ".make"


def load() -> ModuleType:
    sys.path.insert(0, str(MAKE))
    try:
        spec = importlib.util.spec_from_file_location("contents", MAKE / "contents.py")
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules["contents"] = module
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(MAKE))


contents = load()

SAID = """\
=== debian
libssl3t64 3.5.1-1 amd64
tzdata 2025b-4+deb13u1 all
=== files
/opt/kafka/libs/kafka-clients-4.1.0.jar
/usr/lib/jvm/java-25/lib/jrt-fs.jar
/usr/lib/python3/dist-packages/psycopg_binary-3.2.9.dist-info
=== updates
Reading package lists...
Inst libssl3t64 [3.5.1-1] (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])
Inst tzdata [2025b-4+deb13u1] (2025c-0+deb13u1 Debian:13.2/stable [all])
Conf libssl3t64 (3.5.1-1+deb13u1 Debian-Security:13/stable-security [amd64])
"""


def test_an_image_is_listed_with_what_debian_has_newer():
    found = contents.read(SAID)
    other = contents.read(SAID.replace("Inst tzdata", "Kept tzdata"))
    assert contents.report({"shop/kafka:12ab": found, "shop/web:34cd": other}) == (
        "IMAGE            DEBIAN  JARS  PYTHON  UPDATES  OF SECURITY\n"
        "shop/kafka:12ab  2       2     1       2        1\n"
        "shop/web:34cd    2       2     1       1        1\n"
        "\n"
        "PACKAGE     HERE             DEBIAN HAS                 IMAGES\n"
        "libssl3t64  3.5.1-1          3.5.1-1+deb13u1  security  shop/kafka shop/web\n"
        "tzdata      2025b-4+deb13u1  2025c-0+deb13u1            shop/kafka"
    )


def test_parts_have_package_urls_where_their_names_tell_enough():
    image = contents.component("shop/kafka:12ab", contents.read(SAID), "trixie")
    assert (image["type"], image["name"], image["version"]) == ("container", "shop/kafka", "12ab")
    parts = [(part["name"], part.get("version"), part.get("purl")) for part in image["components"]]
    assert parts == [
        ("libssl3t64", "3.5.1-1", "pkg:deb/debian/libssl3t64@3.5.1-1?arch=amd64&distro=trixie"),
        ("tzdata", "2025b-4+deb13u1", "pkg:deb/debian/tzdata@2025b-4%2Bdeb13u1?arch=all&distro=trixie"),
        ("jrt-fs", None, None),
        ("kafka-clients", "4.1.0", None),
        ("psycopg_binary", "3.2.9", "pkg:pypi/psycopg-binary@3.2.9"),
    ]


def test_nothing_newer_is_said():
    found = contents.read(SAID.partition("Inst ")[0])
    assert contents.report({"shop/kafka:12ab": found}).endswith("has nothing newer for any of them.")


def test_half_an_answer_tells_nothing():
    with pytest.raises(contents.Unusable, match="it says nothing of files, updates"):
        contents.read(SAID.partition("=== files")[0])
