#!/usr/bin/env bash
# Builds the image with the engine that is here. Settings, as environment variables or `make image NAME=value`:
#   BASE_DIGEST        sha256:…, the base to build on; "none" takes what its tag names today
#   BUILD_BASE_DIGEST  the same for the image that compiles; needed where BASE_DIGEST is one
#   IMAGE              the image's name, as it is pushed; without it segment-relay:<version>
#   ENGINE             docker, podman or buildah
#   PIP_CONF           a pip.conf for the build alone (a mirror of the package index); it stays in no layer
#   SOURCE             where the source is, for the image's label
set -euo pipefail
cd "$(dirname "$0")/../.."

dockerfile=deploy/docker/Dockerfile
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)

stop() {
    printf '%s\n' "$@" >&2
    exit 2
}

engine=${ENGINE:-}
for one in docker podman buildah; do
    if [ -z "$engine" ] && command -v "$one" >/dev/null; then engine=$one; fi
done
[ -n "$engine" ] || stop "make image needs docker, podman or buildah; none is here."

# The digest that a variable has; nothing where it is to be what the tag names today.
pinned() { # BASE
    local name=$1_DIGEST base
    local digest=${!name:-}
    base=$(sed -n "s/^ARG $1=//p" "$dockerfile")
    [ -n "$digest" ] || stop \
        "$name is missing: which $base is the image to be built on? One of these tells the digest of today's:" \
        "    docker buildx imagetools inspect $base --format '{{.Manifest.Digest}}'" \
        "    skopeo inspect --no-tags --format '{{.Digest}}' docker://$base" \
        "Then: make image BASE_DIGEST=sha256:… BUILD_BASE_DIGEST=sha256:… (write them down: with them the same layers are built again). For a try: BASE_DIGEST=none"
    [ "$digest" = none ] || printf %s "$digest"
}
if [ "${BASE_DIGEST:-}" = none ]; then BUILD_BASE_DIGEST=${BUILD_BASE_DIGEST:-none}; fi
base_digest=$(pinned BASE)
build_base_digest=$(pinned BUILD_BASE)

revision=$(git rev-parse HEAD 2>/dev/null || true)
if [ -n "$revision" ] && [ -n "$(git status --porcelain 2>/dev/null)" ]; then revision=$revision-dirty; fi

# Files are dated by the commit, so that what was built from it once can be told from what was built from it again only
# by what is in it. docker reads the variable, the other two an option.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || echo 0)
export SOURCE_DATE_EPOCH

options=(--file "$dockerfile" --tag "${IMAGE:-segment-relay:$version}")
if [ "$engine" != docker ]; then options+=(--timestamp "$SOURCE_DATE_EPOCH"); fi
if [ -n "${PIP_CONF:-}" ]; then options+=(--secret "id=pip.conf,src=$PIP_CONF"); fi
for argument in "BASE_DIGEST=$base_digest" "BUILD_BASE_DIGEST=$build_base_digest" "VERSION=$version" "REVISION=$revision" "SOURCE=${SOURCE:-}"; do
    options+=(--build-arg "$argument")
done
exec "$engine" build "${options[@]}" .
