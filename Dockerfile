# syntax=docker/dockerfile:1

# Run it with a read-only root file system, the configuration and rules mounted, and the state in a volume:
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v ./flowmend:/etc/flowmend:ro -v flowmend-state:/var/lib/flowmend flowmend

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
# The dependencies first: they change less often than the code, and each is checked against its hash.
COPY requirements.lock ./
RUN python -m venv --without-pip /opt/flowmend \
 && pip --python /opt/flowmend/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY rules rules
COPY daemon daemon
RUN pip wheel --no-deps --wheel-dir /wheels . \
 && pip --python /opt/flowmend/bin/python install --no-deps --no-index /wheels/flowmend-*.whl

FROM python:3.11-slim
# Nothing in here installs or builds anything.
RUN pip uninstall --yes --root-user-action ignore setuptools wheel pip \
 && useradd --system --uid 10001 --home-dir /var/lib/flowmend --create-home --shell /usr/sbin/nologin flowmend \
 && mkdir -p /etc/flowmend
COPY --from=build /opt/flowmend /opt/flowmend
# A container's loopback is of no use to anybody outside it.
ENV PATH=/opt/flowmend/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FLOWMEND_SERVER__HOST=0.0.0.0
USER 10001:10001
# ./config.toml and ./rules are found here, with or without a configuration file.
WORKDIR /etc/flowmend
VOLUME /var/lib/flowmend
EXPOSE 8765
STOPSIGNAL SIGTERM
ENTRYPOINT ["flowmend"]
CMD ["run"]
