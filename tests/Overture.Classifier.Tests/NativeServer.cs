using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>A real puppetserver with node_terminus = overture: one for all tests that need one, since it takes a minute to start.</summary>
public sealed class NativeServer : IAsyncLifetime
{
    public const string Collection = "puppetserver";
    public const int TimeoutSeconds = 3;
    private PuppetCaStandIn ca = null!;

    public TerminusFixture House { get; private set; } = null!;
    public CompileServer Server { get; private set; } = null!;
    public CertName Name { get; private set; }

    public async Task InitializeAsync()
    {
        House = await TerminusFixture.Build();
        ca = await PuppetCaStandIn.Start(House.Ca, House.CaPort);
        await House.Start();
        await House.Certified();
        Name = await House.Register();
        Server = await CompileServer.Start(House.Ca, Name.ToString(), House.PuppetserverPort, "terminus=native",
            $"classifier_url={House.Url}", $"classifier_timeout={TimeoutSeconds}",
            $"class_readers=[{TerminusFixture.Name}]");
    }

    public async Task DisposeAsync()
    {
        if (Server is not null)
            await Server.DisposeAsync();
        await House.DisposeAsync();
        await ca.DisposeAsync();
    }
}

[CollectionDefinition(NativeServer.Collection)]
public sealed class NativeServerCollection : ICollectionFixture<NativeServer>;
