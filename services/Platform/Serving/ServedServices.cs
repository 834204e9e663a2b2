using Google.Protobuf.Reflection;

namespace Overture.Platform.Serving;

/// <summary>The gRPC services this process serves.</summary>
public sealed record ServedServices(IReadOnlyList<ServiceDescriptor> Descriptors);
