"""What the bench runs in turns: each side is a process that lives long and is
idle between its turns. A side has turn(seconds), milliseconds of a step (of
sgemm: GFLOP/s), and peak(), MB of resident memory.
"""
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"
PATIENCE = 120  # seconds in which a side must answer


class Trouble(Exception):
    """A side that does not work; the text says which and why."""


class Side:
    def __init__(self, command, env=None):
        self.name = " ".join(command[:3])
        self.errors = tempfile.TemporaryFile()  # a pipe could fill up
        self.process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self.errors)
        self.text = b""

    def line(self):
        """The next line that the process prints, without its end."""
        out = self.process.stdout
        while b"\n" not in self.text:
            if not select.select([out], [], [], PATIENCE)[0]:
                raise Trouble(f"{self.name}: no answer")
            piece = os.read(out.fileno(), 1 << 16)
            if not piece:
                self.errors.seek(0)
                text = self.errors.read().decode().strip()
                raise Trouble(f"{self.name}: ended: {text[-500:]}")
            self.text += piece
        line, self.text = self.text.split(b"\n", 1)
        return line.decode()

    def peak(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmHWM:\s*(\d+)", f.read()).group(1)) / 1024

    def close(self):
        self.process.kill()
        self.process.communicate()
        self.errors.close()


class Running(Side):
    """A process that prints a line after so many steps, over and over, and is
    stopped by SIGSTOP between turns. A turn begins with the first line after it
    goes on, so that all of its steps are warm."""

    def __init__(self, command, steps, before=""):
        super().__init__(command)
        self.steps, self.before = steps, before
        self.line_of_steps()  # what is made once is made now
        self.stop()

    def stop(self):
        os.kill(self.process.pid, signal.SIGSTOP)
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self.process.returncode = os.waitstatus_to_exitcode(status)
            raise Trouble(f"{self.name}: ended with {self.process.returncode}")
        while select.select([self.process.stdout], [], [], 0)[0]:
            os.read(self.process.stdout.fileno(), 1 << 16)
        self.text = b""

    def line_of_steps(self):
        while not self.line().startswith(self.before):
            pass

    def turn(self, seconds):
        os.kill(self.process.pid, signal.SIGCONT)
        self.line()  # perhaps the end of one that was cut
        self.line_of_steps()
        start = now = time.perf_counter()
        lines = 0
        while lines == 0 or now - start < seconds:
            self.line_of_steps()
            now = time.perf_counter()
            lines += 1
        self.stop()
        return (now - start) / (lines * self.steps) * 1e3


class Asked(Side):
    """A process that answers a line of JSON with a line of JSON."""

    def ask(self, question):
        try:
            self.process.stdin.write(json.dumps(question).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # line() says why
        answer = json.loads(self.line())
        if "error" in answer:
            raise Trouble(answer["error"])
        return answer

    def turn(self, seconds):
        return self.ask({"turn": seconds})["value"]


def environment(core):
    """OpenBLAS reads OPENBLAS_CORETYPE when it is loaded: a process each."""
    env = {k: v for k, v in os.environ.items()
           if not k.startswith(("OPENBLAS", "OMP_", "MKL_"))}
    if core:
        env["OPENBLAS_CORETYPE"] = core
    return env


def spec_path(name):
    return os.path.join(HERE, "..", "..", "configs", "bench", name + ".json")


def batch_size(name):
    with open(spec_path(name), encoding="utf-8") as f:
        return json.load(f)["data"]["batch_size"]


def train(mtrain, name, steps, threads, work):
    """`mtrain train`, which prints an event after each epoch of `steps`."""
    return Running(
        [mtrain, "train", spec_path(name), "train.steps=1000000000",
         f"data.samples={steps * batch_size(name)}", "--json", "-q", "-f",
         "--threads", str(threads),
         "-o", os.path.join(work, f"train-{threads}.mtc")],
        steps, '{"event":"epoch"')


def checkpoint(mtrain, name, steps, work):
    """One of a step; its data has `steps` batches."""
    path = os.path.join(work, name + ".mtc")
    subprocess.run(
        [mtrain, "train", spec_path(name), "train.steps=1", "-q", "-f",
         f"data.samples={steps * batch_size(name)}", "-o", path], check=True)
    return path


def evaluate(mtrain, path, steps, threads):
    """bench-eval, beside mtrain: what `mtrain eval` does, over and over."""
    program = os.path.join(os.path.dirname(mtrain), "bench-eval")
    return Running([program, path, str(threads)], steps)


def parameters(mtrain, name):
    out = subprocess.run([mtrain, "check", spec_path(name), "--json"],
                         check=True, stdout=subprocess.PIPE).stdout
    return json.loads(out.splitlines()[-1])["params"]


def torch(kind, name, setting, expected):
    """expected: the number of parameters."""
    side = Asked([PYTHON, os.path.join(HERE, "peer.py"), kind, name,
                  str(setting["threads"])], environment(setting["core"]))
    try:
        n = side.ask({"set": setting})["parameters"]
        if n != expected:
            raise Trouble(f"{name} has {n} parameters in PyTorch, {expected} "
                          "in mtrain")
    except Trouble:
        side.close()
        raise
    return side


def onnxruntime(folder, path, name, threads):
    """ONNX Runtime in node, from a folder that has node_modules."""
    with open(spec_path(name), encoding="utf-8") as f:
        data = json.load(f)["data"]
    tokens = data["task"] == "tokens"
    shape = data["seq_len"] if tokens else data["input"]
    shape = shape if isinstance(shape, list) else [shape]
    dims = ",".join(map(str, [data["batch_size"]] + shape))
    return Asked(["node", os.path.join(HERE, "ort.js"), folder, path,
                  str(threads), dims,
                  "int64" if tokens else "float32"])


def sgemm(core):
    """GFLOP/s of OpenBLAS on one core."""
    return Asked([sys.executable, os.path.join(HERE, "blas.py"), "--turns"],
                 environment(core))
