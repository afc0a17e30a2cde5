"""Types of the values in results.json: each with its bounds, so that reading and the JSON Schema check them.

Bounds are wide: they keep arithmetic on a file that came from a different machine finite.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

#: Refuses a line feed at the end as well, in Python's regular expressions and in those of JSON Schema.
_END = r"$(?!\n)"

Text = Annotated[str, Meta(min_length=1)]
Name = Annotated[
    str, Meta(min_length=1, max_length=400, pattern=rf"^[^/]+{_END}", description="a name in matrix.toml")
]
Place = Annotated[
    str,
    Meta(max_length=1600, pattern=rf"^[^/]+/[^/]+/[^/]+{_END}", description="toolchain/variant/backend"),
]
Label = Annotated[
    str,
    Meta(
        max_length=1600,
        pattern=rf"^[^/]+/[^/]+/[^/]+/[^/]+{_END}",
        description="a cell: workload/toolchain/variant/backend",
    ),
]
Digest = Annotated[str, Meta(pattern=rf"^[0-9a-f]{{64}}{_END}", description="SHA-256 in hexadecimal")]
#: All of one length and in UTC, so that the order of the texts is the order of the times.
Time = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\+00:00{_END}",
        description="UTC",
        extra_json_schema={"format": "date-time"},
    ),
]
#: A speed, or a ratio of two.
Positive = Annotated[float, Meta(ge=1e-9, le=1e12)]
#: The end of an interval of a ratio; stats.estimates limits it to exp(±300), divided by a ratio at most.
Bound = Annotated[float, Meta(ge=1e-152, le=1e152)]
Amount = Annotated[float, Meta(ge=0, le=1e12)]
Seconds = Annotated[float, Meta(ge=0, le=1e12, description="seconds")]
Count = Annotated[int, Meta(ge=0, le=2**62)]
AtLeastOne = Annotated[int, Meta(ge=1, le=2**62)]
Bytes = Annotated[int, Meta(ge=0, le=2**62, description="bytes")]
Probability = Annotated[float, Meta(ge=0, le=1)]

Trend = Literal["none", "rising", "falling"]
Unit = Literal["iterations/s", "runs/s"]
