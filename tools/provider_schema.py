"""Write the schema that the Terraform module is tested against: `python -m tools.provider_schema`.

Google's provider cannot be had from a package registry, but its schema can: the npm packages of CDK for Terraform are
generated from it, and their source says of each argument whether it is required, optional or computed, of which type it
is, and how blocks nest. The file has the form of `terraform providers schema -json`, with only those resources and data
sources that the module uses. Run it again when the module uses another one.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MODULE = ROOT / "deploy" / "terraform"
SCHEMA = ROOT / "tests" / "unit" / "deploy" / "provider_schema.json"
# The last ones: CDK for Terraform was archived in December 2025.
PACKAGES = {"google": "@cdktf/provider-google@16.12.1", "google-beta": "@cdktf/provider-google-beta@16.12.1"}

_MEMBER = re.compile(r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n")
_CLASS = re.compile(r"^export class (\w+) extends cdktf\.(\w+) \{$(.*?)^\}$", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r'isBlock: true,\s+type: "(list|set|struct)",\s+storageClassType: "(\w+?)(?:List)?",')
_NESTED = re.compile(r"new (\w+?)(OutputReference|List)\(this, ")
_GETTER = re.compile(r"(Fn\.tolist\()?this\.get(\w+)Attribute\(")
_TYPES: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
}
# Of the provider's own arguments, which have no getter.
_TYPESCRIPT: dict[str, Any] = {
    "string": "string",
    "boolean": "bool",
    "string[]": ["list", "string"],
    "{ [key: string]: string }": ["map", "string"],
}


class Source:
    """The TypeScript source of one resource, data source or provider."""

    def __init__(self, text: str) -> None:
        self.bodies = {name: body for name, _, body in _CLASS.findall(text)}
        (self.main,) = (name for name, base, _ in _CLASS.findall(text) if base.startswith("Terraform"))
        self.nesting = {name: nesting for nesting, name in _BLOCK.findall(text)}

    def block(self, name: str) -> dict[str, Any]:
        """Return the schema of a block, by the name of its class."""
        attributes, blocks = {}, {}
        parts = _MEMBER.split(self.bodies[name])
        for member, computed, optional, required, body in zip(*(parts[start::5] for start in range(1, 6)), strict=True):
            nested = _NESTED.search(body)
            if nested and nested[1] in self.nesting:
                blocks[member] = self._nested_block(nested[1], single=nested[2] != "List", required=required == "true")
                continue
            flags = {"computed": computed, "optional": optional, "required": required}
            attributes[member] = {"type": self._type(body)} | {
                flag: True for flag, value in flags.items() if value == "true"
            }
        return {"attributes": attributes} | ({"block_types": blocks} if blocks else {})

    def _nested_block(self, name: str, *, single: bool, required: bool) -> dict[str, Any]:
        block = self.block(f"{name}OutputReference")
        if self.nesting[name] == "struct":
            return {"nesting_mode": "single", "block": block}
        bounds = ({"min_items": 1} if required else {}) | ({"max_items": 1} if single else {})
        return {"nesting_mode": self.nesting[name], "block": block} | bounds

    def _type(self, body: str) -> Any:
        nested = _NESTED.search(body)
        if nested:
            attributes = self.block(f"{nested[1]}OutputReference")["attributes"]
            return ["list", ["object", {name: attribute["type"] for name, attribute in attributes.items()}]]
        if "new cdktf.StringMap(" in body:
            return ["map", "string"]
        if getter := _GETTER.search(body):
            return ["set", "string"] if getter[1] else _TYPES[getter[2]]
        declared = re.search(r"private _\w+\?: (.*?)(?: \| [\w.]+)*;", body)
        assert declared is not None, body
        return _TYPESCRIPT[declared[1]]


def source(package: Path, folder: str) -> Source:
    """Read the source of a resource from the source map of the compiled file."""
    compiled = (package / "lib" / folder / "index.js").read_text(encoding="utf-8")
    encoded = compiled.rpartition("sourceMappingURL=data:application/json;base64,")[2]
    return Source(json.loads(base64.b64decode(encoded))["sourcesContent"][0])


def provider_schema(package: Path, used: set[tuple[str, str]]) -> dict[str, Any]:
    """Return the schemas of those resources and data sources of a package that are used."""
    schemas: dict[str, Any] = {"resource_schemas": {}, "data_source_schemas": {}}
    for kind, name in sorted(used):
        full = name.replace("_", "-")
        # The package of google leaves out the prefix of resources, that of google-beta does not.
        folders = (full, full.removeprefix("google-")) if kind == "resource" else (f"data-{full}",)
        for folder in folders:
            if (package / "lib" / folder).is_dir():
                found = source(package, folder)
                key = "resource_schemas" if kind == "resource" else "data_source_schemas"
                schemas[key][name] = {"version": 0, "block": found.block(found.main)}
    provider = source(package, "provider")
    # Addresses of a hundred services; and blocks, which have no class of their own. The module uses none.
    provider.bodies[provider.main] = re.sub(
        r"  // (\w+_custom_endpoint|batching|external_credentials) - .*?(?=  // \w+ - computed|  // ====)",
        "",
        provider.bodies[provider.main],
        flags=re.DOTALL,
    )
    return {"provider": {"version": 0, "block": provider.block(provider.main)}} | schemas


def main() -> None:
    """Fetch the packages and write the file."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(MODULE.glob("*.tf")))
    used = set(re.findall(r'^(resource|data) "(\w+)"', text, re.MULTILINE))
    schemas, versions = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, package in PACKAGES.items():
            (archive,) = subprocess.check_output(["npm", "pack", "--silent", package], cwd=folder, text=True).split()
            target = Path(folder, name)
            with tarfile.open(Path(folder, archive)) as packed:
                packed.extractall(target, filter="data")
            readme = (target / "package" / "README.md").read_text(encoding="utf-8")
            version = re.search(r"provider version ([\d.]+)", readme)
            assert version is not None, readme
            schema = provider_schema(target / "package", used)
            used -= {("resource", one) for one in schema["resource_schemas"]}
            used -= {("data", one) for one in schema["data_source_schemas"]}
            schemas[f"registry.terraform.io/hashicorp/{name}"] = schema
            versions[name] = {"package": package, "provider_version": version[1]}
    if used:
        raise SystemExit(f"not in the packages: {', '.join(sorted(name for _, name in used))}")
    content = {
        "format_version": "1.0",
        "made_by": "python -m tools.provider_schema",
        "made_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "made_from": versions,
        "provider_schemas": schemas,
    }
    SCHEMA.write_text(json.dumps(content, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
