using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Console.Layout;

namespace Overture.Console.Launch;

/// <summary>A launch in a few lines, with every default: only what is there.</summary>
internal static class LaunchFacts
{
    public static IEnumerable<(string Name, string Value)> Of(PreviewLaunchResponse preview)
    {
        var spec = preview.Spec;
        (string Name, string Value)[] all =
        [
            ("Provider", spec.Provider), ("Image", spec.Image), ("Type", spec.InstanceType), ("Region", spec.Ec2?.Region ?? ""),
            ("Puppet server", spec.Puppet is { } puppet ? $"{puppet.Server}:{puppet.Serverport}" : ""),
            ("Environment", spec.Node?.Environment ?? ""), ("Classes", string.Join(", ", spec.Node?.Classes?.Fields.Keys ?? [])),
            ("Labels", string.Join(", ", spec.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => $"{l.Key}={l.Value}"))),
            ("Role", spec.Role), ("Further names", string.Join(", ", spec.DnsAltNames)),
            ("Must come up within", spec.Deadline is { } deadline ? Say.Span(deadline.ToTimeSpan()) : ""),
            ("Ends by itself", spec.Ttl is { } ttl ? $"after {Say.Span(ttl.ToTimeSpan())}" : "never"),
            ("Protected", spec.Protected ? "yes: it can't be terminated before that is taken back" : ""),
            ("Provider says", preview.ProviderVerdict),
        ];
        return all.Where(f => f.Value.Length > 0);
    }
}
