"""What a run of random programs did, in figures."""

from __future__ import annotations

from collections import Counter


class Tally:
    """Counts programs, steps and faults."""

    def __init__(self) -> None:
        self.programs = self.quiet = self.files = 0
        self.steps: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()

    def add(self, other: Tally) -> None:
        """Count in what another run did."""
        self.programs += other.programs
        self.quiet += other.quiet
        self.files += other.files
        self.steps += other.steps
        self.faults += other.faults

    def __str__(self) -> str:
        return "\n".join(
            [
                f"programs {self.programs:,}, steps {self.steps.total():,},"
                f" faults {self.faults.total():,}",
                f"index held against the disk {self.quiet:,} times, {self.files:,} files",
                "steps: " + ", ".join(f"{kind} {n:,}" for kind, n in self.steps.most_common()),
                "faults: " + ", ".join(f"{kind} {n:,}" for kind, n in self.faults.most_common()),
            ]
        )


TALLY = Tally()
"""Of everything that this process runs."""
