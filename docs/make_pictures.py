"""Make the pictures of the documentation from `sample_logs`: python docs/make_pictures.py [DIR]."""

import sys
from pathlib import Path

from micrometric import plot

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
SWEEP = {"paths": SAMPLES, "assume_tz": "UTC"}
TOPK = {"paths": SAMPLES / "topk_attention"}
PICTURES = {
    "line.svg": SWEEP | {"metrics": "*_output_error", "x": "oracle_top_k", "by": "layer_idx"},
    "heatmap.svg": TOPK | {"metrics": "output_error", "rows": "layer_idx", "cols": "head"},
    "pareto.png": SWEEP
    | {
        "x": "research*density",
        "y": "research*error",
        "pair_by": "oracle_top_k,layer_idx",
        "by": "oracle_top_k",
    },
    "hist.svg": TOPK | {"kind": "hist", "metrics": "recall", "by": "layer_idx"},
    "box.svg": SWEEP | {"kind": "box", "metrics": "*_output_error", "by": "layer_idx"},
}


def main(directory: Path) -> None:
    """Write all pictures into a directory."""
    for name, options in PICTURES.items():
        plot(**options).save(directory / name, force=True)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or [Path(__file__).parent / "pictures"]))
