"""Computes PyTorch's functions, forward and by autograd, of the inputs that TestTorchValues wrote into a folder.

jobs.json lists the functions with the files of their arguments and results; a result that PyTorch has no function for is left out.
"""
import json
import sys

import numpy
import torch

F = torch.nn.functional


def gelu_tanh(x):
    return F.gelu(x, approximate="tanh")


def relu_squared(x):
    return torch.square(torch.relu(x))


UNARY = {
    "ReLU": torch.relu, "ReLUSquared": relu_squared, "HardSigmoid": F.hardsigmoid, "HardSwish": F.hardswish,
    "Sigmoid": torch.sigmoid, "SigmoidFast": torch.sigmoid, "Tanh": torch.tanh, "Erf": torch.erf, "GELU": F.gelu,
    "GELUTanh": gelu_tanh, "SiLU": F.silu, "Exp": torch.exp, "Expm1": torch.expm1, "Log": torch.log, "Log1p": torch.log1p,
    "Softplus": F.softplus,
}
SCALED = {
    "LeakyReLU": F.leaky_relu, "ELU": F.elu,
}
# Backwards of dy and x, of dy and y, and of dy, gate and up.
GATED = {"SwiGLU": F.silu, "GEGLU": F.gelu, "GEGLUTanh": gelu_tanh}


def backward(f, dy, *inputs):
    inputs = [x.requires_grad_(True) for x in inputs]
    return torch.autograd.grad(f(*inputs), inputs, dy)


def compute(name, a, scale):
    if name in UNARY:
        return [UNARY[name](a["x"])]
    if name in SCALED:
        return [SCALED[name](a["x"], scale)]
    if name in GATED:
        return [GATED[name](a["gate"]) * a["up"]]
    base = name.removesuffix("Backward")
    if name == "ReLUBackwardOutput":
        return [torch.ops.aten.threshold_backward(a["dy"], a["y"], 0)]
    if name == "SigmoidBackward":
        return [torch.ops.aten.sigmoid_backward(a["dy"], a["y"])]
    if name == "TanhBackward":
        return [torch.ops.aten.tanh_backward(a["dy"], a["y"])]
    if name == base + "Backward" and base in UNARY:
        return backward(UNARY[base], a["dy"], a["x"])
    if name == base + "Backward" and base in SCALED:
        return backward(lambda x: SCALED[base](x, scale), a["dy"], a["x"])
    if name == base + "Backward" and base in GATED:
        return backward(lambda gate, up: GATED[base](gate) * up, a["dy"], a["gate"], a["up"])
    if name == "SigmoidCrossEntropy":
        return [F.binary_cross_entropy_with_logits(a["logits"], a["targets"], reduction="none")]
    if name == "SigmoidCrossEntropyGrad":
        def loss(x):
            return F.binary_cross_entropy_with_logits(x, a["targets"], reduction="sum")
        return backward(loss, torch.tensor(1, dtype=a["logits"].dtype), a["logits"])
    if name == "Softmax":
        return [torch.softmax(a["x"], 1)]
    if name == "LogSoftmax":
        return [torch.log_softmax(a["x"], 1)]
    if name == "LogSumExp":
        return [torch.logsumexp(a["x"], 1)]
    if name == "CrossEntropy":
        return [F.cross_entropy(a["logits"], a["labels"], reduction="none")]
    if name == "CrossEntropyGrad":
        def sum_of_losses(x):
            return F.cross_entropy(x, a["labels"], reduction="sum")
        return backward(sum_of_losses, torch.tensor(1, dtype=a["logits"].dtype), a["logits"])
    return []


def main():
    torch.set_num_threads(1)
    folder = sys.argv[1]
    with open(folder + "/jobs.json") as f:
        jobs = json.load(f)
    for job in jobs:
        args = {}
        for arg, path in job["in"].items():
            kind = numpy.int64 if arg == "labels" else numpy.dtype(job["type"])
            args[arg] = torch.from_numpy(numpy.fromfile(path, dtype=kind))
            if job["classes"] and arg != "labels":
                args[arg] = args[arg].reshape(-1, job["classes"])
        results = compute(job["name"], args, job["scale"])
        for path, y in zip(job["out"], results):
            y.detach().contiguous().numpy().tofile(path)
    capability = [line.split(":")[1].strip() for line in torch.__config__.show().split("\n") if "CPU capability" in line]
    print(torch.__version__, *capability)


main()
