# Ordo as an image: the locked packages and nothing to build with. Settings come from the
# environment (ORDO_...) or from an ordo.toml in /data, where the database is too.

FROM python:3.13-slim-trixie AS build

RUN python -m venv /build && python -m venv --without-pip /opt/ordo
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
WORKDIR /src

COPY requirements.lock requirements-build.lock ./
RUN /build/bin/pip --python /opt/ordo install --quiet \
        --only-binary :all: --require-hashes -r requirements.lock \
    && /build/bin/pip install --quiet \
        --only-binary :all: --require-hashes -r requirements-build.lock

COPY pyproject.toml README.md LICENSE ./
COPY adapters adapters
COPY actors actors
COPY ordo ordo
RUN /build/bin/pip wheel --quiet --no-build-isolation --no-deps --wheel-dir /wheels . \
    && /build/bin/pip --python /opt/ordo install --quiet --no-deps /wheels/*.whl


FROM python:3.13-slim-trixie

RUN useradd --uid 10001 --user-group --home-dir /data --no-create-home ordo \
    && install --directory --owner ordo --group ordo --mode 700 /data
COPY --from=build /opt/ordo /opt/ordo

ENV PATH=/opt/ordo/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ORDO_DATA__DIR=/data \
    ORDO_SERVER__BIND=0.0.0.0:8443

USER ordo
WORKDIR /data
VOLUME /data
EXPOSE 8443
STOPSIGNAL SIGTERM

# Alive, with TLS or behind a proxy. Whose certificate it is is the clients' question; where
# clients must show one themselves (client_ca), replace this check.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s CMD \
    for scheme in https http; do \
        python -c "import ssl, sys, urllib.request as web; web.urlopen(sys.argv[1], timeout=2, context=ssl._create_unverified_context())" \
            "$scheme://127.0.0.1:${ORDO_SERVER__BIND##*:}/health" 2>/dev/null && exit 0; \
    done; exit 1

ENTRYPOINT ["ordo"]
CMD ["serve"]
