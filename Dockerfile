# OpenBracket in one container: paper market or live brokers, SQLite on the volume /data.
FROM python:3.11-slim-bookworm AS build
WORKDIR /opt/openbracket
COPY requirements.txt .
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin openbracket \
    && install -d -o openbracket -g openbracket -m 0700 /data
COPY --from=build /opt/openbracket/.venv /opt/openbracket/.venv
COPY . /opt/openbracket
ENV PYTHONPATH=/opt/openbracket PYTHONUNBUFFERED=1 PATH=/opt/openbracket/.venv/bin:$PATH LOG_FORMAT=json
WORKDIR /data
VOLUME /data
USER openbracket
EXPOSE 5000
STOPSIGNAL SIGTERM
# Whether the process lives. A service that is not ready must not be killed for it: it still watches stops.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/healthz', timeout=2)"]
CMD ["sh", "-c", "flask --app app db upgrade && exec gunicorn -c /opt/openbracket/gunicorn.conf.py --bind 0.0.0.0:5000 'app:main()'"]
