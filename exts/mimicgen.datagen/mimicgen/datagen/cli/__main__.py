"""`python -m mimicgen.datagen.cli`."""

from __future__ import annotations

import os
import sys

from mimicgen.datagen.cli.commands import main

if __name__ == "__main__":
    code = main()
    if "torch" in sys.modules:  # Isaac Lab was asked, and its libraries take more than a second to leave
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
