using Microsoft.OpenApi;
using Microsoft.OpenApi.Extensions;
using Microsoft.OpenApi.Models;
using Overture.CertAuthority.V1;
using Overture.Classifier.V1;
using Overture.Conductor.V1;
using Swashbuckle.AspNetCore.Swagger;

// Writes DIRECTORY/conductor.json, certauthority.json and classifier.json: OpenAPI 3.0 of the routes that the protos name.
if (args is not [var directory])
{
    await Console.Error.WriteLineAsync("usage: Overture.OpenApi DIRECTORY");
    return 64;
}
Directory.CreateDirectory(directory);
await Write<Conductor>("conductor", "Conductor");
await Write<CertAuthority>("certauthority", "CertAuthority");
await Write<Classifier>("classifier", "Classifier");
return 0;

// One application a service: what it maps is what is described. It has to start for that, and is asked by no one.
async Task Write<TService>(string name, string title) where TService : class
{
    var builder = WebApplication.CreateSlimBuilder();
    builder.Logging.ClearProviders();
    builder.WebHost.UseUrls("http://127.0.0.1:0");
    builder.Services.AddGrpc().AddJsonTranscoding();
    builder.Services.AddGrpcSwagger().AddSwaggerGen(swagger =>
    {
        swagger.SwaggerDoc(name, new OpenApiInfo
        {
            Title = $"Overture {title}",
            Version = "v1",
            Description = "JSON over HTTP/2 with a client certificate of the internal PKI; docs/integrations.md. "
                + "Errors are a google.rpc.Status.",
        });
        // As protobuf's JSON has 64 bits; the generator says integer whatever the settings are.
        swagger.MapType<long>(() => new OpenApiSchema { Type = "string", Format = "int64" });
        swagger.MapType<ulong>(() => new OpenApiSchema { Type = "string", Format = "uint64" });
        var comments = Path.Combine(AppContext.BaseDirectory, "Overture.Protos.xml");
        swagger.IncludeXmlComments(comments);
        swagger.IncludeGrpcXmlComments(comments, includeControllerXmlComments: true);
    });
    await using var app = builder.Build();
    app.MapGrpcService<TService>();
    await app.StartAsync();
    var document = app.Services.GetRequiredService<ISwaggerProvider>().GetSwagger(name);
    await app.StopAsync();
    var text = document.SerializeAsJson(OpenApiSpecVersion.OpenApi3_0);
    await File.WriteAllTextAsync(Path.Combine(directory, $"{name}.json"), text.ReplaceLineEndings("\n") + "\n");
}

// The routes are in the contracts; nothing is called.
internal sealed class Conductor : ConductorService.ConductorServiceBase;

internal sealed class CertAuthority : CertAuthorityService.CertAuthorityServiceBase;

internal sealed class Classifier : ClassifierService.ClassifierServiceBase;
