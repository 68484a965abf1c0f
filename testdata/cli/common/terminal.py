"""A terminal for the cases: runs a program behind a pseudo-terminal and keeps
what its screen would show.

    t = Terminal(["mtrain", "train", ...], columns=80)
    t.wait_for(lambda: "%" in t.live())
    t.resize(40)
    t.end()
    t.lines, t.bytes, t.status
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

ESCAPE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])")
PART = re.compile(rb"(\x1b(\[[0-9;?]*)?)?\Z")


class Terminal:
    def __init__(self, argv, columns=80, env=None, stdout=None):
        self.columns = columns
        self.bytes = b""       # all that was written
        self.rest = b""        # the start of an escape that is not whole yet
        self.draws = 0         # how often the live line was drawn or cleared
        self.widest = 0        # the longest live line, beside the columns then
        self.lines = [""]      # logical lines; the last one has the cursor
        self.status = None
        self.started = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update({"TERM": "xterm", "LC_ALL": "C"})
            os.environ.pop("NO_COLOR", None)
            os.environ.update(env or {})
            if stdout:
                os.dup2(os.open(stdout, os.O_WRONLY | os.O_CREAT), 1)
            # the size is there before the program looks
            fcntl.ioctl(2, termios.TIOCSWINSZ,
                        struct.pack("HHHH", 24, columns, 0, 0))
            os.execvp(argv[0], argv)

    def resize(self, columns):
        self.read(0)
        self.columns = columns
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))

    def signal(self, number):
        os.kill(self.pid, number)

    def live(self):
        """The line with the cursor: what is not finished by a newline."""
        return self.lines[-1]

    def read(self, seconds):
        """False at the end."""
        while select.select([self.fd], [], [], seconds)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError:
                return False
            if not piece:
                return False
            self.bytes += piece
            piece = self.rest + piece
            self.rest = PART.search(piece)[0]
            self.feed(piece[:len(piece) - len(self.rest)].decode())
            seconds = 0
        return True

    def feed(self, text):
        """Lines that the terminal broke are one line here: moving up goes to
        the start of the broken line."""
        at = 0
        for c in re.split(r"(\x1b\[[0-9;?]*[A-Za-z]|\r|\n)", text):
            escape = ESCAPE.fullmatch(c)
            if c == "\n":
                self.lines.append("")
            elif c == "\r" or (escape and escape[2] == "A"):
                at = 0
            elif escape and escape[2] in "KJ":
                self.draws += 1
                self.lines[-1] = self.lines[-1][:at]
            elif not escape and c:
                self.lines[-1] += c
                at = len(self.lines[-1])
        if "%" in self.live():
            self.widest = max(self.widest, len(self.live()))

    def wait_for(self, what):
        until = time.monotonic() + 20
        while not what():
            if time.monotonic() > until or not self.read(0.05):
                raise SystemExit(f"it did not come: {self.bytes[-400:]}")

    def end(self):
        while self.read(1):
            pass
        self.seconds = time.monotonic() - self.started
        code = os.waitpid(self.pid, 0)[1]
        self.status = os.waitstatus_to_exitcode(code)
        return self


def endless(out, *more):
    """A run that goes on until it is stopped."""
    return [os.environ["MTRAIN"], "train", "blobs.json", "--threads", "1",
            "data.batch_size=1", "optimizer.lr=0.001", "train.epochs=10000000",
            "train.checkpoint.every_epochs=0", "-o", out, *more]


def stop(t, number=signal.SIGINT):
    t.signal(number)
    return t.end()


def has_bar(line):
    return re.search(r"\[[#.]+\]|\d+%|steps/s", line) is not None
