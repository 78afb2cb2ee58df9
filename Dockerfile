# Parts that change least come first, so that a change of the code rebuilds only the last layers.
FROM python:3.13-slim AS build
# Wheels of torch for CPUs only: those of PyPI need gigabytes of CUDA. For GPUs: --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN python -m venv /opt/coldstart
WORKDIR /src
COPY requirements.lock ./
RUN /opt/coldstart/bin/pip install --no-cache-dir --no-deps --index-url "$TORCH_INDEX" "$(grep '^torch==' requirements.lock)"
COPY pyproject.toml README.md LICENSE ./
COPY app app
COPY models models
COPY migrations migrations
# The lock as constraints: the versions that `make install` takes. For texts by their meaning: --build-arg EXTRAS=otel,text
ARG EXTRAS=otel
RUN /opt/coldstart/bin/pip install --no-cache-dir --constraint requirements.lock ".[$EXTRAS]"

FROM python:3.13-slim
LABEL org.opencontainers.image.title="coldstart" \
      org.opencontainers.image.description="A recommender service for new users and new items" \
      org.opencontainers.image.licenses="Apache-2.0"
# tini is process 1. The kernel gives process 1 only signals that it handles, so without tini SIGTERM would not end every command.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 coldstart \
    && install --directory --owner coldstart /models /home/coldstart/state
COPY --from=build /opt/coldstart /opt/coldstart
ENV PATH=/opt/coldstart/bin:$PATH PYTHONUNBUFFERED=1 COLDSTART_HOST=0.0.0.0 COLDSTART_STATE_DIR=/home/coldstart/state
# Two heaps for all threads instead of eight a core: threads reuse each other's free memory, so memory stays flat (docs/results/soak.md).
ENV MALLOC_ARENA_MAX=2
# By number: only from a number Kubernetes can tell that the user is not root.
USER 10001
WORKDIR /home/coldstart
VOLUME ["/models"]
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
ENTRYPOINT ["tini", "--", "coldstart"]
CMD ["serve"]
