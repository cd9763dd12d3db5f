"""Keys that are spelled in several ways: DuckDB groups by their text, which we have only one of.

To look at the keys of groups costs nothing, to look at those of all events does. So only where two
groups turn out to be one, the question is put again, with a table of their spellings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from micrometric.columns import Request
from micrometric.spelling import respelled

if TYPE_CHECKING:
    import duckdb

TABLE = "spellings"
"""Has texts as `spelled_many`, and what stands for each as `spelled_one`."""


class Spellings:
    """Texts that are other spellings of one that occurs too.

    Args:
        connection: gets the table, once there are any.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._known: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._known)

    def of_groups(
        self, rows: list[dict[str, Any]], request: Request
    ) -> list[dict[str, Any]] | None:
        """Return rows whose keys are spelled as groups are; None where two of them are one group.

        After None, the same question gives one row for those.
        """
        known = len(self._known)
        for key in request.groups:
            column = request.text_column(key)
            if key.is_json and rows and column in rows[0]:
                self._respell(rows, column)
        if len(self._known) == known:
            return rows
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT "
            "unnest(?::VARCHAR[]) AS spelled_many, unnest(?::VARCHAR[]) AS spelled_one",
            [[*self._known], [*self._known.values()]],
        )
        return None

    def _respell(self, rows: list[dict[str, Any]], column: str) -> None:
        called = {text: respelled(text) for text in {row[column] for row in rows} - {None}}
        texts: dict[str, list[str]] = {}
        for text, one in called.items():
            texts.setdefault(one, []).append(text)
        for one, many in texts.items():
            if len(many) > 1:
                self._known |= {text: one for text in many if text != one}
        for row in rows:
            row[column] = called.get(row[column])
