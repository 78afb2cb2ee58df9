FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/coldstart
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY app app
COPY models models
COPY migrations migrations
# The lock as constraints: the same versions, without the development tools.
RUN /opt/coldstart/bin/pip install --no-cache-dir --constraint requirements.lock '.[otel]'

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 coldstart \
    && install --directory --owner coldstart /models /home/coldstart/state
COPY --from=build /opt/coldstart /opt/coldstart
ENV PATH=/opt/coldstart/bin:$PATH PYTHONUNBUFFERED=1 COLDSTART_HOST=0.0.0.0 COLDSTART_STATE_DIR=/home/coldstart/state
USER coldstart
WORKDIR /home/coldstart
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/health/ready', timeout=2)"]
ENTRYPOINT ["coldstart"]
CMD ["serve"]
