"""Risk: published equations and survival models, run as ``python -m models.<verb>`` from the project's root.

Every model is a folder with ``spec.yml`` (inputs, units, validity, categories), ``CARD.md`` (what it is for and what
not) and ``coefficients/v<N>.json`` (versioned numbers, never a pickle).
"""

import os

# The matrices are small and resamples run side by side: threads of the linear algebra would wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
