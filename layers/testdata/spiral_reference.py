"""Trains the book's two-layer spiral network with NumPy and prints inputs, initial weights and losses as JSON.

    python3 spiral_reference.py > spiral_reference.json

Affine - Sigmoid - Affine - softmax with cross-entropy, float64, plain gradient descent, by the formulas and with the sizes and
the learning rate of chapter 1 of "Deep Learning from Scratch 2". Only the order of the samples is drawn differently, by a
generator that is easily written in any language; see shuffle.
"""

import json
import textwrap

import numpy as np

CLASSES, PER_CLASS, HIDDEN, BATCH, EPOCHS, RATE = 3, 100, 10, 30, 300, 1.0


def spiral(random):
    x = np.zeros((CLASSES * PER_CLASS, 2))
    t = np.zeros(CLASSES * PER_CLASS, dtype=int)
    for j in range(CLASSES):
        for i in range(PER_CLASS):
            radius = i / PER_CLASS
            theta = 4.0 * j + 4.0 * radius + 0.2 * random.randn()
            x[PER_CLASS * j + i] = radius * np.sin(theta), radius * np.cos(theta)
            t[PER_CLASS * j + i] = j
    return x.round(6), t


def shuffle(state, n):
    """Fisher-Yates with the 32-bit linear congruential generator of Numerical Recipes, its upper 16 bits."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        state = (1664525 * state + 1013904223) % 2**32
        j = (state >> 16) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return state, order


def main():
    random = np.random.RandomState(1984)
    x, t = spiral(random)
    w1 = (0.01 * random.randn(2, HIDDEN)).round(8)
    b1 = np.zeros(HIDDEN)
    w2 = (0.01 * random.randn(HIDDEN, CLASSES)).round(8)
    b2 = np.zeros(CLASSES)
    start = {"w1": w1.ravel().tolist(), "w2": w2.ravel().tolist()}

    state, losses = 1, []
    for _ in range(EPOCHS):
        state, order = shuffle(state, len(x))
        total = 0.0
        for at in range(0, len(x), BATCH):
            rows = order[at : at + BATCH]
            bx, bt = x[rows], t[rows]

            h = 1 / (1 + np.exp(-(bx @ w1 + b1)))
            score = h @ w2 + b2
            y = np.exp(score - score.max(axis=1, keepdims=True))
            y /= y.sum(axis=1, keepdims=True)
            total += -np.log(y[np.arange(len(bt)), bt]).sum() / len(bt)

            dscore = y.copy()
            dscore[np.arange(len(bt)), bt] -= 1
            dscore /= len(bt)
            dw2, db2 = h.T @ dscore, dscore.sum(axis=0)
            dh = dscore @ w2.T * h * (1 - h)
            dw1, db1 = bx.T @ dh, dh.sum(axis=0)

            w1, b1, w2, b2 = w1 - RATE * dw1, b1 - RATE * db1, w2 - RATE * dw2, b2 - RATE * db2
        losses.append(float(total / (len(x) // BATCH)))

    data = {
        "classes": CLASSES, "hidden": HIDDEN, "batch": BATCH, "rate": RATE, "seed": 1,
        "x": x.ravel().tolist(), "labels": t.tolist(), **start, "losses": losses,
    }
    print(textwrap.fill(json.dumps(data), width=120, break_long_words=False, break_on_hyphens=False))


if __name__ == "__main__":
    main()
