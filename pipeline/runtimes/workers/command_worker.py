"""Runs a module by a command: the options' ``argv``, with the module's path for "{artifact}" and the guest's
arguments for the word "{args}".

For "{files}" stands the path of a folder with the guest's files: a copy, for commands may let a guest write.
A guest without files gets no word with that, nor the flag before a word that is none itself. The word with
"{env}", with such a flag, is given once for each variable, as NAME=VALUE.

Each run is a process of its own. What name the guest sees as its argv[0] is the command's affair, and so is
how it tells of a trap: all that is seen from here is an exit status.
"""

import os
import shutil
from typing import List, Tuple

import inputs
import scratch
import serve
from no_terminal import without_terminal
from spawn import spawn


def load(path: str, options: serve.Facts) -> Tuple[serve.Run, serve.Facts]:
    if "clock" in options:
        raise serve.Unavailable("a command runs WASI commands only: it cannot give the module env.clock_ms")
    argv = options["argv"]
    program = shutil.which(argv[0])
    if program is None:
        raise serve.Refused("there is no %s on PATH" % argv[0])
    copy = None
    if "files" not in options:
        argv = _replaced(argv, "{files}", [])
    elif any("{files}" in word for word in argv):
        copy = inputs.Copy(options["files"])
        argv = [word.replace("{files}", copy.path) for word in argv]
    else:
        reason = "this command gives no files to its guest: no word of its argv has {files} in it"
        raise serve.Unavailable(reason)
    variables = ["%s=%s" % item for item in options.get("env", {}).items()]
    if variables and not any("{env}" in word for word in argv):
        reason = "this command gives no environment to its guest: no word of its argv has {env} in it"
        raise serve.Unavailable(reason)
    home = scratch.lasting_folder()  # for what runtimes keep, such as compiled modules
    artifact = _without_terminal(path, home)
    at = argv.index("{args}")
    words = [word.replace("{artifact}", artifact) for word in argv]
    # Last, for a value may look like one of the other signs.
    before, after = (_replaced(part, "{env}", variables) for part in (words[:at], words[at + 1 :]))
    # Nothing else: what runs here must not depend on who runs it.
    environment = {"HOME": home, "PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}

    def run(request: serve.Facts) -> serve.Facts:
        if copy:
            copy.restore()
        command = before + request["argv"][1:] + after
        return spawn(program, command, environment, request.get("watch", False))

    # It proves nothing: a command is not to be asked what it compiled, or with what.
    return run, {"compile_seconds": None, "code_bytes": None, "version": None, "proof": {}}


def _without_terminal(path: str, folder: str) -> str:
    """A copy of the module to which nothing is a terminal: its output goes to a file."""
    try:
        with open(path, "rb") as stream:
            data = stream.read()
    except OSError:  # the command will say so
        return path
    made = without_terminal(data)
    if made == data:
        return path
    copy = os.path.join(folder, os.path.basename(path))  # some show the name to the guest
    with open(copy, "wb") as stream:
        stream.write(made)
    return copy


def _replaced(argv: List[str], sign: str, values: List[str]) -> List[str]:
    """With a word that has the sign, and the flag that belongs to it, once for each value."""
    kept = []  # type: List[str]
    for word in argv:
        if sign not in word:
            kept.append(word)
            continue
        flag = [kept.pop()] if not word.startswith("-") and kept[-1].startswith("-") else []
        for value in values:
            kept += [*flag, word.replace(sign, value)]
    return kept


if __name__ == "__main__":
    serve.serve(load)
