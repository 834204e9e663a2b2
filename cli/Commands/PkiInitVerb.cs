using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Output;
using Overture.Cli.Pki;

namespace Overture.Cli.Commands;

/// <summary>overture pki init: the internal PKI and the launch keys.</summary>
internal sealed class PkiInitVerb : Verb
{
    internal static Option<string?> Home() => new("--home") { Description = "Where; else OVERTURE_HOME, else .overture", HelpName = "DIR" };

    private readonly Option<string?> home = Home();
    private readonly Option<string[]> hosts = new("--host")
    {
        Description = "DNS name or address that services are reached by, beside localhost; may be repeated",
        HelpName = "NAME",
    };

    public PkiInitVerb()
        : base("init", "Create the internal CA, a certificate for each party, and the launch keys; files that are not yet due are kept",
        "overture pki init", "overture pki init --home /srv/overture --host overture.example.com --host 10.0.0.7")
    {
        Options.Add(home);
        Options.Add(hosts);
    }

    protected override Task<int> Run(Session session, CancellationToken cancel)
    {
        var directory = Path.GetFullPath(session.Parse.GetValue(home) ?? StorePath.OvertureHome());
        var names = session.Parse.GetValue(hosts) ?? [];
        if (Array.Find(names, n => Uri.CheckHostName(n) == UriHostNameType.Unknown) is { } wrong)
            throw Failure.Usage($"--host: '{wrong}' is neither a DNS name nor an address");
        var written = new InternalPki(directory, session.Clock).Init(names);
        session.Printer.Answer(Files(written), p =>
        {
            foreach (var file in written)
                Printer.Document(file);
        });
        Printer.Say(written.Count == 0 ? $"nothing to do: the PKI below {directory} is complete and current"
            : $"wrote {written.Count} files below {directory}");
        return Task.FromResult(ExitCodes.Ok);
    }

    /// <summary>{"files": [path, ...]}: what was written.</summary>
    internal static Struct Files(IReadOnlyList<string> written) =>
        new() { Fields = { ["files"] = Value.ForList([.. written.Select(Value.ForString)]) } };
}
