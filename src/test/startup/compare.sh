#!/usr/bin/env bash
# How long this service takes to be ready, against a bare Spring Boot web application of the same version on the same
# JDK: both are started in turn, and the medians and their ratio printed. Ready is the first answer to a request over
# HTTP; CPU is what the process has used by then, which a busy machine disturbs less than the clock.
#
#   src/test/startup/compare.sh [runs, default 7]      needs target/ioasid-*.jar: ./mvnw package
#   JAVA_OPTIONS and ARGUMENTS in the environment go to ioasid only, to try what a flag or a property changes
set -euo pipefail
cd "$(dirname "$0")/../../.."
runs=${1:-7}
java=$(bin/find-jdk)/bin/java
ours=$(ls target/ioasid-*.jar) || { echo "no target/ioasid-*.jar: run ./mvnw package" >&2; exit 1; }
boot=$(sed -n '/<parent>/,/<\/parent>/s/.*<version>\(.*\)<\/version>.*/\1/p' pom.xml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

build_bare() {
    mkdir -p "$work/src/main/java/bare"
    cat >"$work/src/main/java/bare/Bare.java" <<'JAVA'
package bare;

@org.springframework.boot.autoconfigure.SpringBootApplication
@org.springframework.web.bind.annotation.RestController
public class Bare {
    public static void main(String[] arguments) {
        org.springframework.boot.SpringApplication.run(Bare.class, arguments);
    }

    @org.springframework.web.bind.annotation.GetMapping("/ready")
    String ready() {
        return "ready";
    }
}
JAVA
    cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>$boot</version>
    <relativePath/>
  </parent>
  <groupId>bare</groupId>
  <artifactId>bare</artifactId>
  <version>1</version>
  <properties><java.version>25</java.version></properties>
  <dependencies>
    <dependency>
      <groupId>org.springframework.boot</groupId>
      <artifactId>spring-boot-starter-webmvc</artifactId>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin><groupId>org.springframework.boot</groupId><artifactId>spring-boot-maven-plugin</artifactId></plugin>
    </plugins>
  </build>
</project>
POM
    JAVA_HOME=$(bin/find-jdk) ./mvnw -q -B -f "$work/pom.xml" package
}

# start NAME PATH JVM-OPTIONS JAR ARGUMENTS: appends "milliseconds CPU-milliseconds" to $work/NAME
start() {
    local name=$1 path=$2 options=$3 jar=$4 arguments=$5 began ready ticks pid
    began=$EPOCHREALTIME
    "$java" $options -jar "$jar" --server.port=$port $arguments >"$work/log" 2>&1 &
    pid=$!
    until (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null && curl -fs -o /dev/null "http://127.0.0.1:$port$path"; do
        kill -0 $pid 2>/dev/null || { cat "$work/log" >&2; exit 1; }
        sleep 0.02
    done
    ready=$EPOCHREALTIME
    ticks=$(awk '{print $14 + $15}' /proc/$pid/stat)
    kill $pid
    wait $pid || true
    echo "$(((${ready/./} - ${began/./}) / 1000)) $((ticks * 1000 / $(getconf CLK_TCK)))" | tee -a "$work/$name" | sed "s/^/$name /"
}

median() { cut -d' ' -f"$2" "$work/$1" | sort -n | sed -n "$(((runs + 1) / 2))p"; }

port=18231
build_bare
for _ in $(seq "$runs"); do
    start bare /ready "" "$work/target/bare-1.jar" ""
    start ioasid /actuator/health/readiness "${JAVA_OPTIONS:-}" "$ours" "${ARGUMENTS:-}"
done
awk -v bw="$(median bare 1)" -v iw="$(median ioasid 1)" -v bc="$(median bare 2)" -v ic="$(median ioasid 2)" -v n="$runs" 'BEGIN {
    printf "medians of %d   bare  ioasid  ratio\n", n
    printf "ready, ms     %6d  %6d   %.2f\n", bw, iw, iw / bw
    printf "CPU, ms       %6d  %6d   %.2f\n", bc, ic, ic / bc
}'
