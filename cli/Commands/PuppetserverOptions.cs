using System.CommandLine;
using Overture.Cli.Doctor;

namespace Overture.Cli.Commands;

/// <summary>Which puppetserver of this host a verb looks at.</summary>
internal sealed class PuppetserverOptions
{
    private readonly Option<string?> confdir = new("--confdir")
    {
        Description = "Where its puppet.conf is; else /etc/puppetlabs/puppet or /etc/puppet",
        HelpName = "DIR",
    };

    private readonly Option<string> user = new("--user")
    {
        Description = "Who it runs as",
        HelpName = "NAME",
        DefaultValueFactory = _ => "puppet",
    };

    public void AddTo(Command verb)
    {
        verb.Options.Add(confdir);
        verb.Options.Add(user);
    }

    /// <exception cref="Failure">There is no puppet.conf.</exception>
    public HookSetup Read(ParseResult parse) => HookSetupReader.Read(parse.GetValue(confdir), parse.GetRequiredValue(user));
}
