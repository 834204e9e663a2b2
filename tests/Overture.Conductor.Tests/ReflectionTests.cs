using Grpc.Reflection.V1;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>What grpcurl asks first, of services whose RPCs several classes answer.</summary>
[Trait("Category", "integration")]
public sealed class ReflectionTests : IDisposable
{
    private readonly ConductorFixture world = new();

    [Fact]
    public async Task List_NamesEachServiceOnce_AndItsRpcs()
    {
        await using var service = await ConductorHost.Start(world);
        using var channel = world.Pki.Channel(service.Port, "admin");
        using var call = new ServerReflection.ServerReflectionClient(channel).ServerReflectionInfo();
        await call.RequestStream.WriteAsync(new() { ListServices = "" });
        await call.RequestStream.WriteAsync(new() { FileContainingSymbol = ConductorService.Descriptor.FullName });
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Equal(["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
            ConductorService.Descriptor.FullName],
            call.ResponseStream.Current.ListServicesResponse.Service.Select(s => s.Name).Order(StringComparer.Ordinal));
        Assert.True(await call.ResponseStream.MoveNext(default));
        Assert.Contains(ConductorService.Descriptor.File.SerializedData,
            call.ResponseStream.Current.FileDescriptorResponse.FileDescriptorProto);
        await call.RequestStream.CompleteAsync();
    }

    public void Dispose() => world.Dispose();
}
