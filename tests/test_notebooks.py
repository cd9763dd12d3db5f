"""Notebooks in a real kernel: the example and the cells of the page, and what they show."""

from pathlib import Path
from typing import Any

import nbclient
import nbformat

from tests.pages import blocks

EXAMPLE = Path("examples/notebook.ipynb")


def executed(notebook: Any, folder: Path) -> list[dict[str, Any]]:
    """Run a notebook in a folder, and return what its cells show, by the type of the data."""
    client = nbclient.NotebookClient(
        notebook, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert all(output.output_type != "stream" for output in outputs), outputs
    return [output.data for output in outputs]


def test_the_example_shows_figures_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "sample_logs").symlink_to(Path("sample_logs").resolve())
    (tmp_path / "examples").mkdir()

    shown = executed(nbformat.read(EXAMPLE, as_version=4), tmp_path / "examples")

    frame, summary, table, comparison, heatmap, pareto, front = shown
    assert "research_attention_density" in frame["text/html"]
    assert "<td>0.178646</td>" in summary["text/html"]
    assert "<td>0.701</td>" in table["text/html"]
    assert "higher" in comparison["text/html"]
    assert "<svg" in heatmap["text/html"]
    assert "0.654" in heatmap["text/html"]
    assert "Pareto front: 3 of 18 pairs" in pareto["text/html"]
    assert front["text/plain"] == "[(8, 1), (32, 1), (128, 1)]"


def test_the_example_is_kept_without_outputs() -> None:
    notebook = nbformat.read(EXAMPLE, as_version=4)

    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert EXAMPLE.stat().st_size < 10_000


def test_the_cells_of_the_page_run_in_one_notebook(tmp_path: Path) -> None:
    page = blocks(Path("docs/how-to/notebooks.md"))
    (tmp_path / "sample_logs").symlink_to(Path("sample_logs").resolve())
    cells = [nbformat.v4.new_code_cell(block.text) for block in page if block.note == "cell"]

    summary, heatmap, accuracy, *pictures = executed(
        nbformat.v4.new_notebook(cells=cells), tmp_path
    )

    (text,) = [block.text for block in page if block.language == "text"]
    assert summary["text/plain"] == text.removesuffix("\n")
    assert "layer_idx" in heatmap["text/html"]
    assert accuracy["text/plain"].startswith("step\n22")
    assert len(pictures) == 2  # the last was drawn in place of the one before
    assert all("lr=0.05" in picture["text/html"] for picture in pictures)
