namespace Overture.Conductor.Providers.Ec2;

/// <summary>What an endpoint understands. Eucalyptus and ec2-api refuse a whole request for one parameter that they do not know.</summary>
internal sealed record Ec2Dialect
{
    /// <summary>Path of the endpoint.</summary>
    public required string Path { get; init; }

    /// <summary>The API version to ask for.</summary>
    public required string Version { get; init; }

    /// <summary>RunInstances takes TagSpecification; else CreateTags follows it.</summary>
    public required bool TagOnCreate { get; init; }

    /// <summary>RunInstances takes MetadataOptions: IMDSv2 can be demanded.</summary>
    public required bool MetadataOptions { get; init; }

    /// <summary>RunInstances takes InstanceMarketOptions.</summary>
    public required bool Spot { get; init; }

    /// <summary>GetConsoleOutput takes Latest.</summary>
    public required bool ConsoleLatest { get; init; }

    /// <summary>Describe actions take MaxResults, 5 to 1000.</summary>
    public required bool MaxResults { get; init; }

    /// <summary>An instance profile has an effect.</summary>
    public required bool InstanceProfile { get; init; }

    /// <summary>RunInstances takes DryRun.</summary>
    public required bool DryRun { get; init; }

    public static Ec2Dialect Aws { get; } = new()
    {
        Path = "/", Version = "2016-11-15", TagOnCreate = true, MetadataOptions = true, Spot = true, ConsoleLatest = true,
        MaxResults = true, InstanceProfile = true, DryRun = true,
    };

    public static Ec2Dialect Eucalyptus { get; } = Aws with
    {
        Path = "/services/compute", Version = "2015-10-01", MetadataOptions = false, Spot = false, ConsoleLatest = false,
        MaxResults = false, DryRun = false,
    };

    /// <summary>OpenStack's. It accepts an instance profile and ignores it.</summary>
    public static Ec2Dialect Ec2Api { get; } =
        Eucalyptus with { Path = "/", Version = "2016-11-15", TagOnCreate = false, MaxResults = true, InstanceProfile = false };

    /// <returns>Null: no preset has this name.</returns>
    public static Ec2Dialect? Preset(string name) => name switch
    {
        "aws" => Aws,
        "eucalyptus" => Eucalyptus,
        "ec2api" => Ec2Api,
        _ => null,
    };
}
