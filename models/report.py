"""``python -m models.report``: validate every benchmark and write the tables of ``docs/risk_models.md``.

Plain fits of ``models/benchmarks`` as published, then our models beside the plain fit of the same people (missing
covariates imputed in both), both by the same bootstrap.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.command import run
from models.survival.artefact import write_json
from models.survival.checks import proportional_hazards
from models.survival.cohort import prepare
from models.survival.model import fit
from models.survival.spec import FitSpec, load
from models.survival.validate import validate
from models.tables import read_csv
from wellhouse.settings import settings

PUBLISHED = {
    "framingham": ".742 (complete data)", "flchain": ".796", "lung": ".637", "nafld": ".827 (complete data)",
    "nhanes": ".802", "pbc": ".835", "rotterdam": ".682 (.667-.697)", "rotterdam_pgr": ".689 (.674-.703)",
}  # fmt: skip
OURS = {"framingham_cvd_24y": "framingham", "nafld_mortality": "nafld", "nhanes_mortality": "nhanes"}
"""Our model → the plain fit it is held beside."""
START, END = "<!-- written by make bench-risk -->", "<!-- end of what make bench-risk writes -->"


def validated(spec: FitSpec) -> dict[str, Any]:
    """Coefficients and the whole validation of a spec on the data it names."""
    cohort = prepare(spec, read_csv((settings().root / str(spec.data)).resolve()))
    model = fit(spec, cohort, np.random.default_rng(spec.seed))
    found = validate(spec, cohort, model=model)
    found["coefficients"] = [round(float(b), 4) for b in getattr(model, "beta", [])]
    found["proportional_hazards"] = proportional_hazards(spec, cohort)
    return found


def everything() -> dict[str, dict[str, Any]]:
    """By name: the published rows; ours; and the plain fit of the people of each of ours."""
    folder = settings().root / "models"
    found = {path.stem: validated(load(path)) for path in sorted((folder / "benchmarks").glob("*.yml"))}
    for name, plain in OURS.items():
        spec = load(folder / "benchmarks" / f"{plain}.yml")
        found[f"{plain}, imputed"] = validated(replace(spec, missing="multiple_imputation"))
        found[name] = validated(load(folder / name / "spec.yml"))
    return found


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["", _row(head), "|" + "---|" * len(head), *map(_row, rows), ""]


def _measures(found: dict[str, Any]) -> list[str]:
    low, high = found["c_index_ci"]
    return [
        f"{found['c_index_apparent']:.3f}", f"{found['c_index']:.3f} ({low:.3f}-{high:.3f})",
        f"{found['auc_t']:.3f}", f"{found['calibration_slope']:.2f}", f"{found['calibration_intercept']:+.3f}",
        f"{found['ici']:.3f}", f"{found['ibs']:.3f}", f"{found['scaled_brier']:.3f}",
    ]  # fmt: skip


HEAD = ["C apparent", "C corrected", "AUC", "slope", "intercept", "ICI", "IBS", "IPA"]


def markdown(found: dict[str, dict[str, Any]]) -> list[str]:
    """The tables, as lines."""
    plain = {name: one for name, one in found.items() if name in PUBLISHED}
    lines = ["", "**Published rows, plain fits.** Measures are corrected for optimism by 200 bootstrap resamples."]
    lines += _table(
        ["data", "n / events", "published C", *HEAD],
        [[name, f"{one['n']} / {one['events']}", PUBLISHED[name], *_measures(one)] for name, one in plain.items()],
    )
    lines += ["Coefficients, in the order of the spec:"]
    lines += _table(
        ["data", "coefficients", "proportional hazards: terms with p < .01"],
        [[n, ", ".join(f"{b:g}" for b in o["coefficients"]), _violations(o)] for n, o in plain.items()],
    )
    lines += ["**Ours beside the plain fit of the same people** (missing covariates imputed in both)."]
    rows = []
    for name, other in OURS.items():
        rows += [[f"{other}, plain", *_measures(found[f"{other}, imputed"])], [f"`{name}`", *_measures(found[name])]]
    lines += _table(["model", *HEAD], rows)
    lines += [_verdict(name, found[name], found[f"{other}, imputed"]) for name, other in OURS.items()]
    return [*lines, *_details(found)]


def _violations(one: dict[str, Any]) -> str:
    return ", ".join(p["term"] for p in one["proportional_hazards"] if p["p"] < 0.01) or "none"


def _verdict(name: str, ours: dict[str, Any], plain: dict[str, Any]) -> str:
    gain = ours["c_index"] - plain["c_index"]
    words = []
    for key, title, ideal in (("calibration_slope", "slope", 1.0), ("ici", "ICI", 0.0)):
        better = abs(ours[key] - ideal) <= abs(plain[key] - ideal)
        words.append(f"{title} {plain[key]:.3f} → {ours[key]:.3f} ({'no worse' if better else 'worse'})")
    return f"- `{name}`: C {gain:+.3f} ({'better' if gain > 0 else 'not better'}), {', '.join(words)}."


def _details(found: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["", "**Decision curves** (net benefit of the model / of treating everybody) and **subgroups**:"]
    curves, groups = [], []
    for name, one in found.items():
        curves += [
            [name, f"{d['threshold']:.0%}", f"{d['net_benefit']:.4f}", f"{d['treat_all']:.4f}"]
            for d in one["decision_curve"]
        ]
        groups += [
            [name, f"{g['group']}: {g['value']}", f"{g['n']} / {g['events_by_horizon']}"]
            + [f"{g[k]:.3f}" if k in g else "too few events" for k in ("c_index", "observed_risk", "predicted_risk")]
            for g in one["subgroups"]
        ]
    lines += _table(["model", "threshold", "model", "treat all"], curves)
    return lines + _table(["model", "group", "n / events by the horizon", "C", "observed", "predicted"], groups)


def write(path: Path, lines: list[str]) -> None:
    """Between the two marks of the document."""
    text = path.read_text(encoding="utf-8")
    before, after = text.split(START)[0], text.split(END)[1]
    path.write_text("\n".join([before + START, *lines, END + after]), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m models.report", description="validate the benchmarks")
    parser.parse_args()
    found = everything()
    write_json(settings().var / "bench" / "risk_validation.json", found)
    write(settings().root / "docs" / "risk_models.md", markdown(found))


if __name__ == "__main__":
    run(main)
