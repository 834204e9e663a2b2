# A puppetserver, configured by our Puppet module, with the hooks it calls: docker build -f deploy/images/puppetserver.Dockerfile .
ARG SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0
ARG BASE_IMAGE=debian:bookworm-slim

FROM ${BASE_IMAGE} AS packages
# The packages take the user that is there. Java's package writes to a folder that slim images lack.
RUN groupadd --gid 65532 puppet && useradd --uid 65532 --gid puppet --home-dir /var/lib/puppet --shell /usr/sbin/nologin puppet && \
    mkdir -p /usr/share/man/man1 && printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d && chmod 0755 /usr/sbin/policy-rc.d && \
    apt-get update && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends puppetserver puppet-agent ca-certificates curl openssl && \
    rm -rf /var/lib/apt/lists/* /usr/sbin/policy-rc.d

# build: the same lines as in services.Dockerfile. Not its image: Compose v2 builds all images at once, in no order. Not one file with
# targets: the classic builder builds every stage before a target, so that a puppetserver would want the ASP.NET image, too.
FROM ${SDK_IMAGE} AS build
# The linker of the native command line.
RUN command -v clang > /dev/null || { apt-get update && apt-get install -y --no-install-recommends clang zlib1g-dev; }
WORKDIR /src
COPY . .
ENV DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# Properties of restore: an SDK image that brings its packages along, and no network, sets them here.
ARG RESTORE=
# One restore and one graph for the command line and the services: both cores are busy to the end.
RUN dotnet publish eng/shipped.slnf -c Release -v quiet --nologo -p:RunAnalyzers=false ${RESTORE} && \
    mkdir /out && mv cli/bin/Release/*/*/publish /out/cli && \
    for service in Conductor CertAuthority Classifier; do \
      mv services/$service/bin/Release/*/publish /out/$service && \
      rm -f /out/$service/*.pdb && \
      ln -s Overture.$service /out/$service/service || exit 1; \
    done && \
    mv console/bin/Release/*/publish /out/Console && rm -f /out/Console/*.pdb /out/Console/*.xml && ln -s Overture.Console /out/Console/service

FROM packages
COPY deploy/puppet/ /usr/share/overture/modules/
COPY examples/puppet/modules/ /usr/share/overture/production/
COPY deploy/images/puppetserver-configure.sh deploy/images/puppetserver.sh /usr/libexec/overture/
COPY --from=build /out/cli/overture /usr/bin/overture
RUN ln -s overture /usr/bin/overture-enc && \
    install -d -o puppet -g puppet -m 0750 /var/lib/overture /var/lib/overture/puppetserver && install -d /etc/overture
USER 65532:65532
# Ready once the JVM answers: 30 s and more on a small machine.
HEALTHCHECK --interval=5s --timeout=5s --start-period=120s --retries=24 \
    CMD ["curl", "--silent", "--fail", "--output", "/dev/null", "--cacert", "/var/lib/overture/puppetserver/ssl/certs/ca.pem", "https://localhost:8140/status/v1/simple"]
ENTRYPOINT ["/usr/libexec/overture/puppetserver.sh"]
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Overture puppetserver" \
      org.opencontainers.image.description="puppetserver with Overture's hooks" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
