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

    /// <summary>RunInstances takes an alias of the parameter store in the place of an image's id.</summary>
    public required bool ImageAlias { get; init; }

    /// <summary>DescribeImages takes the filters name, architecture and state.</summary>
    public required bool ImageFilters { get; init; }

    /// <summary>DescribeImages lists only what the owner has that it is asked for; else the owners in its answer decide.</summary>
    public required bool ImageOwner { get; init; }

    /// <summary>DescribeInstances takes the filter client-token.</summary>
    public required bool TokenFilter { get; init; }

    /// <summary>DescribeInstances shows the client token of each.</summary>
    public required bool ListsToken { get; init; }

    public static Ec2Dialect Aws { get; } = new()
    {
        Path = "/", Version = "2016-11-15", TagOnCreate = true, MetadataOptions = true, Spot = true, ConsoleLatest = true,
        MaxResults = true, InstanceProfile = true, DryRun = true, ImageAlias = true, ImageFilters = true, ImageOwner = true,
        TokenFilter = true, ListsToken = true,
    };

    public static Ec2Dialect Eucalyptus { get; } = Aws with
    {
        Path = "/services/compute", Version = "2015-10-01", MetadataOptions = false, Spot = false, ConsoleLatest = false,
        MaxResults = false, DryRun = false, ImageAlias = false,
    };

    /// <summary>OpenStack's. It accepts an instance profile, and the owner of an image, and ignores both.</summary>
    public static Ec2Dialect Ec2Api { get; } = Eucalyptus with
    {
        Path = "/", Version = "2016-11-15", TagOnCreate = false, MaxResults = true, InstanceProfile = false, ImageOwner = false,
    };

    /// <summary>
    /// Spinifex', of which DescribeInstances knows few filters, shows no client token, and lists all at once; its spot market is a call of
    /// its own (spinifex/gateway/ec2/instance in github.com/mulgadc/spinifex).
    /// </summary>
    public static Ec2Dialect Spinifex { get; } = Aws with
    {
        Spot = false, ConsoleLatest = false, MaxResults = false, ImageAlias = false, ImageFilters = false, ImageOwner = false,
        TokenFilter = false, ListsToken = false,
    };

    /// <returns>Null: no preset has this name.</returns>
    public static Ec2Dialect? Preset(string name) => name switch
    {
        "aws" => Aws,
        "eucalyptus" => Eucalyptus,
        "ec2api" => Ec2Api,
        "spinifex" => Spinifex,
        _ => null,
    };
}
