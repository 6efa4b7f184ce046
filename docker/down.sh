#!/usr/bin/env bash
# Ends the daemon that docker/up.sh started for this clone, its containers first, and removes all it kept. Does nothing
# where there is none.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/place.sh"

if pid=$(daemon); then
    docker -H "$socket" ps -aq | xargs -r docker -H "$socket" rm -f >/dev/null || true
    kill "$pid"
    for _ in $(seq 120); do
        daemon >/dev/null || break
        sleep 0.25
    done
fi
if daemon >/dev/null; then
    echo "docker/down.sh: dockerd $pid does not end; see $place/dockerd.log" >&2
    exit 1
fi
# a daemon that was killed leaves its file systems mounted
awk -v below="$place/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount
rm -rf --one-file-system "$place"
