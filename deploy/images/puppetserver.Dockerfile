# A puppetserver, configured by our Puppet module, with the hooks it calls.
ARG SERVICES_IMAGE=overture/conductor
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${SERVICES_IMAGE} AS services

FROM ${BASE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Overture puppetserver" \
      org.opencontainers.image.description="puppetserver with Overture's hooks" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The packages take the user that is there. Java's package writes to a folder that slim images lack.
RUN groupadd --gid 65532 puppet && useradd --uid 65532 --gid puppet --home-dir /var/lib/puppet --shell /usr/sbin/nologin puppet && \
    mkdir -p /usr/share/man/man1 && printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 0755 /usr/sbin/policy-rc.d && \
    apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends puppetserver puppet-agent ca-certificates curl openssl && \
    rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d
COPY --from=services /usr/bin/overture /usr/bin/overture
COPY deploy/puppet/ /usr/share/overture/modules/
COPY examples/puppet/modules/ /usr/share/overture/production/
COPY deploy/images/puppetserver-configure.sh deploy/images/puppetserver.sh /usr/libexec/overture/
RUN ln -s overture /usr/bin/overture-enc && \
    install -d -o puppet -g puppet -m 0750 /var/lib/overture /var/lib/overture/puppetserver && install -d /etc/overture
USER 65532:65532
# Ready once the JVM answers: 30 s and more on a small machine.
HEALTHCHECK --interval=5s --timeout=5s --start-period=120s --retries=24 \
    CMD ["curl", "--silent", "--fail", "--output", "/dev/null", "--cacert", "/var/lib/overture/puppetserver/ssl/certs/ca.pem", "https://localhost:8140/status/v1/simple"]
ENTRYPOINT ["/usr/libexec/overture/puppetserver.sh"]
