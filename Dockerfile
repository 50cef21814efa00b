# Stage 1 builds the wheel.
FROM python:3.13-slim AS build
WORKDIR /src
COPY setup.py pyproject.toml LICENSE ./
COPY requirements requirements
COPY domain domain
COPY failpoints failpoints
COPY actors actors
COPY messaging messaging
COPY http http
COPY contract contract
COPY persistence persistence
COPY observability observability
COPY config config
COPY verification verification
COPY load load
COPY cli cli
COPY devstack devstack
COPY chaos chaos
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

# Stage 2 runs it: one process, without privileges, without compilers.
FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 \
    ORDERS_HTTP__HOST=0.0.0.0 \
    ORDERS_OPERATIONS__HOST=0.0.0.0 \
    ORDERS_LOG__FORMAT=json \
    ORDERS_SHUTDOWN__DELAY_SECONDS=5
WORKDIR /app
COPY requirements/service.txt ./
RUN python -m pip install --no-cache-dir --require-hashes --requirement service.txt
COPY --from=build /wheels /wheels
RUN python -m pip install --no-cache-dir --no-deps /wheels/*.whl && rm -r /wheels
COPY run.py ./

USER 10001:10001
# 8080 is the API. 8081 is for operators and probes: never publish it.
EXPOSE 8080 8081
# The service stops within ORDERS_SHUTDOWN__GRACE_SECONDS (20), the first five of which it
# still takes requests in: allow it more, as in
# `docker stop --time 30`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/livez', timeout=2)"]
# A node; with arguments any other command, such as `docker run IMAGE migrate`.
ENTRYPOINT ["python", "run.py"]
