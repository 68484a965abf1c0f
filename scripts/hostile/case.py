"""How a case is written down."""

MIB = 1 << 20


def case(name, run, says, files=None, exit=2, memory=64 * MIB, lines=1):
    """run: a command line, or a list; says: a regular expression for the
    message; files: name -> bytes, text, or a function of the path that makes
    the file and returns None."""
    return {"name": name, "run": run.split() if isinstance(run, str) else run,
            "says": says, "files": files or {}, "exit": exit,
            "memory": memory, "lines": lines}
