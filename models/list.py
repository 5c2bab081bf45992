"""``python -m models.list [--json]``: equations and models, their inputs, units and limits."""

from __future__ import annotations

import argparse
import json
from typing import Any

from models.command import run
from models.spec import Input, Spec, every


def describe(spec: Spec) -> dict[str, Any]:
    """One model as ``risk list --json`` shows it."""
    return {
        "model": spec.model,
        "version": spec.version,
        "kind": spec.kind,
        "daily": spec.daily,
        "yearly": spec.yearly,
        "name_en": spec.name_en,
        "name_zh": spec.name_zh,
        "source": spec.source,
        "validity": spec.validity,
        "inputs": [_describe_input(entry) for entry in spec.inputs],
        "one_of": [list(group) for group in spec.one_of],
        "outputs": [{"name": o.name, "unit": o.unit, "name_en": o.name_en, "name_zh": o.name_zh} for o in spec.outputs],
        "categories": [{"code": c.code, "name_en": c.name_en, "name_zh": c.name_zh} for c in spec.categories],
    }


def _describe_input(entry: Input) -> dict[str, Any]:
    flag = entry.kind == "flag"
    return {
        "name": entry.name,
        "unit": entry.unit,
        "required": entry.required,
        "min": 0 if flag else entry.min,
        "max": 1 if flag else entry.max,
        "max_exclusive": entry.max_exclusive,
        "kind": entry.kind,
        "values": ["male", "female"] if entry.kind == "sex" else list(entry.values) or None,
        "default": entry.default,
        "required_when": entry.required_when,
        "excluded_when": 1 if entry.excluded_en else None,
        "name_en": entry.name_en,
        "name_zh": entry.name_zh,
        "also_as": entry.alternative.column if entry.alternative else None,
        "also_as_unit": entry.alternative.unit if entry.alternative else None,
        "test_en": entry.test_en,
        "test_zh": entry.test_zh,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.list", description="equations and models")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    arguments = parser.parse_args()
    specs = every()
    if arguments.json:
        print(json.dumps([describe(spec) for spec in specs], ensure_ascii=False, indent=2))
        return
    for spec in specs:
        print(f"{spec.model} v{spec.version} ({spec.kind}): {spec.name_en} {spec.name_zh}")
        print(f"  inputs: {', '.join(f'{i.name} [{i.unit}]' + ('' if i.required else '?') for i in spec.inputs)}")
        print(f"  outputs: {', '.join(f'{o.name} [{o.unit}]' for o in spec.outputs)}")
        print(f"  source: {spec.source}")


if __name__ == "__main__":
    run(main)
