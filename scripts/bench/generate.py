#!/usr/bin/env python3
"""How long two builds take to generate text, in turns A B A B.

    scripts/bench/generate.py OLD NEW [TURNS]

Trains the small GPT of configs/gpt.json and the LSTM of configs/char-lstm.json
for a step, with the context of the spec and with one for all of the text, and
prints the ratio of the least CPU times of 500 tokens on one thread, less those
of none. Both builds must give the same text.
"""
import os
import resource
import subprocess
import sys
import tempfile

LENGTH = 500
MODELS = [
    ("configs/gpt.json", 64, "model.layers.1.max_len"),
    ("configs/gpt.json", 512, "model.layers.1.max_len"),
    ("configs/char-lstm.json", 32, None),
    ("configs/char-lstm.json", 512, None),
]


def seconds(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime -
            before.ru_stime, out)


def generate(build, checkpoint, length):
    return seconds([build, "predict", checkpoint, "--prompt", "the ",
                    "--length", str(length), "--threads", "1"])


def compare(builds, checkpoint, turns):
    least, texts = {}, set()
    for _ in range(turns):
        for build in builds:
            for length in (0, LENGTH):
                time, text = generate(build, checkpoint, length)
                key = build, length
                least[key] = min(least.get(key, time), time)
            texts.add(text)
    if len(texts) != 1:
        sys.exit("the builds give different texts")
    return [least[b, LENGTH] - least[b, 0] for b in builds]


def main():
    builds = [os.path.abspath(path) for path in sys.argv[1:3]]
    turns = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    with tempfile.TemporaryDirectory() as folder:
        for spec, context, max_len in MODELS:
            checkpoint = os.path.join(folder, "model.mtc")
            edits = ["data.seq_len=%d" % context, "data.batch_size=1",
                     "data.val_split=0",
                     "train.checkpoint.every_epochs=0"]
            edits += ["%s=%d" % (max_len, context)] if max_len else []
            subprocess.run([builds[0], "train", "-q", "-f", spec,
                            "-o", checkpoint, "train.steps=1"] + edits,
                           check=True)
            old, new = compare(builds, checkpoint, turns)
            print("%-24s context %4d: %6.3f s, %6.3f s, ratio %.1f" %
                  (spec, context, old, new, old / new))


if __name__ == "__main__":
    main()
