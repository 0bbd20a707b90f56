"""The bill of materials: what is in the binary, what the images pin, and nothing that only tests."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("sbom", ROOT / ".make/sbom.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sbom = load()
ONE, TWO = "1" * 64, "2" * 64


def package(name: str, license: str | None = "MIT/Apache-2.0") -> dict:
    return {"id": f"{name} 1.0.0", "name": name, "version": "1.0.0", "license": license}


def node(name: str, **needs: list[str | None]) -> dict:
    kinds = [{"pkg": f"{need} 1.0.0", "dep_kinds": [{"kind": kind} for kind in of]} for need, of in needs.items()]
    return {"id": f"{name} 1.0.0", "deps": kinds}


METADATA = {
    "packages": [
        package("shop", "Apache-2.0"),
        package("lib"),
        package("deep", None),
        package("tester"),
        package("gen"),
    ],
    "resolve": {
        "root": "shop 1.0.0",
        "nodes": [
            node("shop", lib=[None, "dev"], tester=["dev"], gen=["build"]),
            node("lib", deep=[None]),
            node("deep"),
            node("tester"),
            node("gen"),
        ],
    },
}
LOCK = {"package": [{"name": "shop", "version": "1.0.0"}, {"name": "lib", "version": "1.0.0", "checksum": ONE}]}


def test_the_whole_document() -> None:
    part = sbom.part("kafka-clients", "4.3.0", [TWO], "jars.sha256", None)
    document = sbom.bill(METADATA, LOCK, [part], "x86_64-unknown-linux-musl")
    serial = document.pop("serialNumber")
    assert serial.startswith("urn:uuid:")
    assert document == {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "pkg:cargo/shop@1.0.0",
                "name": "shop",
                "version": "1.0.0",
                "purl": "pkg:cargo/shop@1.0.0",
                "licenses": [{"expression": "Apache-2.0"}],
            },
            "properties": [{"name": "pipectl:target", "value": "x86_64-unknown-linux-musl"}],
        },
        "components": [
            {
                "type": "library",
                "bom-ref": "jars.sha256#kafka-clients@4.3.0",
                "name": "kafka-clients",
                "version": "4.3.0",
                "hashes": [{"alg": "SHA-256", "content": TWO}],
                "properties": [{"name": "pipectl:pinned-in", "value": "jars.sha256"}],
            },
            {
                "type": "library",
                "bom-ref": "pkg:cargo/deep@1.0.0",
                "name": "deep",
                "version": "1.0.0",
                "purl": "pkg:cargo/deep@1.0.0",
            },
            {
                "type": "library",
                "bom-ref": "pkg:cargo/lib@1.0.0",
                "name": "lib",
                "version": "1.0.0",
                "purl": "pkg:cargo/lib@1.0.0",
                "licenses": [{"expression": "MIT OR Apache-2.0"}],
                "hashes": [{"alg": "SHA-256", "content": ONE}],
            },
        ],
        "dependencies": [
            {"ref": "pkg:cargo/deep@1.0.0", "dependsOn": []},
            {"ref": "pkg:cargo/lib@1.0.0", "dependsOn": ["pkg:cargo/deep@1.0.0"]},
            {"ref": "pkg:cargo/shop@1.0.0", "dependsOn": ["pkg:cargo/lib@1.0.0"]},
        ],
    }
    assert sbom.bill(METADATA, LOCK, [part], "x86_64-unknown-linux-musl")["serialNumber"] == serial
    assert sbom.bill(METADATA, LOCK, [], "x86_64-unknown-linux-musl")["serialNumber"] != serial


@pytest.mark.parametrize(
    ("file", "name", "version"),
    [
        ("kafka-clients-4.3.0.jar", "kafka-clients", "4.3.0"),
        ("log4j-1.2-api-2.25.2.jar", "log4j-1.2-api", "2.25.2"),
        (
            "netty-transport-native-epoll-4.1.0.Final-linux-x86_64.jar",
            "netty-transport-native-epoll",
            "4.1.0.Final-linux-x86_64",
        ),
        ("debezium-connector-postgres-3.6.3.Final-plugin.tar.gz", "debezium-connector-postgres", "3.6.3.Final"),
        ("hive-standalone-metastore-3.1.3-bin.tar.gz", "hive-standalone-metastore", "3.1.3"),
    ],
)
def test_a_file_of_a_lock(file: str, name: str, version: str) -> None:
    (found,) = sbom.jars(f"{ONE}  {file}\n", "jars.sha256")
    assert (found["name"], found["version"], found["hashes"][0]["content"]) == (name, version, ONE)


@pytest.mark.parametrize("line", ["kafka.jar", f"{ONE}  kafka.jar", f"{ONE[:-1]}  kafka-1.jar"])
def test_a_line_that_pins_nothing_is_an_error(line: str) -> None:
    with pytest.raises(sbom.Malformed, match="jars.sha256:2: "):
        list(sbom.jars(f"# jars\n{line}\n", "jars.sha256"))


def test_requirements_with_hashes() -> None:
    text = f"# pinned\nFaker==40.54.0 \\\n    --hash=sha256:{ONE} \\\n    --hash=sha256:{TWO}\n"
    (found,) = sbom.requirements(text, "requirements.txt")
    assert found["purl"] == "pkg:pypi/faker@40.54.0"
    assert [entry["content"] for entry in found["hashes"]] == [ONE, TWO]
    with pytest.raises(sbom.Malformed, match="no version or no hash"):
        list(sbom.requirements("faker>=40\n", "requirements.txt"))


def test_the_images_of_this_repository() -> None:
    parts = sbom.image_parts(ROOT)
    references = [part["bom-ref"] for part in parts]
    assert len(references) == len(set(references)), "a reference names one component"
    sources = {entry["value"] for part in parts for entry in part.get("properties", [])}
    locks = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("compose/images/*/jars.sha256")}
    assert sources == locks | {"compose/images/spark-dist/pyspark.lock", "data_generator/requirements.txt"}
    assert {"debian", "pyspark", "faker", "kafka-clients"} <= {part["name"] for part in parts}
    assert json.loads(json.dumps(parts)) == parts
