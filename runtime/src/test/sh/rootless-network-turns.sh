#!/bin/bash
# rootless-network-turns.sh CLASSPATH DIRECTORY [RUNS]
#
# Networks of a plain user's Cais, slirp4netns and pasta in turns, in a network namespace made here: throughput (Gb/s) to another host
# (a namespace joined by veth) and through a published port, and connecting and one byte there and back (µs). Run by root, who becomes
# nobody for all that is measured. CLASSPATH: this module's classes and test classes and what they need, readable by anybody.
# DIRECTORY: a root file system with iperf3 and perl, all of it nobody's; the host needs both, too, and slirp4netns, passt and python3.
set -e -o pipefail
if [ -z "$IN_NS" ]; then IN_NS=1 exec unshare --net --mount --pid --fork --mount-proc "$0" "$@"; fi
CLASSES=$1 ROOT=$2 RUNS=${3:-3}
X=$(mktemp -d); chmod 755 "$X"; mkdir -m 700 "$X/home"; chown nobody "$X/home"
trap 'kill $(jobs -p) 2>/dev/null; umount -l /dev/net/tun; rm -rf --one-file-system "$X"' EXIT
as="setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all -- env HOME=$X/home"
echo_server() { # address, port
  echo "use Socket; socket(S, PF_INET, SOCK_STREAM, 6) && setsockopt(S, SOL_SOCKET, SO_REUSEADDR, 1) or die;
    bind(S, sockaddr_in($2, $1)) && listen(S, 1024) or die;
    while (accept(C, S)) { sysread(C, \$b, 1); syswrite(C, \$b); close C }"
}
until_there() { for _ in $(seq 100); do "$@" 2>/dev/null && return; sleep 0.1; done; echo "missing: $*" >&2; exit 1; }
mknod -m 666 "$X/tun" c 10 200; mount --bind "$X/tun" /dev/net/tun # as where users have it

# the other host
ip link set lo up
unshare --net sleep 36000 & outside=$!
until_there test -e /proc/$outside/ns/net; sleep 0.2
ip link add up0 type veth peer name eth0 netns $outside
ip addr add 198.19.9.1/24 dev up0; ip link set up0 up; ip route add default via 198.19.9.2
nsenter -t $outside -n sh -c 'ip link set lo up; ip addr add 198.19.9.2/24 dev eth0; ip link set eth0 up'
nsenter -t $outside -n iperf3 -s >/dev/null &
nsenter -t $outside -n perl -e "$(echo_server INADDR_ANY 5202)" &

servers() { # process
  nsenter -t "$1" -U -n iperf3 -s >/dev/null &
  nsenter -t "$1" -U -n perl -e "$(echo_server INADDR_ANY 5202)" &
}
$as unshare -Urn sleep 36000 & slirp=$!
until_there grep -q 65534 /proc/$slirp/uid_map; sleep 0.2
$as slirp4netns --configure --mtu=65520 --api-socket "$X/home/slirp" $slirp tap0 >/dev/null 2>&1 &
until_there test -S "$X/home/slirp"
python3 - "$X/home/slirp" <<'P'
import json, socket, sys
for host, guest in (5311, 5201), (5312, 5202):
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])
    s.sendall(json.dumps({"execute": "add_hostfwd", "arguments": {"proto": "tcp", "host_addr": "127.0.0.1",
        "host_port": host, "guest_port": guest}}).encode()); s.shutdown(1); s.recv(1000)
P
servers $slirp
$as unshare -Urn sleep 36000 & pasta=$!
until_there grep -q 65534 /proc/$pasta/uid_map; sleep 0.2
$as pasta --config-net --no-map-gw -f -q -t 5321:5201 -t 5322:5202 -u none -T none -U none $pasta >"$X/pasta" 2>&1 &
servers $pasta

mkfifo -m 666 "$X/hold"
$as CAIS_STORE="$X/home/store" "${JAVA:-java}" -cp "$CLASSES" dev.cais.runtime.NetworkTurns \
  serve 198.18.200.0/24 "$ROOT" "$(echo_server INADDR_ANY 5202)" <"$X/hold" >"$X/cais" & exec 7>"$X/hold"
until_there test -s "$X/cais"; read -r address port client echo <"$X/cais"
sleep 1
T=$'\t'
cat >"$X/turns.py" <<'P'
import json, os, statistics, subprocess, sys, time
ECHO = """import socket, statistics, sys, time
times = []
for _ in range(300):
    begun = time.perf_counter(); s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    s.sendall(b"x"); s.recv(1); times.append((time.perf_counter() - begun) * 1e6); s.close()
print(statistics.median(times))"""
def throughput(*command):
    for _ in range(50): # a server takes one client at a time, and learns late of its end
        result = json.loads(subprocess.run([*command, "-J", "-t", "1"], capture_output=True, text=True).stdout)
        if "error" not in result: return result["end"]["sum_received"]["bits_per_second"] / 1e9
        time.sleep(0.1)
    return float("nan")
def echo(*command):
    *prefix, address, port = command
    return float(subprocess.run([*prefix, "python3", "-c", ECHO, address, port], capture_output=True, text=True).stdout or "nan")
turns = [line.rstrip("\n").split("\t") for line in sys.stdin]
results = {name: [] for name, _ in turns}
for _ in range(int(sys.argv[1])):
    for name, command in turns:
        kind, *rest = command.split()
        results[name].append((throughput if kind == "throughput" else echo)(*rest))
for name, v in results.items():
    print(f"{name:44}\t{len(v)}\t{statistics.median(v):.2f}\t{min(v):.2f}\t{max(v):.2f}")
P
python3 "$X/turns.py" "$RUNS" <<E
host to the other host${T}throughput iperf3 -c 198.19.9.2
slirp4netns, to the other host${T}throughput nsenter -t $slirp -U -n iperf3 -c 198.19.9.2
pasta, to the other host${T}throughput nsenter -t $pasta -U -n iperf3 -c 198.19.9.2
cais, to the other host${T}throughput nsenter -t $client -n iperf3 -c 198.19.9.2
slirp4netns, from the other host${T}throughput nsenter -t $slirp -U -n iperf3 -R -c 198.19.9.2
pasta, from the other host${T}throughput nsenter -t $pasta -U -n iperf3 -R -c 198.19.9.2
cais, from the other host${T}throughput nsenter -t $client -n iperf3 -R -c 198.19.9.2
slirp4netns, host to a published port${T}throughput iperf3 -c 127.0.0.1 -p 5311
pasta, host to a published port${T}throughput iperf3 -c 127.0.0.1 -p 5321
cais, host to a published port${T}throughput iperf3 -c 127.0.0.1 -p $port
cais, container to container${T}throughput nsenter -t $client -n iperf3 -c $address
host to the other host, echo${T}echo 198.19.9.2 5202
slirp4netns, to the other host, echo${T}echo nsenter -t $slirp -U -n 198.19.9.2 5202
pasta, to the other host, echo${T}echo nsenter -t $pasta -U -n 198.19.9.2 5202
cais, to the other host, echo${T}echo nsenter -t $client -n 198.19.9.2 5202
slirp4netns, published port, echo${T}echo 127.0.0.1 5312
pasta, published port, echo${T}echo 127.0.0.1 5322
cais, published port, echo${T}echo 127.0.0.1 $echo
E
