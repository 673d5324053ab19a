#!/bin/bash
# network-turns.sh TOOLS CLASSPATH DIRECTORY [RUNS]
#
# Networks of Cais, docker and podman in turns, in the peers' network namespace: throughput (Gb/s) between containers and through a
# published port, connecting and one byte there and back (µs), and start to exit (ms; docker's API beside Cais). TOOLS: the directory
# with the peers' scripts. CLASSPATH: this module's classes and test classes and what they need. DIRECTORY: a root file system with
# iperf3 and perl; the host needs both, too. ONLY: an expression for the turns to take.
. "$1/lib.sh"
ME=$(realpath "$0")
if [ "${PEERS_IN_NS:-}" != 1 ]; then
  "$1/up.sh" registry dockerd
  PEERS_IN_NS=1 exec nsenter -t "$(cat "$PEERS/pid/holder")" --net --mount "$ME" "$@"
fi
HERE=$1 CLASSES=$2 ROOT=$3 RUNS=${4:-5} T=$'\t'
CAIS="${JAVA:-java} -cp $CLASSES dev.cais.runtime.NetworkTurns"
X=$PEERS/turns; rm -rf "$X"; mkdir -p "$X"
export CAIS_STORE=$X/store PEERS ONLY
# podman's network beside docker's and ours
sed -i 's#^default_subnet.*#default_subnet = "198.19.0.0/24"#' "$PEERS/containers.conf"
echo_server() { # address
  echo "use Socket; socket(S, PF_INET, SOCK_STREAM, 6) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1) or die;
    bind(S, sockaddr_in(5202, $1)) && listen(S, 1024) or die;
    while (accept(C, S)) { sysread(C, \$b, 1); syswrite(C, \$b); close C }"
}
stop() {
  kill $jobs 2>/dev/null; exec 7>&-
  for engine in "$DOCKER" "$PM"; do $engine rm -f -t 0 ns nc ne >/dev/null 2>&1; done
  wait; rm -rf "$X"
}
trap stop EXIT
for engine in "$DOCKER" "$PM"; do $engine rm -f ns nc ne >/dev/null 2>&1; done
$DOCKER pull -q $REG/iperf >/dev/null; $DOCKER pull -q $REG/busybox >/dev/null; $PM pull -q $REG/iperf >/dev/null
port=5310
for engine in "$DOCKER" "$PM"; do
  $engine run -d --name ns -p 127.0.0.1:$port:5201 $REG/iperf iperf3 -s
  $engine run -d --name nc $REG/iperf sleep 36000
  $engine run -d --name ne -p 127.0.0.1:$((port + 1)):5202 $REG/iperf perl -e "$(echo_server INADDR_ANY)"
  port=5320
done >/dev/null
mkfifo "$X/hold"; $CAIS serve 198.19.200.0/24 "$ROOT" "$(echo_server INADDR_ANY)" <"$X/hold" >"$X/cais" & exec 7>"$X/hold"
iperf3 -s -B 127.0.0.1 -p 5301 >/dev/null & jobs=$!
perl -e "$(echo_server INADDR_LOOPBACK)" & jobs="$jobs $!"
wait_for test -s "$X/cais"; read -r address port client echo <"$X/cais"
docker_at=$($DOCKER inspect -f '{{.NetworkSettings.IPAddress}}' ns) docker_client=$($DOCKER inspect -f '{{.State.Pid}}' nc)
podman_at=$($PM inspect -f '{{.NetworkSettings.Networks.podman.IPAddress}}' ns) podman_client=$($PM inspect -f '{{.State.Pid}}' nc)
sleep 1
title "networks in turns: Gb/s, then µs"
cat >"$X/turns.py" <<'E'
import json, os, re, socket, statistics, subprocess, sys, time
def throughput(*command):
    for _ in range(50): # a server takes one client at a time, and learns late of its end
        result = json.loads(subprocess.run([*command, "-J", "-t", "1"], capture_output=True, text=True).stdout)
        if "error" not in result: return result["end"]["sum_received"]["bits_per_second"] / 1e9
        time.sleep(0.1)
    raise SystemExit(result["error"])
def echo(address, port):
    times = []
    for _ in range(300):
        begun = time.perf_counter(); s = socket.create_connection((address, int(port)))
        s.sendall(b"x"); s.recv(1); times.append((time.perf_counter() - begun) * 1e6); s.close()
    return statistics.median(times)
turns = [line.rstrip("\n").split("\t") for line in sys.stdin]
turns = [t for t in turns if re.search(os.environ.get("ONLY") or ".", t[0])]
results = {name: [] for name, _ in turns}
for _ in range(int(sys.argv[1])):
    for name, command in turns:
        kind, *rest = command.split()
        results[name].append(throughput(*rest) if kind == "throughput" else echo(*rest))
with open(os.environ["PEERS"] + "/out/results.tsv", "a") as log:
    for name, v in results.items():
        line = f"{name}\t{len(v)}\t{statistics.median(v):.2f}\t{min(v):.2f}\t{max(v):.2f}"
        print(line); print(line, file=log)
E
python3 "$X/turns.py" "$RUNS" <<E
loopback${T}throughput iperf3 -c 127.0.0.1 -p 5301
docker, container to container${T}throughput nsenter -t $docker_client -n iperf3 -c $docker_at
podman, container to container${T}throughput nsenter -t $podman_client -n iperf3 -c $podman_at
cais, container to container${T}throughput nsenter -t $client -n iperf3 -c $address
docker, host to 127.0.0.1 (docker-proxy)${T}throughput iperf3 -c 127.0.0.1 -p 5310
podman, host to 127.0.0.1${T}throughput iperf3 -c 127.0.0.1 -p 5320
cais, host to 127.0.0.1${T}throughput iperf3 -c 127.0.0.1 -p $port
cais, host to ::1 (relay)${T}throughput iperf3 -c ::1 -p $port
docker, 127.0.0.1 to host (docker-proxy)${T}throughput iperf3 -R -c 127.0.0.1 -p 5310
podman, 127.0.0.1 to host${T}throughput iperf3 -R -c 127.0.0.1 -p 5320
cais, 127.0.0.1 to host${T}throughput iperf3 -R -c 127.0.0.1 -p $port
cais, ::1 to host (relay)${T}throughput iperf3 -R -c ::1 -p $port
loopback, connect and echo${T}echo 127.0.0.1 5202
docker, connect and echo by 127.0.0.1 (docker-proxy)${T}echo 127.0.0.1 5311
podman, connect and echo by 127.0.0.1${T}echo 127.0.0.1 5321
cais, connect and echo by 127.0.0.1${T}echo 127.0.0.1 $echo
cais, connect and echo by ::1 (relay)${T}echo ::1 $echo
E
title "start to exit of true, ms"
grep -E "${ONLY:-.}" <<E | "$HERE/rep.py" "$((RUNS * 5))"
docker API start, bridge$T$T@run $SOCK $REG/busybox bridge
cais start, no network$T$T@pipe $CAIS start none $ROOT
cais start, bridge and a port$T$T@pipe $CAIS start 198.19.201.0/24 $ROOT
E
