#!/usr/bin/env python3
"""Writes torch_cross_entropy.json: torch.nn.functional.cross_entropy in float64 over a grid of options.

Run it as: python3 testdata/torch_cross_entropy.py (Debian: python3-torch). Inputs come from a linear congruential
generator, which the test in Go has too, as multiples of powers of two, so that they are exact in float32 as well.
Of rows of 1000 classes, every 97th gradient is kept, those at the labels, and the sum of all magnitudes.
"""
import itertools
import json
import os

import torch
import torch.nn.functional as F

STEP = 97


class LCG:
    def __init__(self, seed):
        self.s = seed

    def next(self, n):
        self.s = (self.s * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.s >> 33) % n


def inputs(rows, classes):
    g = LCG(rows * classes)
    x = [[(g.next(4096) - 2048) / 256 for _ in range(classes)] for _ in range(rows)]
    labels = [g.next(classes) for _ in range(rows)]
    weights = [g.next(33) / 16 for _ in range(classes)]
    probs = [[(g.next(4) == 0) * g.next(1024) / 1024 for _ in range(classes)] for _ in range(rows)]
    dloss = [(g.next(64) - 32) / 16 for _ in range(rows)]
    for y in labels:  # zero is tried at other classes
        weights[y] += 1 / 16
    return x, labels, weights, probs, dloss


cases = []
for rows, classes in ((7, 10), (3, 1000)):
    x, labels, weights, probs, dloss = inputs(rows, classes)
    for kind, reduction, weighted, ignore, smoothing in itertools.product(
        ("index", "prob"), ("mean", "sum", "none"), (False, True), ("off", "class", "negative", "all"), (0.0, 0.1, 0.75, 1.0)
    ):
        if kind == "prob" and ignore != "off":
            continue
        z = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        w = torch.tensor(weights, dtype=torch.float64) if weighted else None
        y, index = list(labels), -100
        if ignore == "class":  # a class like any other
            index = labels[1]
        elif ignore == "negative":
            index = -100
            y[0] = -100
        elif ignore == "all":
            index = -1
            y = [-1] * rows
        target = torch.tensor(y) if kind == "index" else torch.tensor(probs, dtype=torch.float64)
        loss = F.cross_entropy(z, target, weight=w, ignore_index=index, reduction=reduction, label_smoothing=smoothing)
        if reduction == "none":
            loss.backward(torch.tensor(dloss, dtype=torch.float64))
            value = loss.detach().tolist()
        else:
            loss.backward(torch.tensor(dloss[0], dtype=torch.float64))
            value = [loss.item()]
        value = [v if v == v else "NaN" for v in value]
        grad, total = z.grad.tolist(), None
        if classes > 100:
            total = [sum(abs(v) for v in row) for row in grad]
            grad = [[row[j] for j in sorted({*range(0, classes, STEP), labels[r]})] for r, row in enumerate(grad)]
        grad = [[v if v == v else "NaN" for v in row] for row in grad]
        case = dict(kind=kind, rows=rows, classes=classes, reduction=reduction, weighted=weighted, ignore=ignore, smoothing=smoothing, value=value, grad=grad)
        if total is not None:
            case["total"] = [v if v == v else "NaN" for v in total]
        cases.append(case)

path = os.path.join(os.path.dirname(__file__), "torch_cross_entropy.json")
with open(path, "w") as f:
    f.write('{"torch": %s, "cases": [\n' % json.dumps(torch.__version__))
    f.write(",\n".join(json.dumps(c, separators=(",", ":")) for c in cases))
    f.write("\n]}\n")
