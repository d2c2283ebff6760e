"""Times PyTorch's operators on one thread, on preallocated outputs, as compare asks for it, line by line, over pipes.

The times are taken here, around the loop over the operator, so that the pipe costs nothing.
"""
import json
import os
import sys
import time

import numpy
import torch

# The overloads by name: looking them up at each call would cost microseconds. The others have bindings of their own.
threshold_backward = torch.ops.aten.threshold_backward.grad_input
sigmoid_backward = torch.ops.aten.sigmoid_backward.grad_input
nll_loss_forward = torch.ops.aten.nll_loss_forward.output
nll_loss_backward = torch.ops.aten.nll_loss_backward.grad_input


# Operators of one input and an output, and backwards of dy and x.
aten = torch.ops.aten
UNARY = {
    "Sigmoid": torch.sigmoid, "SigmoidFast": torch.sigmoid, "Tanh": torch.tanh,
    "Exp": torch.exp, "Expm1": torch.expm1, "Log": torch.log, "Log1p": torch.log1p, "Erf": torch.erf,
    "SiLU": aten.silu.out, "GELU": aten.gelu.out, "Softplus": aten.softplus.out,
    "GELUTanh": lambda x, out: aten.gelu.out(x, approximate="tanh", out=out),
    "HardSigmoid": aten.hardsigmoid.out, "HardSwish": aten.hardswish.out,
}
# PyTorch's gradient of hardsigmoid is left out: in float64 it has 1/6 rounded to float32.
BACKWARD = {
    "SiLUBackward": aten.silu_backward.grad_input,
    "GELUBackward": aten.gelu_backward.grad_input,
    "GELUTanhBackward": lambda dy, x, grad_input:
        aten.gelu_backward.grad_input(dy, x, approximate="tanh", grad_input=grad_input),
    "SoftplusBackward": lambda dy, x, grad_input:
        aten.softplus_backward.grad_input(dy, x, 1, 20, grad_input=grad_input),
}


def prepare(job):
    dtype = torch.float64 if job["type"] == "float64" else torch.float32
    kind = numpy.float64 if job["type"] == "float64" else numpy.float32
    shape = (job["rows"], job["classes"]) if job["isrows"] else (job["n"],)

    def load(name):
        path = job["files"].get(name)
        return torch.from_numpy(numpy.fromfile(path, dtype=kind).reshape(shape)) if path else None

    x, y, dy = load("x"), load("y"), load("dy")
    out = torch.empty(shape, dtype=dtype)
    kernel = job["kernel"]
    losses = None
    if kernel == "ReLU":
        def f():
            torch.clamp_min(x, 0, out=out)
    elif kernel == "ReLUMask":
        mask = torch.empty(shape, dtype=torch.bool)

        def f():
            torch.le(x, 0, out=mask)
            torch.clamp_min(x, 0, out=out)
    elif kernel == "ReLUBackward":
        def f():
            threshold_backward(dy, x, 0, grad_input=out)
    elif kernel in UNARY:
        op = UNARY[kernel]

        def f():
            op(x, out=out)
    elif kernel in BACKWARD:
        op = BACKWARD[kernel]

        def f():
            op(dy, x, grad_input=out)
    elif kernel == "SigmoidBackward":
        def f():
            sigmoid_backward(dy, y, grad_input=out)
    elif kernel == "LeakyReLU":
        def f():
            aten.leaky_relu.out(x, job["scale"], out=out)
    elif kernel == "ELU":
        def f():
            aten.elu.out(x, job["scale"], out=out)
    elif kernel == "LogSoftmax":
        def f():
            torch._log_softmax(x, 1, False, out=out)
    elif kernel == "SwiGLU":
        gate, up = load("gate"), load("up")

        def f():
            aten.silu.out(gate, out=out)
            torch.mul(out, up, out=out)
    elif kernel == "Softmax":
        def f():
            torch._softmax(x, 1, False, out=out)
    elif kernel == "CrossEntropyGrad":
        labels = torch.from_numpy(numpy.fromfile(job["files"]["labels"], dtype=numpy.int64))
        logp, grad = torch.empty(shape, dtype=dtype), torch.empty(shape, dtype=dtype)
        losses = torch.empty(shape[0], dtype=dtype)
        weight = torch.zeros((), dtype=dtype)  # total_weight
        dloss = torch.full((shape[0],), job["scale"], dtype=dtype)

        def f():
            torch._log_softmax(x, 1, False, out=logp)
            nll_loss_forward(logp, labels, None, 0, -100, output=losses, total_weight=weight)
            nll_loss_backward(dloss, logp, labels, None, 0, -100, weight, grad_input=grad)
            torch._log_softmax_backward_data(grad, logp, 1, dtype, out=out)
    else:
        return None
    return f, out, losses


def main():
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    os.sched_setaffinity(0, {int(sys.argv[1])})
    capability = [line.split(":")[1].strip() for line in torch.__config__.show().split("\n") if "CPU capability" in line]
    reply = {"version": torch.__version__, "capability": capability[0] if capability else "unknown"}
    jobs = {}
    while True:
        print(json.dumps(reply), flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        reply = {}
        try:
            if request["do"] == "prepare":
                job = prepare(request)
                reply["ok"] = job is not None
                if job:
                    jobs[request["id"]] = job
            elif request["do"] == "run":
                f = jobs[request["id"]][0]
                reps = range(request["reps"])
                start = time.perf_counter_ns()
                for _ in reps:
                    f()
                reply["ns"] = time.perf_counter_ns() - start
            elif request["do"] == "fetch":
                _, out, losses = jobs[request["id"]]
                out.numpy().tofile(request["dst"])
                if losses is not None:
                    losses.numpy().tofile(request["losses"])
            elif request["do"] == "free":
                jobs.pop(request["id"], None)
        except Exception as e:  # the reply carries it; compare decides what to do
            reply["error"] = repr(e)


main()
