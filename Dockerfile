# A CloudSMS platform for CI: docker run -p 61815:61815 -p 61816:61816 -e CLOUDSMS_SIM_ADMIN_TOKEN=… cloudsms-simulator
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md CHANGELOG.md ./
COPY simulator simulator
COPY scenarios scenarios
RUN python -m venv /opt/cloudsms \
    && sed -e 's/ *\\$//' -e '/--hash=/d' constraints.txt > /tmp/pins.txt \
    && /opt/cloudsms/bin/pip install --no-cache-dir --constraint /tmp/pins.txt '.[postgresql]'

FROM ${BASE}
COPY --from=build /opt/cloudsms /opt/cloudsms
RUN useradd --create-home --uid 1000 cloudsms && install -d -o cloudsms /certs
USER 1000
ENV PATH=/opt/cloudsms/bin:$PATH \
    CLOUDSMS_SIM_HOST=0.0.0.0 \
    CLOUDSMS_SIM_ADMIN_HOST=0.0.0.0 \
    CLOUDSMS_SIM_CERTS=/certs
VOLUME /certs
EXPOSE 61815 61816
HEALTHCHECK --interval=2s --timeout=3s --start-period=5s CMD ["cloudsms-simulator", "readyz"]
ENTRYPOINT ["cloudsms-simulator"]
CMD ["serve"]
