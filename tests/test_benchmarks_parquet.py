"""The benchmark of Parquet runs and tells size and time of what it measured."""

from benchmarks.parquet import main


def test_sizes_and_times_are_told(capsys) -> None:
    assert main(["--events", "2000", "--rounds", "1"]) == 0

    told = capsys.readouterr().out
    assert "for 2,000 events" in told
    assert told.count("by hand") >= 2
    assert told.count("micrometric") >= 2
