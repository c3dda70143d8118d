# A server without a display: docs/platforms.md#docker.
FROM python:3.11-slim
WORKDIR /opt/pokered
# Torch for the CPU; for a GPU: --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY requirements.txt ./
# The last line of the pins is the project itself, which changes more often than they do.
RUN grep -v '^-e' requirements.txt > pins.txt \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" "$(grep '^torch==' pins.txt)" \
    && pip install --no-cache-dir -r pins.txt
COPY pyproject.toml setup.py MANIFEST.in README.md LICENSE ./
COPY envs envs
COPY rewards rewards
COPY callbacks callbacks
COPY training training
COPY configs configs
COPY policies policies
RUN pip install --no-cache-dir --no-deps .
# Runs are kept in /work/runs: mount a folder of USER_ID there. The history page needs --host 0.0.0.0 and a port.
ARG USER_ID=1000
RUN useradd --create-home --uid "$USER_ID" player && mkdir -p /work/runs && chown -R player /work
USER player
WORKDIR /work
VOLUME /work/runs
ENTRYPOINT ["pokered"]
CMD ["--help"]
