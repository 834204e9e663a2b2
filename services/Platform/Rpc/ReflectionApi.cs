using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using V1 = Overture.Protos.Reflection.V1;
using V1Alpha = Overture.Protos.Reflection.V1Alpha;

namespace Overture.Platform.Rpc;

/// <summary>The gRPC services this process serves.</summary>
public sealed record ServedServices(IReadOnlyList<ServiceDescriptor> Descriptors);

/// <summary>Server reflection, v1: a foreign client (buf, grpcurl) finds services and messages without our files.</summary>
public sealed class ReflectionApi(ReflectionIndex index) : V1.ServerReflection.ServerReflectionBase
{
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<V1.ServerReflectionRequest> requestStream, IServerStreamWriter<V1.ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
            await responseStream.WriteAsync(index.Answer(requestStream.Current));
    }
}

/// <summary>The older v1alpha, wire-identical to v1: messages pass through by their bytes.</summary>
public sealed class ReflectionAlphaApi(ReflectionIndex index) : V1Alpha.ServerReflection.ServerReflectionBase
{
    public override async Task ServerReflectionInfo(
        IAsyncStreamReader<V1Alpha.ServerReflectionRequest> requestStream, IServerStreamWriter<V1Alpha.ServerReflectionResponse> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            var request = V1.ServerReflectionRequest.Parser.ParseFrom(requestStream.Current.ToByteString());
            await responseStream.WriteAsync(V1Alpha.ServerReflectionResponse.Parser.ParseFrom(index.Answer(request).ToByteString()));
        }
    }
}

/// <summary>Finds descriptors by file name, symbol or service.</summary>
public sealed class ReflectionIndex
{
    private readonly List<string> services;
    private readonly Dictionary<string, FileDescriptor> files = [];
    private readonly Dictionary<string, FileDescriptor> symbols = [];

    public ReflectionIndex(ServedServices served)
    {
        services = [.. served.Descriptors.Select(d => d.FullName)];
        foreach (var service in served.Descriptors)
            Add(service.File);
    }

    public V1.ServerReflectionResponse Answer(V1.ServerReflectionRequest request)
    {
        var response = new V1.ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case V1.ServerReflectionRequest.MessageRequestOneofCase.ListServices:
                response.ListServicesResponse = new V1.ListServiceResponse { Service = { services.Select(s => new V1.ServiceResponse { Name = s }) } };
                break;
            case V1.ServerReflectionRequest.MessageRequestOneofCase.FileByFilename:
                Describe(response, files.GetValueOrDefault(request.FileByFilename), request.FileByFilename);
                break;
            case V1.ServerReflectionRequest.MessageRequestOneofCase.FileContainingSymbol:
                Describe(response, symbols.GetValueOrDefault(request.FileContainingSymbol), request.FileContainingSymbol);
                break;
            default:
                // proto3 files hold no extensions
                response.ErrorResponse = new V1.ErrorResponse { ErrorCode = (int)StatusCode.NotFound, ErrorMessage = "no extensions here" };
                break;
        }
        return response;
    }

    private static void Describe(V1.ServerReflectionResponse response, FileDescriptor? file, string asked)
    {
        if (file is null)
            response.ErrorResponse = new V1.ErrorResponse { ErrorCode = (int)StatusCode.NotFound, ErrorMessage = $"not found: {asked}" };
        else
            response.FileDescriptorResponse = new V1.FileDescriptorResponse { FileDescriptorProto = { WithDependencies(file).Select(f => f.SerializedData) } };
    }

    private static IEnumerable<FileDescriptor> WithDependencies(FileDescriptor file) =>
        file.Dependencies.SelectMany(WithDependencies).Prepend(file).DistinctBy(f => f.Name);

    private void Add(FileDescriptor file)
    {
        if (!files.TryAdd(file.Name, file))
            return;
        foreach (var service in file.Services)
        {
            symbols[service.FullName] = file;
            foreach (var method in service.Methods)
                symbols[method.FullName] = file;
        }
        foreach (var type in file.MessageTypes)
            Add(type, file);
        foreach (var type in file.EnumTypes)
            symbols[type.FullName] = file;
        foreach (var dependency in file.Dependencies)
            Add(dependency);
    }

    private void Add(MessageDescriptor type, FileDescriptor file)
    {
        symbols[type.FullName] = file;
        foreach (var nested in type.NestedTypes)
            Add(nested, file);
        foreach (var nested in type.EnumTypes)
            symbols[nested.FullName] = file;
    }
}
