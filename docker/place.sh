# Read by up.sh and down.sh: where this clone's private Docker daemon keeps everything. Outside the work tree, because it
# is not for a build to copy or clean; short, because a socket's path may have 107 characters; and root's own.
clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
place=/var/lib/ioasid-docker/$(cksum <<<"$clone" | cut -d' ' -f1)
pidfile=$place/dockerd.pid
socket=unix://$place/docker.sock

# The pid of the daemon that up.sh started, if it still runs. An ended process that nobody waited for has no arguments.
daemon() {
    local pid
    pid=$(cat "$pidfile" 2>/dev/null) && grep -qs -- "$pidfile" "/proc/$pid/cmdline" && echo "$pid"
}
