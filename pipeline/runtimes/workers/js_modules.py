"""CommonJS modules of this folder as one expression, for engines that have no such thing."""

import os

#: Each after those that it requires; all of them run guests.
GUEST = ("wasi_files.js", "wasi_calls.js", "wasi.js", "guest.js")
_MODULE = "modules['./%s'] = (() => { const module = {}; %s; return module.exports; })();"
_TOGETHER = "(() => { const modules = {}, require = (name) => modules[name]; %s return modules['./%s']; })()"


def together(*names: str) -> str:
    """What the last of these exports."""
    return _TOGETHER % ("".join(map(_module, names)), names[-1])


def _module(name: str) -> str:
    """The text of a module, as one that can be required."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), name)) as stream:
        return _MODULE % (name, stream.read())
