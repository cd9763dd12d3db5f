"""Hypothesis strategies that several tests share."""

import json
import re

from hypothesis import strategies as st

metrics = st.sampled_from(["density", "recall", "phase"])
numbers = (
    st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
    | st.integers(-1000, 1000)
    | st.booleans()
)
values = (
    numbers
    | st.sampled_from(["NaN", "Infinity", "-Infinity", "text", "1.5", None])
    | st.lists(numbers | st.just("NaN"), max_size=3)
)
metadata = st.fixed_dictionaries(
    {},
    optional={
        "layer": st.integers(0, 2) | st.sampled_from(["0", "a", None, True, 1.0]),
        "step": st.integers(0, 3),
        "nested": st.fixed_dictionaries({"inner": st.integers(0, 1)}),
    },
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """A whole event line, without its end, as some logger writes it."""
    second = draw(st.integers(0, 59))
    fields = {
        "timestamp": f"2026-11-23T08:00:{second:02d}.000000Z",
        "metric": draw(metrics),
        "value": draw(values),
        "metadata": draw(metadata),
        "location": draw(st.sampled_from(["a.f", "b.C.g"])),
    }
    return json.dumps(fields, separators=(",", ":")).encode()


DAMAGES = {
    "cut": lambda line: line[: len(line) // 2],
    "not an object": lambda _: b"[1,2]",
    "garbage": lambda _: b"garbage",
    "nul": lambda line: line + b"\0",
    "bad utf-8": lambda line: line.replace(b'"location":"', b'"location":"\xff'),
    "no value": lambda line: line.replace(b'"value"', b'"valu"'),
    "no metric": lambda line: line.replace(b'"metric"', b'"metri"'),
    "metric is a number": lambda line: line.replace(b'"metric":"', b'"metric":3,"m":"'),
    "metadata is a list": lambda line: line.replace(b'"metadata":{', b'"metadata":[1],"m":{'),
    "bad time": lambda line: line.replace(b"2026", b"soon"),
    "year 0": lambda line: line.replace(b"2026", b"0000"),
    "an offset": lambda line: line.replace(b'Z"', b'+02:00"'),
    "nanoseconds": lambda line: line.replace(b'Z"', b'123Z"'),
    "duplicate key": lambda line: line[:-1] + b',"value":7}',
    "duplicate metadata": lambda line: line.replace(
        b'"metadata":{', b'"metadata":{"layer":8,"layer":9,"x":{"layer":7},"layer":1,'
    ).replace(b",}", b"}"),
    "a number spelled otherwise": lambda line: re.sub(
        rb'"(layer|inner|value)":(\d+)', rb'"\1":\g<2>0e-1', line
    ),
    "a list spelled otherwise": lambda line: line.replace(
        b'"metadata":{', b'"metadata":{"text":[1.0, 2e0,{"a":-0}],'
    ).replace(b",}", b"}"),
    "a list spelled usually": lambda line: line.replace(
        b'"metadata":{', b'"metadata":{"text":[1,2,{"a":0}],'
    ).replace(b",}", b"}"),
    "an escape": lambda line: line.replace(
        b'"metadata":{', rb'"metadata":{"text":"\u0061",'
    ).replace(b",}", b"}"),
    "no escape": lambda line: line.replace(b'"metadata":{', b'"metadata":{"text":"a",').replace(
        b",}", b"}"
    ),
    "a whole number beyond doubles": lambda line: re.sub(
        rb'"layer":\d+', b'"layer":18446744073709551617', line
    ),
    "old name": lambda line: line.replace(b'"metric"', b'"metric_enum"'),
    "bare NaN": lambda line: line.replace(b'"value":', b'"value":NaN,"v":'),
    "beyond a double": lambda line: line.replace(b'"value":', b'"value":1e999,"v":'),
    "lone surrogate": lambda line: line.replace(b'"value":', rb'"value":"\ud800","v":'),
    "byte order mark": lambda line: b"\xef\xbb\xbf" + line,
    "carriage return": lambda line: line + b"\r",
    "two in one": lambda line: line + line,
    "blank": lambda _: b"   ",
    "no metadata": lambda line: line.replace(b'"metadata"', b'"meta"'),
    "null metadata": lambda line: line.replace(b'"metadata":', b'"metadata":null,"m":'),
    "no location": lambda line: line.replace(b'"location"', b'"loc"'),
    "further keys": lambda line: line[:-1] + b',"rank":5,"extra":[1]}',
}
"""Ways in which a line is not what the logger writes."""

damaged_lines = st.builds(
    lambda line, kind: DAMAGES[kind](line), lines(), st.sampled_from(sorted(DAMAGES))
)
