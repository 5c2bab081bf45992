"""The package manager: that of the machine, or the one that the installation brought where there was none."""

from __future__ import annotations

import shutil

from wellhouse.settings import PROJECT_ROOT

UV = shutil.which("uv") or str(PROJECT_ROOT / "var" / "uv" / "bin" / "uv")
