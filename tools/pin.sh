#!/usr/bin/env bash
# Writes the pinned versions, with hashes and without any index's address: constraints.txt (the worker),
# constraints-dev.txt (with the demo, tests and checks). Run on the oldest supported Python: its set is the largest.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
    python -m piptools compile --quiet --strip-extras --generate-hashes --allow-unsafe --build-deps-for=editable \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --output-file="$1" "${@:2}" pyproject.toml
}
pin constraints.txt
pin constraints-dev.txt --extra=demo --extra=dev
