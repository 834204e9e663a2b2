using System.CommandLine;

namespace Overture.Cli.Commands;

/// <summary>What the verbs have in common whose definitions are compared with the puppetserver's code.</summary>
internal static class PuppetserverCheck
{
    /// <summary>Of the call: above the service's own, puppetserver.timeout, which is 30 s at most.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(45);

    public static Option<bool> Option() => new("--check-puppetserver")
    {
        Description = "Refuse what names an environment, class or parameter that the puppetserver does not have",
    };
}
