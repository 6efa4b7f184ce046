#!/usr/bin/env bash
# Sees to it that tests find a Docker daemon. Where one answers already this does nothing; else it starts a private one,
# installing docker.io first if it must and may (root on Debian or Ubuntu), and prints the lines that make it known:
#
#   eval "$(docker/up.sh)"        and afterwards docker/down.sh
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/place.sh"

say() { echo "docker/up.sh: $*" >&2; }

# An unreachable host in DOCKER_HOST may take for ever.
answers() { command -v docker >/dev/null && timeout 20 docker "$@" info >/dev/null 2>&1; }

# dockerd is what counts: a client may be there without it.
install_docker() {
    command -v apt-get >/dev/null || { say "no dockerd here, and no apt-get to install it: please install Docker"; exit 1; }
    say "installing docker.io"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq >&2 </dev/null
    local packages=(docker.io iptables)
    # newer distributions have put the client in a package of its own
    apt-cache show docker-cli >/dev/null 2>&1 && packages+=(docker-cli)
    apt-get install -y -qq --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "${packages[@]}" >&2 </dev/null
}

start_daemon() {
    mkdir -p -m 700 "$place"
    say "starting dockerd in $place"
    # all three streams go elsewhere, or $(docker/up.sh) would wait for the daemon to end
    nohup dockerd --data-root "$place/data" --exec-root "$place/exec" --pidfile "$pidfile" -H "$socket" \
        >"$place/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 120); do
        answers -H "$socket" && return
        kill -0 $! 2>/dev/null || break
        sleep 0.25
    done
    say "dockerd does not answer; the end of its log:"
    tail -n 20 "$place/dockerd.log" >&2
    exit 1
}

if ! answers -H "$socket"; then
    answers && exit
    [ "$(id -u)" = 0 ] || { say "Docker does not answer, and only root may start a daemon"; exit 1; }
    command -v dockerd >/dev/null || install_docker
    answers && exit # some packages start a daemon themselves
    start_daemon
fi
# Without the second, Testcontainers takes a build inside a container for one that cannot see its containers' ports.
echo "export DOCKER_HOST=$socket TESTCONTAINERS_HOST_OVERRIDE=localhost"
