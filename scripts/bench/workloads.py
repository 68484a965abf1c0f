"""The workloads of configs/bench: their FLOPs, and how turns cut them."""


def dense(batch, *sizes):
    """(FLOPs forward, whether the input has a gradient) of Linear layers."""
    return [(2 * batch * a * b, i > 0)
            for i, (a, b) in enumerate(zip(sizes, sizes[1:]))]


def conv(batch, c_in, c_out, size, kernel=3, first=False):
    """size: of the output; kernel 3 or 1."""
    return [(2 * batch * c_in * c_out * size * size * kernel * kernel,
             not first)]


def cnn(batch):
    return (conv(batch, 1, 32, 26, first=True) + conv(batch, 32, 64, 24)
            + [(2 * batch * (9216 * 128 + 128 * 10), True)])


def resnet20(batch):
    parts = conv(batch, 3, 16, 32, first=True)
    for c_in, c, size in ((16, 16, 32), (16, 32, 16), (32, 64, 8)):
        parts += conv(batch, c_in, c, size) + 5 * conv(batch, c, c, size)
        if c_in != c:
            parts += conv(batch, c_in, c, size, kernel=1)
    return parts + [(2 * batch * 64 * 10, True)]


def gpt(batch, steps, d=128, layers=4, vocab=65):
    """12 d^2 weights a layer; the causal half of the scores and contexts."""
    a_token = layers * (12 * d * d + steps * d) + d * vocab
    return [(2 * batch * steps * a_token, True)]


def lstm(batch, steps, embed=64, hidden=256, vocab=65):
    a_token = 4 * hidden * (embed + 3 * hidden) + hidden * vocab
    return [(2 * batch * steps * a_token, True)]


class Workload:
    """epoch: steps between two lines of mtrain, some 5 to 100 ms; target: the
    ratio of training that is aimed at; planes: whether layouts of images
    matter."""

    def __init__(self, parts, epoch, target, planes=False):
        self.flops = {
            "train": sum(n * (3 if grad else 2) for n, grad in parts),
            "eval": sum(n for n, _ in parts)}
        self.epoch, self.target, self.planes = epoch, target, planes


WORKLOADS = {
    "tiny": Workload([], 20000, 200),
    "mlp": Workload(dense(64, 784, 256, 128, 10), 100, 4),
    "mlp-big": Workload(dense(256, 784, 2048, 2048, 10), 4, 2),
    "cnn": Workload(cnn(64), 4, 2.5, True),
    "resnet20": Workload(resnet20(128), 1, 1.5, True),
    "lstm": Workload(lstm(32, 64), 4, 2.8),
    "gpt": Workload(gpt(16, 128), 2, 2.3),
    "gpt-small": Workload(gpt(12, 64), 8, 2.3),
}
