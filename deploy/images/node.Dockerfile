# A demo node: boots by real cloud-init from a seed at /seed, then runs the real puppet agent. A machine's stand-in, so it is root inside.
ARG BASE_IMAGE=debian:bookworm-slim
FROM ${BASE_IMAGE}
RUN apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends cloud-init puppet-agent ca-certificates openssh-server procps && \
    rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*
COPY deploy/images/node.cfg /etc/cloud/cloud.cfg.d/99-overture.cfg
COPY deploy/images/node.sh /usr/libexec/overture/
ENTRYPOINT ["/usr/libexec/overture/node.sh"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Overture demo node" \
      org.opencontainers.image.description="cloud-init and puppet-agent, for trying Overture out" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
