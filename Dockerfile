# syntax=docker/dockerfile:1

# Run it with a read-only root file system, the configuration and rules mounted, the state in a volume, and time to end
# what is in flight (deploy/compose.yaml says the same):
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --stop-timeout 30 --hostname flowmend \
#     -v ./flowmend:/etc/flowmend:ro -v flowmend-state:/var/lib/flowmend flowmend

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# The dependencies first: they change less often than the code. Each is checked against its hash, and so is what builds.
COPY requirements.lock requirements-build.lock ./
RUN pip install --root-user-action ignore --require-hashes --only-binary :all: -r requirements-build.lock \
 && python -m venv --without-pip /opt/flowmend \
 && pip --python /opt/flowmend/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY rules rules
COPY daemon daemon
RUN pip wheel --no-build-isolation --no-deps --wheel-dir /wheels . \
 && pip --python /opt/flowmend/bin/python install --no-deps --no-index /wheels/flowmend-*.whl

FROM python:3.11-slim
# Nothing in here installs or builds anything. The group has a number of its own choice, too: volumes are shared by it.
RUN pip uninstall --yes --root-user-action ignore setuptools wheel pip \
 && groupadd --gid 10001 flowmend \
 && useradd --uid 10001 --gid 10001 --home-dir /var/lib/flowmend --no-create-home --shell /usr/sbin/nologin flowmend \
 && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/flowmend \
 && mkdir -p /etc/flowmend
COPY --from=build /opt/flowmend /opt/flowmend
# A container's loopback is of no use to anybody outside it. The store's temporary files lie beside it: nothing else can
# be written to.
ENV PATH=/opt/flowmend/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    PYTHONUNBUFFERED=1 \
    SQLITE_TMPDIR=/var/lib/flowmend \
    FLOWMEND_SERVER__HOST=0.0.0.0
USER 10001:10001
# ./config.toml and ./rules are found here, with or without a configuration file.
WORKDIR /etc/flowmend
VOLUME /var/lib/flowmend
EXPOSE 8765
STOPSIGNAL SIGTERM
# Another port: FLOWMEND_SERVER__PORT, which both read. http.client asks no proxy, whatever the environment says.
HEALTHCHECK --interval=30s --timeout=5s --start-period=2m --retries=3 CMD ["python", "-c", "import os, http.client; c = http.client.HTTPConnection('127.0.0.1', int(os.environ.get('FLOWMEND_SERVER__PORT', 8765)), timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["flowmend"]
CMD ["run"]
