# All programs in one image, without compilers. Debian 13, whose cpp-httplib carries the later security fixes.
FROM debian:trixie-slim AS build
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates cmake cppzmq-dev doctest-dev g++ libcli11-dev libcpp-httplib-dev libprotobuf-dev libpugixml-dev \
      libspdlog-dev libsqlite3-dev libssl-dev libtomlplusplus-dev libzmq3-dev ninja-build nlohmann-json3-dev pkg-config prometheus-cpp-dev \
      protobuf-compiler zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN cmake --preset release && ninja -C build -j "$(nproc)" kefu-gateway kefu-relay kefu-notifier kefu-sandbox kefuctl \
      http_tests
# An image in which what stands on this distribution's libraries fails its tests is not made.
RUN ctest --test-dir build -j "$(nproc)" --output-on-failure -R '^http_tests$'
RUN install -d /out/bin /out/etc && strip -o /out/bin/kefuctl build/bin/kefuctl \
    && for service in gateway relay notifier sandbox; do strip -o /out/bin/kefu-$service build/bin/kefu-$service; done \
    && install docker/start /out/bin/kefu-start && install -m 0644 sandbox/demo.env /out/etc/

FROM debian:trixie-slim
# With EXTRA_PACKAGES=ffmpeg the relay turns customers' voices into MP3, which every agent's client plays.
ARG EXTRA_PACKAGES=
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      ca-certificates libcpp-httplib0.18 libprometheus-cpp-core1.0 libpugixml1v5 libspdlog1.15 libsqlite3-0 \
      libssl3t64 libzmq5 zlib1g ${EXTRA_PACKAGES} \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --user-group --no-create-home --home-dir /data --uid 10001 kefu \
    && install -d -o kefu -g kefu -m 0700 /data /demo /demo/data \
    && install -d -o kefu -g kefu /media /demo/media
COPY --from=build /out/bin/ /usr/local/bin/
COPY --from=build /out/etc/ /etc/kefu/
USER kefu
WORKDIR /data
ENV KEFU_DATA_DIR=/data KEFU_MEDIA_DIR=/media
CMD ["kefuctl", "--help"]
