# syntax=docker/dockerfile:1
# Driftsum's image. Extras are chosen at build time: `docker build --build-arg EXTRAS="confluent postgres" .` is the
# smallest that a fleet needs; the compose stack adds `demo`.
ARG PYTHON=3.13.16-slim-trixie

# 1. the environment: every package pinned and hashed by requirements.lock, and the wheel of this checkout
FROM python:${PYTHON} AS build
ARG EXTRAS="confluent postgres holidays"
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 UV_LINK_MODE=copy UV_NO_CACHE=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY pyproject.toml requirements.lock ./
# uv and the build backend from their own pinned and hashed entries
RUN awk '/^[^ ]/ {mine = /^uv==/} mine' requirements.lock > /tmp/uv.lock \
 && python -m venv /tools \
 && /tools/bin/pip install --quiet --require-hashes --no-deps -r /tmp/uv.lock \
 && grep -oE '^hatchling==[^ ]+' requirements.lock > /tmp/backend \
 && /tools/bin/uv pip install --quiet --python /tools/bin/python --require-hashes --constraints requirements.lock \
      -r /tmp/backend
RUN python -m venv --without-pip /opt/driftsum \
 && /tools/bin/uv pip install --quiet --python /opt/driftsum/bin/python --require-hashes \
      --constraints requirements.lock -r pyproject.toml $(for extra in ${EXTRAS}; do echo "--extra ${extra}"; done)
COPY LICENSE README.md ./
COPY drift drift
COPY ingest ingest
COPY detectors detectors
COPY alerts alerts
COPY dashboards dashboards
RUN PATH=/tools/bin:$PATH /tools/bin/python -m hatchling build -t wheel -d /tmp/wheel \
 && /tools/bin/uv pip install --quiet --python /opt/driftsum/bin/python --no-deps /tmp/wheel/*.whl \
 && find /opt/driftsum -type d \( -name tests -o -name test \) -path '*/site-packages/*' -prune -exec rm -rf {} + \
 && /opt/driftsum/bin/python -m compileall -q /opt/driftsum/lib > /dev/null

# 2. what runs: no compiler, no installer, nobody's shell account, nothing to write to
FROM python:${PYTHON}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Driftsum" \
      org.opencontainers.image.description="Data- and model-drift monitor for prediction streams" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN pip uninstall --quiet --yes pip \
 && groupadd --gid 10001 drift \
 && useradd --uid 10001 --gid drift --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin drift \
 && install -d -o drift -g drift /run/driftsum /run/database /var/lib/driftsum /etc/driftsum
COPY --from=build /opt/driftsum /opt/driftsum
ENV PATH=/opt/driftsum/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1 \
    DRIFT_CONFIG=/etc/driftsum/drift.yaml
USER 10001:10001
WORKDIR /var/lib/driftsum
EXPOSE 8642
# lives, not ready: a database that is away must not have the server killed
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8642/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["drift"]
CMD ["serve"]
