"""What the attacks share: a folder to run in, runs, and a count at the end."""

import concurrent.futures
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.normpath(os.path.join(HERE, "..", "..", "testdata", "data"))
AT_A_TIME = 2
SECONDS = 120

SPEC = {
    "model": {"layers": [
        {"name": "fc1", "type": "Linear", "out_features": 4},
        {"type": "BatchNorm1d", "name": "bn"},
        {"type": "Dropout", "p": 0.1},
        {"name": "fc2", "type": "Linear", "out_features": "auto"}]},
    "loss": {"type": "CrossEntropyLoss"},
    "optimizer": {"type": "Adam", "lr": 0.01},
    "data": {"type": "csv", "train": "data/blobs.csv", "val_split": 0.25,
             "batch_size": 32},
    "train": {"epochs": 2, "seed": 1, "checkpoint": {"every_epochs": 1}},
}


def write_spec(folder, name="spec.json", **train):
    spec = json.loads(json.dumps(SPEC))
    spec["train"].update(train)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
        json.dump(spec, f)


def new_folder():
    folder = tempfile.mkdtemp(prefix="mtrain-torture-")
    os.symlink(DATA, os.path.join(folder, "data"))
    return folder


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)


class Build:
    """The program under attack, and what is preloaded under it."""

    def __init__(self, folder):
        self.mtrain = os.path.abspath(os.path.join(folder, "mtrain"))
        self.shims = os.path.abspath(os.path.join(folder, "torture"))
        if not os.access(self.mtrain, os.X_OK):
            sys.exit(f"{self.mtrain}: no such program")

    def env(self, shim=None, **variables):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith(("TORTURE_", "LC_", "LD_PRELOAD"))}
        env["LC_ALL"] = "C"
        if shim:
            env["LD_PRELOAD"] = os.path.join(self.shims, shim + ".so")
        env.update(variables)
        return env

    def start(self, folder, args, **env):
        return subprocess.Popen([self.mtrain] + args, cwd=folder,
                                env=self.env(**env), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                errors="backslashreplace")

    def run(self, folder, args, **env):
        """Exit code (negative: the signal), output, messages."""
        process = self.start(folder, args, **env)
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return None, "", "it hangs"
        return process.returncode, out, err

    def must(self, folder, args, **env):
        code, out, err = self.run(folder, args, **env)
        if code != 0:
            sys.exit(f"mtrain {' '.join(args)}: exit {code}: {err}")
        return out


def digest(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def states(folder):
    """The checkpoints and state files of a folder: name -> SHA-256."""
    return {name: digest(os.path.join(folder, name))
            for name in sorted(os.listdir(folder))
            if name.endswith((".mtc", ".safetensors")) and name[0] != "."}


def leftovers(folder):
    return [name for name in os.listdir(folder) if ".mtrain-" in name]


def killed(code):
    return code == -signal.SIGKILL


def attack(cases, jobs=AT_A_TIME):
    """Runs each (name, function); a function returns what is wrong, a text,
    or None. Prints the failures and the count; returns the exit code."""
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = [(name, pool.submit(case)) for name, case in cases]
        for name, job in running:
            told = job.result()
            if told:
                failed += 1
                print(f"failed {name}: {told}", flush=True)
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def arguments(doc, names=()):
    """BUILD, whether it is to be short, and which of the names are wanted:
    those that are given, or all."""
    args = [a for a in sys.argv[1:] if a != "--short"]
    if not args or any(a.startswith("-") for a in args) or \
            not set(args[1:]) <= set(names):
        sys.exit(doc.strip())
    return Build(args[0]), "--short" in sys.argv, args[1:] or list(names)
