#!/bin/sh
# Runs the C program and the Java benchmarks one after the other, workload by workload, and prints their times side by
# side in ns per operation: name, threads, C, Java, Java/C, bytes that Java allocated per operation. Several rounds: medians.
#
#   src/jmh/compare.sh [ROUNDS]
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-3}
out=target/compare
./mvnw -q -B -Pbench -DskipTests test-compile
rm -rf "$out" && mkdir -p "$out"
cc -O3 -march=native -pthread -o "$out/walk" src/jmh/c/walk.c
java=$(bin/find-jdk)/bin/java

c() { # name prefix
    "$out/walk" "$1" | sed 's/^/C /' >>"$out/times"
}

# benchmark, threads, parameter, then what a score is divided by, and the name
jmh() {
    "$java" -cp "target/test-classes:target/classes:$(cat target/bench.classpath)" -Djmh.ignoreLock=true \
        org.openjdk.jmh.Main "$1" "$(case $2 in *,*) echo -tg ;; *) echo -t ;; esac)" "$2" $3 -prof gc -rf csv -rff "$out/one.csv" >"$out/log" 2>&1 ||
        { cat "$out/log" >&2; exit 1; }
    tr -d '"' <"$out/one.csv" | awk -F, -v name="$5" -v threads="$2" -v by="$4" '
        NR > 1 && $1 ~ /(read|map|unmap|:walk|:mapAndUnmap)$/ {
            n = name
            if ($1 ~ /:walk$/) n = "mixed-walk-4k-large"
            if ($1 ~ /:mapAndUnmap$/) n = "mixed-map-unmap-4k"
            print "Java", n, threads == "1,1" ? 2 : threads, $5 / by }
        NR > 1 && $1 ~ /gc.alloc.rate.norm$/ { print "Bytes", name, threads, $5 / by }' >>"$out/times"
}

for round in $(seq "$rounds"); do
    for name in walk-4k-small walk-4k-large walk-4k-large-dep walk-4k-far walk-2m walk-nested-4k full-translate iotlb-hit full-translate-hit; do
        c "$name"
        parameter=$(echo "$name" | tr a-z- A-Z_)
        for threads in 1 2; do
            jmh ReadBenchmark.read $threads "-p workload=$parameter" 1 "$name"
        done
    done
    for pair in 4k:RANGE_4K:262144 4k-single:SINGLE_4K:262144 2m:RANGE_2M:32768; do
        name=${pair%%:*}
        pages=${pair##*:}
        shape=${pair#*:}
        shape=${shape%:*}
        c "map-$name"
        for threads in 1 2; do
            for what in map unmap; do
                jmh "WriteBenchmark.$what\$" $threads "-p shape=$shape" $((pages / threads)) "$what-$name"
            done
        done
    done
    c mixed-walk
    jmh MixedBenchmark 1,1 "" 1 mixed
done

sort -k1,3 -k4,4g "$out/times" | awk '
    { key = $2 " " $3; if (!(key in seen)) { seen[key]; keys[++n] = key }
      count[$1, key]++; value[$1, key, count[$1, key]] = $4 }
    function median(kind, key) { return value[kind, key, int((count[kind, key] + 1) / 2)] }
    END {
        printf "%-20s %7s %8s %8s %6s %8s\n", "name", "threads", "C", "Java", "ratio", "B/op"
        for (i = 1; i <= n; i++) if (count["C", keys[i]] && count["Java", keys[i]]) {
            split(keys[i], part, " ")
            c = median("C", keys[i]); java = median("Java", keys[i])
            bytes = count["Bytes", keys[i]] ? sprintf("%8.3f", median("Bytes", keys[i])) : "       -"
            printf "%-20s %7d %8.3f %8.3f %6.2f %s\n", part[1], part[2], c, java, java / c, bytes
        }
    }'
