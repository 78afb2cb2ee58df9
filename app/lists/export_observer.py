"""What an export of lists tells while it runs."""


class ExportObserver:
    """Observes an export; does nothing by default. An exception from it stops the export, and the parts stay."""

    def begun(self, *, users_before: int, users: int, discarded: bool) -> None:
        """Ranking begins.

        Args:
            users_before: Users that an earlier start has ranked.
            users: All users.
            discarded: Whether there were parts of another plan, which are deleted.
        """

    def ranked(self, users: int) -> None:
        """So many more users are ranked."""
