"""A minute of pruning under a program that writes and one that follows."""

from tests.test_pruning import prune_under_way


def test_for_a_minute_only_what_is_closed_goes(tmp_path):
    prune_under_way(tmp_path / "logs", 60)
