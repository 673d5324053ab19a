#!/bin/bash
# registry-turns.sh TOOLS CLASSPATH pull|again|push|repush IMAGE [RUNS]
#
# Cais, docker, podman, containerd and skopeo pull and push IMAGE in turns, a run each a round. TOOLS: the directory with the peers'
# scripts, whose registry must have IMAGE:latest and IMAGE:zstd. CLASSPATH: this module's classes and test classes and what they
# need. $PEERS should be on a file system that is quick to remove files from; ext4 without a journal is not.
. "$1/lib.sh"
ME=$(realpath "$0")
if [ "${PEERS_IN_NS:-}" != 1 ]; then
  "$1/up.sh" registry dockerd containerd
  PEERS_IN_NS=1 exec nsenter -t "$(cat "$PEERS/pid/holder")" --net --mount "$ME" "$@"
fi
HERE=$1 CLASSES=$2 MODE=$3 i=$4 RUNS=${5:-5} T=$'\t'
export PEERS WARM=${WARM:-1} WARM_PIPE=${WARM_PIPE:-6}
X=$PEERS/turns; rm -rf "$X"; mkdir -p "$X"
PP="podman --root $X/root --runroot $X/run --cgroup-manager=cgroupfs"
COPY="skopeo copy -q --src-tls-verify=false --dest-tls-verify=false"
# what Cais does behind its answer, so that the next turn is possible, is over before somebody else's turn
IDLE="while ls $X/*.busy; do sleep 0.02; done; rm -rf $X/f $X/s $X/u; sync"
cais() { # registry, directory, mode, image [archive, compression]
  local registry=$1; shift
  echo "@pipe ${JAVA:-java} ${JAVA_FLAGS:--Xmx64m} -cp $CLASSES dev.cais.image.registry.RegistryTurns $registry $X/$*"
}
turn() { echo "$i: $1$T$IDLE; ${3:-}$T$2"; }
blobs() { # tag -> the layers' blob addresses
  curl -s -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
    -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$REG/v2/$i/manifests/$1" |
    jq -r --arg b "http://$REG/v2/$i/blobs/" '.layers[]|$b+.digest' >"$X/blobs-$1"
}
# floor.sh DECOMPRESSOR TAG: layer by layer, into a directory each
cat >"$X/floor.sh" <<'E2'
#!/bin/bash
n=0
while read -r blob; do
  n=$((n + 1)); mkdir -p "$X/f/$n"
  curl -s "$blob" | $1 | tar -x --numeric-owner -C "$X/f/$n" || exit 1
done <"$X/blobs-$2"
E2
chmod +x "$X/floor.sh"; export X
DROP_DOCKER="$DOCKER image prune -af"
DROP_CTR="ctr -a $CTRD images rm --sync \$(ctr -a $CTRD images ls -q)"
# the registry that is pushed to
TO=127.0.0.1:5001
EMPTY="rm -rf $PEERS/target/docker"
begin_push() {
  mkdir -p "$PEERS/target"
  # what podman and skopeo remember of registries, for this namespace alone
  mountpoint -q /var/lib/containers/cache || mount -t tmpfs cache /var/lib/containers/cache
  sed "s#$PEERS/registry#$PEERS/target#; s#$REG#$TO#" "$PEERS/registry.yml" >"$PEERS/target.yml"
  start_bg target docker-registry serve "$PEERS/target.yml"; wait_for curl -sf "http://$TO/v2/"
  printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REG" "$TO" >"$X/registries.conf"
  export CONTAINERS_REGISTRIES_CONF=$X/registries.conf
  [ -e "$PEERS/$i.tar" ] || $COPY "docker://$REG/$i" "docker-archive:$PEERS/$i.tar:$i:latest"
  $DOCKER pull -q "$REG/$i" >/dev/null; $DOCKER tag "$REG/$i" "$TO/$i"
  $PP pull -q "$REG/$i" >/dev/null; $PP tag "$REG/$i" "$TO/$i"
}
rep() { grep -E "${ONLY:-.}" | "$HERE/rep.py" "$@"; } # ONLY: an expression for the turns to take
title "$MODE $i, in turns"
case $MODE in
pull)
  blobs latest; blobs zstd
  { turn "floor curl | gzip -d | tar x" "$X/floor.sh 'gzip -d' latest"
    turn "cais pull" "$(cais $REG gzip pull "$i:latest")"
    turn "floor curl | zstd -d | tar x" "$X/floor.sh 'zstd -dq' zstd"
    turn "cais pull, zstd" "$(cais $REG zstd pull "$i:zstd")"
    turn "skopeo copy to oci, umoci unpack" "$COPY docker://$REG/$i oci:$X/s:x && umoci unpack --image $X/s:x $X/u"
    turn "docker pull" "$DOCKER pull -q $REG/$i" "$DROP_DOCKER"
    turn "podman pull" "$PP pull -q $REG/$i" "$PP rmi -af"
    turn "podman pull, zstd" "$PP pull -q $REG/$i:zstd" "$PP rmi -af"
    turn "ctr images pull" "ctr -a $CTRD images pull --plain-http $REG/$i:latest" "$DROP_CTR"
    turn "ctr images pull, zstd" "ctr -a $CTRD images pull --plain-http $REG/$i:zstd" "$DROP_CTR"
  } | rep "$RUNS" ;;
again)
  $DOCKER pull -q "$REG/$i" >/dev/null; $PP pull -q "$REG/$i" >/dev/null
  { turn "cais pull, unchanged" "$(cais $REG again again "$i:latest")"
    turn "docker pull, unchanged" "$DOCKER pull -q $REG/$i"
    turn "podman pull, unchanged" "$PP pull -q $REG/$i"
  } | rep "$RUNS" ;;
push)
  begin_push
  { turn "cais push, gzip" "$(cais $TO gzip push "$i:latest" "$PEERS/$i.tar" gzip)" "$EMPTY"
    turn "cais push, zstd" "$(cais $TO zstd push "$i:latest" "$PEERS/$i.tar" zstd)" "$EMPTY"
    turn "docker push" "$DOCKER push -q $TO/$i" "$EMPTY"
    turn "podman push" "$PP push -q $TO/$i" "$EMPTY; rm -f /var/lib/containers/cache/*"
    turn "podman push, zstd" "$PP push -q --format oci --compression-format zstd $TO/$i" \
      "$EMPTY; rm -f /var/lib/containers/cache/*"
  } | rep "$RUNS" ;;
repush)
  begin_push; $DOCKER push -q "$TO/$i" >/dev/null; $PP push -q "$TO/$i"
  { turn "cais push, nothing new" "$(cais $TO repush repush "$i:latest" "$PEERS/$i.tar" gzip)"
    turn "docker push, nothing new" "$DOCKER push -q $TO/$i"
    turn "podman push, nothing new" "$PP push -q $TO/$i"
  } | rep "$RUNS" ;;
esac
stop_bg target
$PP system reset -f >/dev/null 2>&1; umount "$X/root/overlay" 2>/dev/null
rm -rf "$X" "$PEERS/target" "$PEERS/target.yml"
