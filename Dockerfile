# Windmill's worker image with millwright-step on the PATH, for scripts of the `path` packaging:
#   docker build --build-arg WINDMILL=ghcr.io/windmill-labs/windmill:1.592.1 -t windmill-millwright .
# The build's own system is the image's (Debian 12), since the executable uses its C library.
ARG WINDMILL=ghcr.io/windmill-labs/windmill:main

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
RUN make step

FROM ${WINDMILL}
COPY --from=build /src/target/step/millwright-step /usr/local/bin/millwright-step
RUN millwright-step --version
