"""One program in several languages, each built by its own compiler: all print the same, and are measured."""

import json

import pytest
import wasmtime

from tests import languages
