"""The card of a fitted model: the items of TRIPOD+AI (BMJ 2024;385:e078378), with figures, all from its own numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.spec import read_yaml
from models.survival.spec import FitSpec

Numbers = Mapping[str, Any]


def write(output: Path, path: Path, spec: FitSpec, document: Numbers, metrics: Numbers) -> None:
    """``CARD.md``, ``calibration.svg`` and ``decision_curve.svg`` into ``output``."""
    (output / "CARD.md").write_text(text(read_yaml(path), spec, document, metrics), encoding="utf-8")
    _figure(output / "calibration.svg", metrics, _calibration)
    _figure(output / "decision_curve.svg", metrics, _decision)


def text(about: Numbers, spec: FitSpec, document: Numbers, metrics: Numbers) -> str:
    """The card in Markdown."""
    sections = [
        ("Title and purpose", [about.get("name_en", spec.model), about.get("name_zh", ""), about.get("validity", "")]),
        ("Source of data and participants", _participants(spec, document, metrics)),
        (
            "Outcome",
            [
                f"`{spec.event}` by `{spec.duration}`; horizon {spec.horizon:g} {spec.time_unit}.",
                _competing(spec, metrics),
            ],
        ),
        ("Predictors", [_predictors(document)]),
        ("Missing data", [_missing(document)]),
        ("Sample size", [_size(document, metrics)]),
        ("Analysis", _analysis(spec, document)),
        ("Model", [_terms(document["terms"]), _baseline(document)]),
        ("Proportional hazards", [_schoenfeld(metrics)]),
        (
            "Performance",
            [_performance(metrics), "![calibration](calibration.svg)", "![decision curve](decision_curve.svg)"],
        ),
        ("Usefulness", [_benefit(metrics)]),
        ("Fairness: subgroups", [_groups(metrics)]),
        ("Reproducibility", [_code(document)]),
    ]
    parts = [
        f"# {spec.model} v{spec.version}",
        "",
        "Written by `python -m models.fit`; every number is in the JSON files beside.",
    ]
    for heading, lines in sections:
        body = [str(line).strip() for line in lines if str(line).strip()]
        if body:
            parts += ["", f"## {heading}", "\n\n".join(body)]
    return "\n".join(parts) + "\n"


def _participants(spec: FitSpec, document: Numbers, metrics: Numbers) -> list[str]:
    flow = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in document["flow"].items())
    return [
        f"`{document['data']['file']}`, SHA-256 `{document['data']['sha256']}`. Filter: `{spec.filter or 'none'}`.",
        f"Flow: {flow}. Fitted on {document['n']} people with {document['events']} events; median follow-up (reverse "
        f"Kaplan-Meier) {metrics['follow_up_median']:.4g} {spec.time_unit}.",
    ]


def _competing(spec: FitSpec, metrics: Numbers) -> str:
    if spec.competing is None:
        return "What else ends follow-up is treated as censoring: the risk is that of an event if nobody died before."
    how = "Fine and Gray's subdistribution hazard" if spec.method == "fine_gray" else "cause-specific hazards of both"
    people = f"`{spec.competing}` ({metrics['competing_events']} people)"
    return f"Competing: {people}, by {how}; observed risk by Aalen and Johansen."


def _predictors(document: Numbers) -> str:
    return ", ".join(f"`{name}`" for name in document["covariates"]) + "; all measured at the start of follow-up."


def _missing(document: Numbers) -> str:
    how = document["missing"]
    if how["method"] == "complete_case":
        return f"Complete cases; {how['left_out']} people were left out."
    counts = ", ".join(f"{name} {count}" for name, count in how["missing_values"].items()) or "none"
    return (
        f"Multiple imputation by chained equations ({how['imputations']} copies, predictive mean matching with the "
        f"event and the cumulative hazard), pooled by Rubin's rules, done again in every "
        f"resample. Missing values: {counts}."
    )


def _size(document: Numbers, metrics: Numbers) -> str:
    """Riley RD et al. Stat Med 2019;38:1276-1296: the shrinkage that so many people and terms lead to."""
    terms = len(document["terms"])
    return (
        f"{document['events'] / terms:.1f} events a term ({terms} terms). Calibration slope, validated: "
        f"{metrics['calibration_slope']:.2f} (1 would be no overfitting)."
    )


def _analysis(spec: FitSpec, document: Numbers) -> list[str]:
    lines = [
        f"Method {spec.method}; ties {document['ties']}; ridge penalty {document.get('penalty', 0):g}"
        + (
            f", coefficients times {document['shrinkage']:.3f}: by cross-validated likelihood, in every resample."
            if spec.penalty == "cv"
            else "."
        )
    ]
    if spec.splines:
        lines.append(
            "Restricted cubic splines: "
            + ", ".join(f"{name} ({knots} knots)" for name, knots in spec.splines.items())
            + "."
        )
    return lines


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(
        ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(r) + " |" for r in rows)]
    )


def _terms(terms: Numbers) -> str:
    rows = [
        [name, f"`{one['expression']}`", f"{one['beta']:.5g}", f"{one['standard_error']:.3g}", f"{one['mean']:.5g}"]
        for name, one in terms.items()
    ]
    return _table(["term", "is", "coefficient", "standard error", "mean"], rows)


def _baseline(document: Numbers) -> str:
    if "intercept" in document:
        return f"log T = {document['intercept']:.5g} + terms less their means + {document['scale']:.5g} * error."
    return f"Baseline survival at the horizon, at the means: {document['baseline_survival_at_horizon']:.6f}."


def _schoenfeld(metrics: Numbers) -> str:
    rows = [[one["term"], f"{one['chi_squared']:.2f}", f"{one['p']:.3g}"] for one in metrics["proportional_hazards"]]
    return _table(["term", "χ²", "p"], rows) if rows else ""


SHOWN = {
    "c_index": "Harrell's C", "auc_t": "AUC at the horizon", "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept", "ici": "ICI", "e50": "E50", "e90": "E90", "ibs": "IBS",
    "brier": "Brier",
    "scaled_brier": "scaled Brier (IPA)",
}  # fmt: skip


def _performance(metrics: Numbers) -> str:
    apparent = metrics.get("apparent", {})
    rows = [
        [name, f"{apparent[key]:.4f}" if key in apparent else "", f"{metrics[key]:.4f}"] for key, name in SHOWN.items()
    ]
    low, high = metrics["c_index_ci"]
    said = f"Validation: {metrics['validation']}. C {metrics['c_index']:.3f} ({low:.3f}-{high:.3f}); observed risk "
    said += f"{metrics['observed_risk']:.3f}, predicted {metrics['predicted_risk']:.3f}."
    return said + "\n\n" + _table(["measure", "apparent", "validated"], rows)


def _benefit(metrics: Numbers) -> str:
    rows = [
        [f"{one['threshold']:.0%}", f"{one['net_benefit']:.4f}", f"{one['treat_all']:.4f}", "0"]
        for one in metrics["decision_curve"]
    ]
    return _table(["threshold", "net benefit", "treat all", "treat none"], rows)


def _groups(metrics: Numbers) -> str:
    shown = ("c_index", "calibration_slope", "observed_risk", "predicted_risk")
    rows = [
        [one["group"], one["value"], str(one["n"]), str(one["events_by_horizon"])]
        + [f"{one[key]:.3f}" if key in one else "" for key in shown]
        for one in metrics["subgroups"]
    ]
    return _table(["group", "value", "n", "events", "C", "slope", "observed", "predicted"], rows) if rows else ""


def _code(document: Numbers) -> str:
    code = ", ".join(f"{name} {version}" for name, version in document["code"].items())
    return f"Seed {document['seed']}; {code}. The same data, seed and code give the same coefficients."


def _figure(path: Path, metrics: Numbers, draw: Any) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "wellhouse", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(4, 3.4), layout="constrained")
        draw(figure.subplots(), metrics)
        figure.savefig(path, metadata={"Date": None})


def _calibration(axes: Any, metrics: Numbers) -> None:
    curve = metrics["calibration_curve"]
    predicted, observed = ([one[key] for one in curve] for key in ("predicted", "observed"))
    end = max(*predicted, *observed)
    axes.plot([0, end], [0, end], color="0.7", linestyle="--", label="ideal")
    axes.plot(predicted, observed, marker=".", label="observed, smoothed")
    axes.set(xlabel="predicted risk", ylabel="observed risk")
    axes.legend(frameon=False)


def _decision(axes: Any, metrics: Numbers) -> None:
    curve = metrics["decision_curve"]
    at = [one["threshold"] for one in curve]
    axes.plot(at, [one["net_benefit"] for one in curve], marker=".", label="model")
    axes.plot(at, [one["treat_all"] for one in curve], label="treat all")
    axes.plot(at, np.zeros(len(at)), label="treat none")
    axes.set(xlabel="threshold", ylabel="net benefit")
    axes.legend(frameon=False)
