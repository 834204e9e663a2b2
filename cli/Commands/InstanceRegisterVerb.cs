using System.CommandLine;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Overture.Platform.Records;

namespace Overture.Cli.Commands;

/// <summary>overture instance register: a launch without the start, for machines that are started by other means.</summary>
internal sealed class InstanceRegisterVerb : Verb
{
    private readonly Option<string> file = new("-c", "--file")
    {
        Description = "Launch file, as for launch; provider is ignored",
        HelpName = "FILE",
        Required = true,
    };
    private readonly Option<string?> role = new("--role")
    {
        Description = "puppetserver: may post reports and ask for nodes",
        HelpName = "ROLE",
    };
    private readonly Option<string[]> names = new("--dns-alt-name")
    {
        Description = "DNS name the certificate will carry beside its own; may be repeated",
        HelpName = "NAME",
    };
    private readonly Option<string?> userDataFile = new("--user-data-file")
    {
        Description = "Write the user data there (0600); stdout then has the certname",
        HelpName = "FILE",
    };
    private readonly Option<string?> tokenFile = new("--token-file")
    {
        Description = "Write only the one-time token there (0600)",
        HelpName = "FILE",
    };
    private readonly Option<bool> url = new("--user-data-url")
    {
        Description = "Keep the user data in the s3: bucket for at most an hour, and print user data that fetches it from there; for "
            + "more than the cloud accepts",
    };
    private readonly Option<string?> certname = new("--certname")
    {
        Description = "The host's name, if it has one already; else random",
        HelpName = "NAME",
    };
    private readonly Option<string?> requestId = new("--request-id")
    {
        Description = "Makes a repeated call find the same instance",
        HelpName = "ID",
    };

    public InstanceRegisterVerb() : base("register", "Register an instance that is started elsewhere, and print its user data",
        "overture instance register -c web.yaml > user-data.yaml",
        "overture instance register -c web.yaml --user-data-url --user-data-file user-data.txt",
        "overture instance register -c db.yaml --certname db1.example.com --token-file token",
        "overture instance register -c puppet.yaml --role puppetserver --dns-alt-name puppet.example.com --token-file token -o json")
    {
        Options.Add(file);
        Options.Add(role);
        Options.Add(names);
        Options.Add(userDataFile);
        Options.Add(tokenFile);
        Options.Add(url);
        Options.Add(certname);
        Options.Add(requestId);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var from = await LaunchFile.Read(session, session.Parse.GetRequiredValue(file), cancel);
        var spec = from.Spec;
        if (session.Parse.GetValue(role) is { } chosen)
            spec.Role = chosen;
        spec.DnsAltNames.AddRange((session.Parse.GetValue(names) ?? []).Except(spec.DnsAltNames).ToList());
        var id = session.Parse.GetValue(requestId) ?? Guid.CreateVersion7(session.Clock.GetUtcNow()).ToString();
        var request = new RegisterInstanceRequest { Spec = spec, RequestId = id, Certname = session.Parse.GetValue(certname) ?? "",
            UserDataUrl = session.Parse.GetValue(url) };
        var answer = await from.Placed(() => session.Conductor((c, o) => c.RegisterInstanceAsync(request, o), cancel,
            TimeSpan.FromSeconds(60)));

        var userData = answer.UserData;
        var expires = answer.UserDataUrlExpires;
        // What was asked into a file does not appear on stdout as well: it holds the one-time token.
        if (session.Parse.GetValue(tokenFile) is { } tokenTo)
        {
            PrivateFile.Write(tokenTo, answer.Token);
            answer.UserData = answer.Token = answer.UserDataUrl = "";
        }
        if (session.Parse.GetValue(userDataFile) is { } dataTo)
        {
            PrivateFile.Write(dataTo, userData);
            answer.UserData = answer.Token = answer.UserDataUrl = "";
        }
        session.Printer.Answer(answer, p => Printer.Document(answer.UserData.Length > 0 ? answer.UserData : answer.Instance.Certname));
        Printer.Say($"registered {answer.Instance.Certname}; its token is good until {InstanceText.Time(answer.Instance.Deadline)}");
        if (expires is not null)
            Printer.Say($"its user data can be fetched until {InstanceText.Time(expires)}; anyone with the URL has the token");
        return ExitCodes.Ok;
    }
}
