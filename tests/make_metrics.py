#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes tests/golden/metrics.txt: random outputs and targets, and what scikit-learn finds: make_metrics.py

Takes NumPy and scikit-learn (pip install scikit-learn; the file was made with 1.9). A case is a line "case NET SAMPLES OUTPUTS TARGETS", lines "x" and "t" with
the values of all samples, lines "NAME VALUE", and "end". The net's output is its input. The calibration error, which scikit-learn lacks,
is computed here.
"""

import pathlib
import warnings

import numpy as np
import sklearn.metrics as sk

TOP_K, BINS = 2, 10


def softmax(x):
    p = np.exp(x - x.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def calibration_error(confidence, right):
    edges, error = np.linspace(0, 1, BINS + 1), 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            error += abs(right[inside].mean() - confidence[inside].mean()) * inside.mean()
    return error


def each(name, values):
    return {f"{name}[{i}]": value for i, value in enumerate(values)}


def of_counts(t, y, labels):
    measures = zip(("precision_each", "recall_each", "f1_each", "support"),
                   sk.precision_recall_fscore_support(t, y, labels=labels, zero_division=0))
    found = {name: value for measure in measures for name, value in each(*measure).items()}
    for name, function in (("precision", sk.precision_score), ("recall", sk.recall_score), ("f1", sk.f1_score)):
        found[f"{name}_macro"] = function(t, y, labels=labels, average="macro", zero_division=0)
        found[name] = function(t, y, zero_division=0) if len(labels) == 2 and t.ndim == 1 else found[f"{name}_macro"]
    return found


def area(t, p):
    return sk.roc_auc_score(t, p) if 0 < t.sum() < len(t) else np.nan


def of_classes(x, t):
    classes = list(range(x.shape[1]))
    y, p = x.argmax(axis=1), softmax(x)
    areas = [area(t == c, p[:, c]) for c in classes]
    found = {"accuracy": sk.accuracy_score(t, y), **of_counts(t, y, classes), "matthews_correlation": sk.matthews_corrcoef(t, y),
             **each("auc_each", areas), "auc": np.nanmean(areas), "calibration_error": calibration_error(p.max(axis=1), y == t)}
    if len(classes) > 2 and all(len(set(row)) == len(row) for row in x):  # equal scores have no order
        found["top_k_accuracy"] = sk.top_k_accuracy_score(t, x, k=TOP_K, labels=classes)
    table = sk.confusion_matrix(t, y, labels=classes)
    found.update({f"confusion[{i},{k}]": table[i, k] for i in classes for k in classes})
    for c in classes:
        if not np.isnan(areas[c]):
            false, true, _ = sk.roc_curve(t == c, p[:, c], drop_intermediate=False)
            for i in (0, 13, 50, 99, 100):
                there = np.isclose(false, i / 100, atol=1e-12)
                found[f"roc[{c},{i}]"] = true[there].max() if there.any() else np.interp(i / 100, false, true)
    return found


def of_labels(x, t):
    y, p = (x > 0).astype(int), 1 / (1 + np.exp(-x))
    confidence = np.where(x > 0, p, 1 - p)
    found = {"accuracy": (y == t).mean(), "calibration_error": calibration_error(confidence.ravel(), (y == t).ravel())}
    if x.shape[1] == 1:
        found.update({**of_counts(t[:, 0], y[:, 0], [0, 1]), "matthews_correlation": sk.matthews_corrcoef(t[:, 0], y[:, 0]),
                      "auc": area(t[:, 0], p[:, 0])})
        return found
    labels = range(x.shape[1])
    areas = [area(t[:, k], p[:, k]) for k in labels]
    found.update({**of_counts(t, y, list(labels)), "subset_accuracy": sk.accuracy_score(t, y), **each("auc_each", areas), "auc": np.nanmean(areas)})
    for k, table in enumerate(sk.multilabel_confusion_matrix(t, y)):
        found.update({f"confusion[{k},{i}]": value for i, value in enumerate(table.ravel())})
    return found


def of_values(x, t):
    return {"mae": sk.mean_absolute_error(t, x), "rmse": np.sqrt(((t - x) ** 2).mean(axis=0)).mean(), "r2": sk.r2_score(t, x)}


def write_case(file, loss, measure, x, t):
    x, t = x.astype(np.float32), t.astype(np.float32)
    targets = t if loss in ("mse", "bce_with_logits") else t[:, 0]
    wide = x.astype(float), targets.astype(float if loss == "mse" else int)
    print("case", loss, *x.shape, t.shape[1], file=file)
    for name, values in ("x", x), ("t", t):
        print(name, *(f"{value:.9g}" for value in values.ravel()), file=file)
    for name, value in measure(*wide).items():
        print(name, repr(float(value)), file=file)
    print("end", file=file)


def main():
    warnings.simplefilter("ignore")
    draw = np.random.default_rng(2)
    with open(pathlib.Path(__file__).parent / "golden" / "metrics.txt", "w", encoding="utf-8") as file:
        for loss in "cross_entropy", "nll":
            for classes, n, digits in ((2, 7, 6), (2, 40, 1), (3, 40, 1), (4, 60, 6), (6, 5, 6)):
                t = draw.integers(0, classes - (n == 40 and classes > 2), (n, 1))
                write_case(file, loss, of_classes, draw.normal(size=(n, classes)).round(digits), t)
        for outputs, n in ((1, 5), (1, 50), (4, 30)):
            write_case(file, "bce_with_logits", of_labels, draw.normal(size=(n, outputs)).round(1), draw.integers(0, 2, (n, outputs)))
        for outputs, n, right in ((1, 6, False), (3, 30, False), (2, 5, True)):
            values = draw.normal(size=(n, outputs))
            values[:, -1] = 2 if outputs > 1 else values[:, -1]
            write_case(file, "mse", of_values, values if right else draw.normal(size=(n, outputs)), values)


main()
