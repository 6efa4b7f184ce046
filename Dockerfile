# The service on its own Java runtime and nothing else: no distribution, no shell, nothing to pull. docker/image.sh puts
# what is copied here beside this file in target/image; the layers go from what changes least to what changes most.
FROM scratch
LABEL org.opencontainers.image.title="ioasid" \
      org.opencontainers.image.description="/dev/ioasid as a service"

COPY runtime/ /
COPY app/health/ /app/health/
COPY app/lib/ /app/lib/
COPY app/ioasid.jar /app/

# The default, loopback, is a container's own and would reach nobody.
ENV SERVER_ADDRESS=0.0.0.0
EXPOSE 8080
USER 10001:10001
WORKDIR /app
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["/opt/jre/bin/java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx16m", "-cp", "/app/health", "Health"]

# 40 % of the container's memory is heap: simulated memory lives outside it and needs its share.
ENTRYPOINT ["/opt/jre/bin/java", "-XX:MaxRAMPercentage=40", "-XX:+ExitOnOutOfMemoryError", \
    "--enable-native-access=ALL-UNNAMED", "-jar", "/app/ioasid.jar"]
