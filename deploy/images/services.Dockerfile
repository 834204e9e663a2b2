# The three services and the console, and the command line beside each: docker build -f deploy/images/services.Dockerfile --build-arg SERVICE=Conductor .
# Everything is built once, whatever SERVICE says, so that the second and third image cost nothing but their last layers.
ARG SDK_IMAGE=mcr.microsoft.com/dotnet/sdk:10.0
ARG ASPNET_IMAGE=mcr.microsoft.com/dotnet/aspnet:10.0

# build: the same lines as in puppetserver.Dockerfile, so that an engine builds them once for all images (eng/compose-images.sh compares).
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

FROM ${ASPNET_IMAGE}
# No diagnostics socket: the root file system is read-only.
ENV DOTNET_EnableDiagnostics=0 DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_GCgen0size=0x2000000
RUN mkdir -p /etc/overture /var/lib/overture && chown 65532:65532 /var/lib/overture && chmod 0700 /var/lib/overture
USER 65532:65532
WORKDIR /usr/lib/overture
# The orchestrator asks for health (docker-compose.yml, deploy/k8s): overture health --service NAME, which needs no shell.
ENTRYPOINT ["/usr/lib/overture/service"]
COPY deploy/images/init.sh deploy/images/register-node.sh /usr/libexec/overture/
COPY deploy/images/node.yaml /etc/overture-node.yaml
COPY --from=build /out/cli/overture /usr/bin/overture
ARG SERVICE
COPY --from=build /out/${SERVICE}/ /usr/lib/overture/
ARG VERSION=0.2.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Overture ${SERVICE}" \
      org.opencontainers.image.description="Launches cloud instances and lets them become Puppet nodes" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
