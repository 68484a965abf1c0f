"""How a case is written down."""

MIB = 1 << 20


def case(name, run, says, files=None, exit=2, memory=64 * MIB, lines=1):
    """run: a command line, or a list; says: a regular expression for the
    message; files: name -> bytes, text, or a function of the path that makes
    the file and returns None."""
    return {"name": name, "run": run.split() if isinstance(run, str) else run,
            "says": says, "files": files or {}, "exit": exit,
            "memory": memory, "lines": lines}


def filled(*parts):
    """Makes a file of bytes and of (bytes, how many times), piece by piece:
    large files need not be in memory for that."""
    def make(path):
        with open(path, "wb") as f:
            for part in parts:
                piece, times = part if isinstance(part, tuple) else (part, 1)
                step = max(1, MIB // len(piece))
                while times > 0:
                    f.write(piece * min(step, times))
                    times -= step
    return make
