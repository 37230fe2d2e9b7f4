"""How near an export comes to its original, and how near is near enough."""

from __future__ import annotations

import msgspec

LEAST_COSINE_FP32 = 0.99
LEAST_COSINE_INT8 = 0.95


class Agreement(msgspec.Struct, frozen=True):
    """How near the vectors of an export are to those of the original.

    Attributes:
        form: ``fp32`` or ``int8``.
        probes: ``texts`` or ``pictures``.
        least: The least cosine of an export's vector with the original's.
        mean: Their mean.
    """

    form: str
    probes: str
    least: float
    mean: float

    @property
    def bound(self) -> float:
        """The least cosine that is good enough."""
        return LEAST_COSINE_FP32 if self.form == "fp32" else LEAST_COSINE_INT8
