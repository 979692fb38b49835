"""The plain manifests, for whoever has no Helm: ``python -m deploy.checks.manifest`` renders them anew."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from deploy.checks import wheels
from deploy.checks.tools import tools

CHART: Final = Path("deploy/helm/segment-relay")
FOLDER: Final = Path("deploy/manifests")
VALUES: Final = FOLDER / "values.yaml"
MANIFEST: Final = FOLDER / "segment-relay.yaml"
HEAD: Final = f"""\
# Made by `make manifests` of {CHART} with {VALUES}; change those instead.
# It needs a Secret of the name segment-relay, with a key for each file that the settings below name:
#
#   kubectl create secret generic segment-relay --from-file=wigzo-org-token --from-file=…
#   kubectl apply -f {MANIFEST}
#
# Whoever edits the settings right here: workers see them at their next start (kubectl rollout restart).
"""


def rendered() -> str:
    """What belongs there. Raises ToolMissing, CalledProcessError."""
    helm = tools()["helm"].find()
    command: list[str | Path] = [helm, "template", "segment-relay", CHART, "--skip-tests", "--values", VALUES]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)  # noqa: S603  (our own Helm)
    lines = said.stdout.splitlines()
    return HEAD + "\n".join(line.rstrip() for line in lines if not line.startswith("# Source: ")) + "\n"


if __name__ == "__main__":
    wheels.NEWEST.unpack()
    MANIFEST.write_text(rendered(), "utf-8")
