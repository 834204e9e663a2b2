using Overture.Platform.Faults;
using Overture.Platform.Options;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

public sealed class OptionsTests : IDisposable
{
    private readonly TestPki pki = new();
    private readonly TempDirectory directory = new();

    [Fact]
    public void Load_FileThenEnvironment_EnvironmentWins()
    {
        Write("wait: 90s\nname: file\n" + Common());
        Environment.SetEnvironmentVariable("OVERTURE_OPTIONTEST__NAME", "environment");
        Environment.SetEnvironmentVariable("OVERTURE_OPTIONTEST__REGISTRY__DEADLINE", "500ms");
        try
        {
            var options = OptionsFile.Load<TestOptions>("optiontest", directory.File("o.yaml"));
            Assert.Equal(TimeSpan.FromSeconds(90), options.Wait);
            Assert.Equal("environment", options.Name);
            Assert.Equal(TimeSpan.FromMilliseconds(500), options.Registry.Deadline);
        }
        finally
        {
            Environment.SetEnvironmentVariable("OVERTURE_OPTIONTEST__NAME", null);
            Environment.SetEnvironmentVariable("OVERTURE_OPTIONTEST__REGISTRY__DEADLINE", null);
        }
    }

    // Roff: of a text of several lines each is escaped, not the first alone.
    [Fact]
    public void Manual_TextOfSeveralLines_HasNoRequestInAny() => Assert.Equal("\\&.first\n\\&'second\nthird \\ea\\-b\n\n\\&.last",
        OptionManual.Text(".first\n'second\nthird \\a-b\n\n.last"));

    [Fact]
    public void Load_SeveralRulesBroken_TellsAllAtOnce()
    {
        Write("listen: nowhere\nbucket: http://x\ndeployment: No!\nregistry: { endpoint: x, deadline: 1h }\n");
        var refused = Refused();
        Assert.Equal(
            ["bucket", "deployment", "listen", "registry.deadline", "registry.endpoint", "stateDirectory", "tls.certificate",
            "tls.key", "tls.roots"],
            refused.Fields.Select(f => f.Field).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Load_S3Section_IsReadAndItsRulesAreTold()
    {
        Write("bucket: s3://b-1/x\ns3: { serviceUrl: 'http://127.0.0.1:1', region: eu-central-1, pathStyle: false, timeout: 2s }\n"
            + Common());
        var s3 = OptionsFile.Load<TestOptions>("optiontest", directory.File("o.yaml")).S3;
        Assert.Equal(("http://127.0.0.1:1", "eu-central-1", false, TimeSpan.FromSeconds(2), "when-required"),
            (s3.ServiceUrl, s3.Region, s3.PathStyle!.Value, s3.Timeout, s3.Checksums));

        Write("bucket: s3://B\ns3: { serviceUrl: 'http://u@h/p', checksums: all, tlsRoots: /no/such, timeout: 2m }\n" + Common());
        Assert.Equal(["bucket", "s3.checksums", "s3.serviceUrl", "s3.timeout", "s3.tlsRoots"],
            Refused().Fields.Select(f => f.Field).Order(StringComparer.Ordinal));
        Write("bucket: s3://bucket\n" + Common());
        Assert.Equal(["s3.region"], Refused().Fields.Select(f => f.Field));
    }

    [Theory]
    [InlineData("wiat: 90s\n", "wiat")]
    [InlineData("wait: soon\n", "duration")]
    [InlineData("wait: [1\n", "o.yaml")]
    public void Load_KeyOrValueThatIsNone_IsNamed(string yaml, string named)
    {
        Write(yaml + Common());
        Assert.Contains(named, Refused().Message, StringComparison.OrdinalIgnoreCase);
    }

    [Theory]
    [InlineData("0s")]
    [InlineData("1ms")]
    [InlineData("90s")]
    [InlineData("15m")]
    [InlineData("36h")]
    [InlineData("180d")]
    public void Duration_Text_IsWhatPeopleWriteAndReadsTheSame(string text) => Assert.Equal(text,
        DurationConverter.Text(DurationConverter.Parse(text)));

    [Fact]
    public void Schema_OfEachKindOfOption_HasPathVariableTypeAndDefault()
    {
        // Of a type without documentation, no description.
        var entries = OptionSchema.Of<TestOptions>("optiontest").Select(e => e with { Description = null }).ToList();
        Assert.Contains(new OptionEntry("wait", "OVERTURE_OPTIONTEST__WAIT", "duration", "0s"), entries);
        Assert.Contains(new OptionEntry("registry.deadline", "OVERTURE_OPTIONTEST__REGISTRY__DEADLINE", "duration", "1s"), entries);
        Assert.Contains(new OptionEntry("s3.pathStyle", "OVERTURE_OPTIONTEST__S3__PATHSTYLE", "bool", null), entries);
        Assert.Contains(new OptionEntry(null, "OTEL_EXPORTER_OTLP_ENDPOINT", "string", null), entries);
        Assert.Contains(new OptionEntry(null, "AWS_WEB_IDENTITY_TOKEN_FILE", "string", null), entries);
        Assert.Equal(entries.Count, entries.Select(e => e.Environment).Distinct().Count());
    }

    [Fact]
    public void Schema_OfATypeThatNoOptionHas_IsRefused() =>
        Assert.Contains("odd", Assert.Throws<InvalidOperationException>(() => OptionSchema.Of<OddOptions>("optiontest")).Message,
            StringComparison.Ordinal);

    public void Dispose()
    {
        pki.Dispose();
        directory.Dispose();
    }

    private FaultException Refused() => Assert.Throws<FaultException>(
        () => OptionsFile.Load<TestOptions>("optiontest", directory.File("o.yaml")));

    private void Write(string yaml) => File.WriteAllText(directory.File("o.yaml"), yaml);

    private string Common() => $$"""
        listen: 127.0.0.1:7001
        stateDirectory: {{directory.Path}}
        tls: { certificate: "{{pki.Files("viewer").Certificate}}", key: "{{pki.Files("viewer").Key}}", roots: "{{pki.Files("viewer").Roots}}" }
        registry: { endpoint: "localhost:6379" }

        """;

    private sealed record TestOptions : ServiceOptions
    {
        public TimeSpan Wait { get; init; }
        public string Name { get; init; } = "";
    }

    private sealed record OddOptions : ServiceOptions
    {
        public Uri? Odd { get; init; }
    }
}
