namespace Overture.TestSupport;

/// <summary>What the servers of each dialect know and refuse.</summary>
public sealed partial class Ec2Double
{
    /// <summary>What a server does not know, and refuses a whole request for.</summary>
    /// <param name="Path">Its endpoint's.</param>
    /// <param name="Unknown">How such parameters begin.</param>
    private sealed record Strictness(string Path, params string[] Unknown)
    {
        public static Strictness Of(string dialect) => dialect switch
        {
            "aws" => new("/"),
            "eucalyptus" => new("/services/compute", "MetadataOptions", "InstanceMarketOptions", "Latest", "MaxResults", "DryRun")
                { ComparesNothing = true },
            "ec2api" => new("/", "MetadataOptions", "InstanceMarketOptions", "Latest", "TagSpecification", "DryRun")
                { ComparesNothing = true, IgnoresImageOwner = true, UnknownIs = (500, "TypeError") },
            "spinifex" => new("/")
            {
                Filters = ["instance-id", "instance-state-name"], ListsNoToken = true, UnknownIs = (400, "InvalidParameterValue"),
            },
            _ => throw new ArgumentException($"no such dialect: {dialect}", nameof(dialect)),
        };

        /// <summary>The filters of DescribeInstances beside tags; null: any.</summary>
        public string[]? Filters { get; init; }

        public bool ListsNoToken { get; init; }

        /// <summary>A client token has its first reservation, whatever else is asked for with it.</summary>
        public bool ComparesNothing { get; init; }

        /// <summary>DescribeImages lists everyone's, whatever owner is asked for.</summary>
        public bool IgnoresImageOwner { get; init; }

        /// <summary>The answer to what it does not know.</summary>
        public (int Status, string Code) UnknownIs { get; init; } = (400, "UnknownParameter");

        /// <summary>In the name space of the version that was asked for.</summary>
        public string Dressed(string body, IReadOnlyDictionary<string, string> form) =>
            body.StartsWith($"<{form["Action"]}Response>", StringComparison.Ordinal)
                ? $"<{form["Action"]}Response xmlns=\"http://ec2.amazonaws.com/doc/{form.GetValueOrDefault("Version")}/\">"
                    + body[(form["Action"].Length + "<Response>".Length)..]
                : body;

        public bool Refuses(IReadOnlyDictionary<string, string> form) =>
            form.Keys.Any(p => Unknown.Any(u => p.StartsWith(u, StringComparison.Ordinal)))
            || (Filters is not null && form.Any(f => f.Key.StartsWith("Filter.", StringComparison.Ordinal)
                && f.Key.EndsWith(".Name", StringComparison.Ordinal) && !f.Value.StartsWith("tag:", StringComparison.Ordinal)
                && !Filters.Contains(f.Value)));
    }
}
