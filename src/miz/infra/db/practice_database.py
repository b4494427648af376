"""The practice database with its writing side: one connection that writes, beside the read-only ones that cannot."""

from miz.infra.db.engine import ReadOnlyDatabase, explaining_faults, open_engine


class PracticeDatabase(ReadOnlyDatabase):
    """The file of one practice, opened for one writing thread and any number of reading ones; made where there is none.

    Raises what `ReadOnlyDatabase` raises.
    """

    def close(self) -> None:
        """Close every connection, those of other threads too; nobody may use them any more."""
        super().close()
        self.writer_connection.close()
        self.write_engine.dispose()

    def _open(self) -> None:
        self.write_engine = open_engine(self.path, self._key, is_read_only=False)
        with explaining_faults():
            self.writer_connection = self.write_engine.connect()
