using System.CommandLine;
using Google.Protobuf.WellKnownTypes;
using Overture.Cli.Doctor;
using Overture.Cli.Output;
using Overture.Conductor.V1;
using Option = System.CommandLine.Option;

namespace Overture.Cli.Commands;

/// <summary>overture doctor: what is wrong with a site, line by line, and what mends it.</summary>
internal sealed class DoctorVerb : Verb
{
    private const int MaxUserData = 16 * 1024;

    private readonly Option<string?> file = new("-c", "--file")
    {
        Description = "A launch file: its launch is looked at, and bootstrapped as a trial, without an instance",
        HelpName = "FILE",
    };

    private readonly Option<string?> profile = new("--profile") { Description = "The same for a stored profile", HelpName = "NAME" };
    private readonly Option<bool> noTrial = new("--no-trial") { Description = "No trial bootstrap: nothing is registered or signed" };
    private readonly Option<string?> bundle = new("--ca-bundle")
    {
        Description = "The Puppet CA's certificates; else those of the user data",
        HelpName = "FILE",
    };

    private readonly Option<bool> puppetserver = new("--puppetserver")
    {
        Description = "Only look at the puppetserver on this host, as root: puppet.conf, its hooks (overture hook check), its web server, "
            + "its certificate, and the age of its CRL; no service is asked",
    };

    private readonly PuppetserverOptions server = new();

    public DoctorVerb() : base("doctor",
        "Find out what is wrong with a site: certificates, services, clocks, bucket, definitions, fleet, and a trial bootstrap over the way "
            + "that an instance takes",
        "overture doctor", "overture doctor -c examples/start_instance.yaml", "overture doctor --profile web --no-trial",
        "overture doctor --puppetserver", "overture doctor -o json | jq '.checks[] | select(.status == \"fail\")'")
    {
        Exits = ["1  something does not work"];
        foreach (var option in new Option[] { file, profile, noTrial, bundle, puppetserver })
            Options.Add(option);
        server.AddTo(this);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var lines = new List<DoctorLine>();
        // A table's lines are printed as they come; other formats are one document at the end.
        void Report(DoctorLine line)
        {
            lines.Add(line);
            if (session.Printer.Format == OutputFormat.Table)
                Show(line);
        }

        if (session.Parse.GetValue(puppetserver))
            new PuppetserverChecks(server.Read(session.Parse), session.Clock).Run().ToList().ForEach(Report);
        else
            await OnSite(session, Report, cancel);
        var failed = lines.Count(l => l.Status == DoctorStatus.Failed);
        var warned = lines.Count(l => l.Status == DoctorStatus.Warning);
        session.Printer.Answer(new Struct { Fields = { ["checks"] = DoctorLine.Document(lines) } }, _ =>
            Printer.Say($"{lines.Count(l => l.Status == DoctorStatus.Ok)} ok, {warned} to look at, "
            + $"{failed} failed"));
        return failed > 0 ? ExitCodes.Failed : ExitCodes.Ok;
    }

    private async Task OnSite(Session session, Action<DoctorLine> report, CancellationToken cancel)
    {
        var answered = await new SiteChecks(session, report, cancel).Run();
        var (from, named) = (session.Parse.GetValue(file), session.Parse.GetValue(profile));
        if (from is null && named is null)
        {
            report(new DoctorLine("launch", "provider", DoctorStatus.Skipped, "no launch was named",
                "overture doctor -c FILE, or --profile NAME"));
            return;
        }
        if (from is not null && named is not null)
            throw Failure.Usage("give either -c FILE or --profile NAME");
        if (await Preview(session, from, named, report, cancel) is not { } preview)
            return;
        if (session.Parse.GetValue(noTrial) || !answered)
        {
            report(new DoctorLine("trial", "bootstrap", DoctorStatus.Skipped, answered ? "by --no-trial" : "not every service answers"));
            return;
        }
        var pem = session.Parse.GetValue(bundle) is { } path ? await File.ReadAllTextAsync(path, cancel) : null;
        await new TrialBootstrap(session, report, cancel).Run(preview.Spec, pem);
    }

    private static async Task<PreviewLaunchResponse?> Preview(Session session, string? from, string? named, Action<DoctorLine> report,
        CancellationToken cancel)
    {
        try
        {
            var request = from is null ? new PreviewLaunchRequest { Profile = named }
                : new PreviewLaunchRequest { Spec = (await LaunchFile.Read(session, from, cancel)).Spec };
            var answer = await session.Conductor((c, o) => c.PreviewLaunchAsync(request, o), cancel, TimeSpan.FromSeconds(60));
            var verdict = answer.ProviderVerdict;
            report(new DoctorLine("launch", "provider", verdict.StartsWith("no", StringComparison.Ordinal) ? DoctorStatus.Failed
                : verdict.StartsWith("unknown", StringComparison.Ordinal) ? DoctorStatus.Warning : DoctorStatus.Ok,
                verdict.Length > 0 ? $"{answer.Spec.Provider} would start it: {verdict}"
                : $"{answer.Spec.Provider} takes it as it is written"));
            // What does not fit is packed, and refused only then.
            report(new DoctorLine("launch", "user data", DoctorStatus.Ok, $"{answer.UserDataSize} of {MaxUserData} bytes"));
            return answer;
        }
        catch (Failure failure)
        {
            report(DoctorLine.Of("launch", from ?? named!, failure));
            return null;
        }
    }

    private static void Show(DoctorLine line)
    {
        var took = line.Took > TimeSpan.FromSeconds(0.1) ? $" ({line.Took.TotalSeconds:0.0} s)" : "";
        Console.Out.WriteLine(Printable.Line($"{line.Word,-4}  {line.Area}: {line.Check}: {line.Detail}{took}"));
        if (line.Next.Length > 0)
            Console.Out.WriteLine(Printable.Line($"      next: {line.Next}"));
    }
}
