#!/bin/sh
# Builds what the corpus of Dockerfiles (src/test/resources/builds) has, by docker's BuildKit, by buildah and by docker's classic builder:
#
#   java -cp TESTS dev.cais.runtime.build.RecordBuilds lay src/test/resources/builds DIRECTORY
#   record-builds.sh DIRECTORY [CASE...]
#   java -cp TESTS dev.cais.runtime.build.RecordBuilds take src/test/resources/builds DIRECTORY
#
# The middle one needs a dockerd, buildah and root, no network, and may run elsewhere with the same DIRECTORY: that of the recorded
# outcomes was a Debian sid in a directory, made by mmdebstrap with docker.io, docker-buildx, buildah and netavark. Without CAP_SYS_RESOURCE
# buildah wants default_ulimits in its containers.conf that are not above the shell's.
set -u
cd "$1" || exit 1
shift
docker=$(docker version --format '{{.Server.Version}}' | sed 's/[+~].*//')
mkdir -p buildkit buildah classic
echo "BuildKit of Docker $docker" >buildkit/version
echo "buildah $(buildah --version | cut -d' ' -f3)" >buildah/version
echo "classic builder of Docker $docker" >classic/version
docker load -q -i busybox.tar
buildah pull -q docker-archive:busybox.tar

# peer file tag arguments...
build() {
  peer=$1 file=$2 tag=$3
  shift 3
  case $peer in
    buildkit) docker buildx build --quiet --provenance=false --tag "$tag" ${file:+--file "$file"} "$@" ;;
    classic) DOCKER_BUILDKIT=0 docker build --quiet --tag "$tag" ${file:+--file "$file"} "$@" ;;
    buildah)
      buildah build --quiet --pull=never --isolation chroot --layers --identity-label=false --format docker --tag "$tag" \
        ${file:+--file "$file"} "$@"
      ;;
  esac
}

record() {
  peer=$1 name=$2
  rm -f "$peer/$name.tar" "$peer/$name.error"
  while read -r file tag; do
    [ -z "$file" ] || build "$peer" "$name/$file" "$tag" "$name" >/dev/null 2>&1 </dev/null
  done <"$name.first"
  if eval "build $peer '' corpus-$peer:$name $(cat "$name.arguments") $name" >"$peer/$name.log" 2>&1 </dev/null; then
    case $peer in
      buildah) buildah push -q "corpus-$peer:$name" "docker-archive:$peer/$name.tar" ;;
      *) docker save -o "$peer/$name.tar" "corpus-$peer:$name" ;;
    esac
  else # the last line says why
    grep -v '^ *$' "$peer/$name.log" | grep -i error | tail -1 | sed "s|$PWD/$name|CONTEXT|g; s|/var/lib/docker/[^ ]*buildkit[0-9]*/|/|; s| of ref [0-9a-z:-]*||; s/^/! /" >"$peer/$name.error"
    [ -s "$peer/$name.error" ] || tail -1 "$peer/$name.log" | sed 's/^/! /' >"$peer/$name.error"
  fi
}

[ $# -gt 0 ] || set -- $(ls | sed -n 's/\.arguments$//p')
for name in "$@"; do
  for peer in buildkit buildah classic; do
    record "$peer" "$name"
  done
done
