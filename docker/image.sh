#!/usr/bin/env bash
# Makes target/image, all that `docker build target/image` needs: a Java runtime linked for this service, the libraries
# of this machine that the runtime loads, and the service unpacked. Needs Linux, a JDK 25 and the jar of
# `./mvnw package`; no Docker and no network.
#
#   docker/image.sh [jar, default target/ioasid-*.jar]
set -euo pipefail
shopt -s extglob
cd "$(dirname "$0")/.."
image=target/image
jre=$image/runtime/opt/jre

jar=${1:-$(ls target/ioasid-*.jar 2>/dev/null || true)}
[ -f "$jar" ] || { echo "one jar expected, found '${jar:-none}': run ./mvnw package, or name it" >&2; exit 1; }
[ "$(uname)" = Linux ] || { echo "the image takes its runtime from this machine, which must be Linux" >&2; exit 1; }
jdk=$(bin/find-jdk)

# Kept by hand: jdeps cannot read a Spring Boot jar. ContainerIT starts the image and tells when one is missing.
modules=java.base,java.desktop,java.instrument,java.logging,java.management,java.management.rmi,java.naming
modules+=,java.net.http,java.security.jgss,java.sql,java.xml,jdk.jcmd,jdk.jfr,jdk.management,jdk.unsupported,jdk.zipfs

link_runtime() {
    rm -rf "$image/runtime"
    mkdir -p "$image/runtime"/{etc,opt,tmp}
    chmod 1777 "$image/runtime/tmp"
    echo 'ioasid:x:10001:10001::/app:/none' >"$image/runtime/etc/passwd"
    echo 'ioasid:x:10001:' >"$image/runtime/etc/group"
    "$jdk/bin/jlink" --add-modules "$modules" --strip-debug --no-man-pages --no-header-files --compress=zip-6 \
        --generate-cds-archive --output "$jre"
    # Spring wants java.desktop for java.beans; what draws, prints and plays would only want more libraries.
    rm -f "$jre"/lib/lib@(awt*|fontmanager|freetype|harfbuzz|javajpeg|jawt|jsound|lcms|mlib_image|splashscreen).so
    copy_libraries
}

# ldd prints "name => path (address)", for the loader "path (address)", and the runtime's own files among them.
copy_libraries() {
    local found
    found=$(LD_LIBRARY_PATH=$jre/lib/server:$jre/lib ldd "$jre"/bin/java "$jre"/lib/*.so "$jre"/lib/server/*.so)
    if grep 'not found' <<<"$found" >&2; then
        echo "$jdk needs libraries that this machine does not have" >&2
        return 1
    fi
    awk '$2 == "=>" { print $3 } $2 ~ /^\(/ { print $1 }' <<<"$found" | grep '^/' | grep -v "^$(pwd -P)/" | sort -u |
        xargs cp --dereference --parents --target-directory="$image/runtime"
}

# Linking takes most of the time, and is done again only for another JDK or when this script has changed.
if ! { cmp -s "$jdk/release" "$image/linked-from" && [ "$image/linked-from" -nt docker/image.sh ]; }; then
    mkdir -p "$image"
    rm -f "$image/linked-from"
    link_runtime
    cp "$jdk/release" "$image/linked-from"
fi

rm -rf "$image/app"
"$jdk/bin/java" -Djarmode=tools -jar "$jar" extract --destination "$image/app" --application-filename ioasid.jar
mkdir "$image/app/health"
"$jdk/bin/javac" --release 25 -d "$image/app/health" docker/Health.java
cp Dockerfile "$image"
du -sh "$image"
