# Ordo as an image: the locked packages and nothing to build with. Settings come from the
# environment (ORDO_...) or from an ordo.toml in /data, where the database is too, and
# nothing else is written: the root may be read-only. See docs/operations/container.md.

FROM python:3.13-slim-trixie AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
RUN python -m venv /build && python -m venv --without-pip /opt/ordo
WORKDIR /src

COPY requirements.lock requirements-build.lock ./
RUN /build/bin/pip --python /opt/ordo install --quiet --no-compile \
        --only-binary :all: --require-hashes -r requirements.lock \
    && /build/bin/pip install --quiet \
        --only-binary :all: --require-hashes -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY actors actors
COPY ordo ordo
RUN /build/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/ordo install --quiet --no-compile --no-deps /wheels/*.whl

# pip is in the lock since sqlite-utils asks for it, for a command that Ordo does not use;
# trio's own tests are a third of it. What is left is compiled once, here: a read-only
# root could not do it, and every start would.
RUN /build/bin/pip --python /opt/ordo uninstall --quiet --yes pip \
    && rm -rf /opt/ordo/lib/python3*/site-packages/trio/_tests \
    && /opt/ordo/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/ordo/lib


FROM python:3.13-slim-trixie

# By number: what runs containers can tell that it is not root, and a mounted directory
# can be given to it (chown 10001:10001).
RUN groupadd --gid 10001 ordo \
    && useradd --uid 10001 --gid 10001 --home-dir /data --no-create-home \
        --shell /usr/sbin/nologin ordo \
    && install --directory --owner 10001 --group 10001 --mode 700 /data
COPY --from=build /opt/ordo /opt/ordo

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Ordo" \
      org.opencontainers.image.description="A self-hosted order gateway: one HTTP API, many brokers, no order sent twice and none lost." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="python:3.13-slim-trixie" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"

ENV PATH=/opt/ordo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ORDO_DATA__DIR=/data \
    ORDO_SERVER__BIND=0.0.0.0:8443

# Mount /data: orders, keys and the audit log are in it. It is not declared as a VOLUME: an
# anonymous one is made where nobody mounts anything, is forgotten with its container, and
# some builders (buildah 1.28) let it win over the directory that was mounted.
USER 10001:10001
WORKDIR /data
EXPOSE 8443
# An orderly stop takes up to [server] drain_timeout and some seconds: give it 40.
STOPSIGNAL SIGTERM

# By the settings that Ordo finds too: ORDO_CONFIG, ./ordo.toml, ORDO_... in the environment.
HEALTHCHECK --interval=15s --timeout=8s --start-period=30s --retries=3 \
    CMD ["ordo", "health"]

ENTRYPOINT ["ordo"]
CMD ["serve"]
