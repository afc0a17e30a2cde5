"""results.schema.json: the JSON Schema (draft 2020-12) of results.json, generated from its types."""

from __future__ import annotations

import json

from pipeline.report.exports.model import Export, Samples
from pipeline.results.json_schema import json_schema
from pipeline.results.model import Results


def render(results: Results, samples: Samples) -> str:
    """The same for all results of one version."""
    return json.dumps(json_schema(), ensure_ascii=False, indent=1) + "\n"


EXPORTS = (Export("results.schema.json", "the JSON Schema of results.json", render),)
