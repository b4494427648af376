"""Makes the built files before a wheel or source archive is packed, so that an installed `miz` needs no Node."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))

from tools import build_static
from tools.steps import StepError


class BuiltFiles(BuildHookInterface[Any]):
    """An editable installation is left to `dev.py`, which makes the same files."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        try:
            build_static.build(sys.executable)
        except StepError as error:
            sys.exit(str(error))
