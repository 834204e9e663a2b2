using System.CommandLine;
using System.Globalization;
using Overture.Cli.Output;
using Overture.Conductor.V1;

namespace Overture.Cli.Commands;

/// <summary>overture launch: starts instances from a file, and with --wait stays until each is converged or failed.</summary>
internal sealed class LaunchVerb : Verb
{
    // The Conductor's own limit.
    private const int MostAtOnce = 100;

    private readonly Option<string?> file = new("-c", "--file")
    {
        Description = "What to launch; examples/start_instance.yaml shows every key",
        HelpName = "FILE",
    };
    private readonly Option<string?> profile = new("--profile")
    {
        Description = "Launch the stored profile of this name, instead of a file",
        HelpName = "NAME",
    };
    private readonly Argument<string?> image = new("IMAGE")
    {
        Description = "Image, instead of the file's",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<int> count = new("--count")
    {
        Description = "How many, 1 to 100",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };
    private readonly Option<bool> wait = new("--wait")
    {
        Description = "Stay until every instance is converged or failed, showing its progress",
    };
    private readonly Option<bool> dryRun = new("--dry-run")
    {
        Description = "Launch nothing: print the user data (the secret masked) and its size, or with -o json the spec with every "
            + "default too",
    };
    private readonly Option<string?> requestId = new("--request-id")
    {
        Description = "Makes a repeated call find the same instances; 1-64 of A-Z a-z 0-9 . _ -",
        HelpName = "ID",
    };
    private readonly Option<TimeSpan?> timeout = Durations.Timeout("In total (5m)");

    public LaunchVerb() : base("launch", "Launch instances, each with its own certname, certificate and node definition",
        "overture launch -c examples/start_instance.yaml --wait",
        "overture launch -c web.yaml --count 3 --request-id web-2026-11",
        "overture launch --profile web --count 3 --wait",
        "overture launch -c web.yaml --dry-run",
        "overture launch -c web.yaml host --wait -o json | jq -r '.instances[].certname'")
    {
        count.Validators.Add(result =>
        {
            if (result.Tokens is [var only] && int.TryParse(only.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                out var many) && many is < 1 or > MostAtOnce)
            {
                result.AddError($"--count must be 1 to {MostAtOnce}, not {many}");
            }
        });
        Exits =
        [
            "1  an instance was not started or, with --wait, failed; with --dry-run, the cloud would refuse it",
            "7  with --wait: not converged within --timeout; the launch goes on",
        ];
        Arguments.Add(image);
        Options.Add(file);
        Options.Add(profile);
        Options.Add(count);
        Options.Add(wait);
        Options.Add(dryRun);
        Options.Add(requestId);
        Options.Add(timeout);
    }

    protected override async Task<int> Run(Session session, CancellationToken cancel)
    {
        var from = session.Parse.GetValue(file) is { } named && session.Parse.GetValue(profile) is null
            ? await LaunchFile.Read(session, named, cancel) : null;
        var request = Request(session, from?.Spec);
        if (session.Parse.GetValue(dryRun))
            return await Preview(session, request, from, cancel);
        // Made here, so that a caller that loses the answer can repeat it and find the same instances.
        var id = session.Parse.GetValue(requestId) ?? Guid.CreateVersion7(session.Clock.GetUtcNow()).ToString();
        var began = session.Clock.GetTimestamp();
        var limit = session.Parse.GetValue(timeout) ?? TimeSpan.FromMinutes(5);
        request.Count = session.Parse.GetValue(count);
        request.RequestId = id;
        var launched = await Placed(from, () => Launch(session, request, limit, cancel));
        SayDoubtful(from, launched.Warnings);
        var failed = launched.Results.Where(r => r.Reason.Length > 0).ToList();
        foreach (var result in failed)
            Printer.Say($"error: {result.Instance.Certname}: {result.Detail} ({result.Reason})");

        if (!session.Parse.GetValue(wait))
        {
            session.Printer.Answer(launched, p => p.Table(["CERTNAME", "STATE", "INSTANCE"],
                launched.Results.Select(r => new[] { r.Instance.Certname, InstanceText.Summary(r.Instance), r.Instance.InstanceId })));
            return failed.Count == 0 ? ExitCodes.Ok : ExitCodes.Failed;
        }
        var instances = launched.Results.Select(r => r.Instance).ToList();
        var watched = await Wait(session, instances, limit - session.Clock.GetElapsedTime(began), cancel);
        session.Printer.Answer(LaunchOutcome.Document(launched, watched),
            p => p.Table(["CERTNAME", "STATE", "TRACE"],
                watched.Instances.Select(i => new[] { i.Certname, InstanceText.Summary(i), i.TraceId })));
        if (watched.TimedOut)
        {
            Printer.Say($"error: not converged within {limit.TotalSeconds:0} s; it goes on by itself",
                $"next: overture instance watch {watched.Instances[0].Certname}");
        }
        return watched.Converged ? ExitCodes.Ok : watched.TimedOut ? ExitCodes.Timeout : ExitCodes.Failed;
    }

    private static async Task<int> Preview(Session session, LaunchInstancesRequest request, LaunchFile? from, CancellationToken cancel)
    {
        var answer = await Placed(from, () => session.Conductor(
            (c, o) => c.PreviewLaunchAsync(new PreviewLaunchRequest { Spec = request.Spec, Profile = request.Profile }, o), cancel));
        SayDoubtful(from, answer.Warnings);
        session.Printer.Answer(answer, p => Printer.Document(answer.UserData));
        Printer.Say($"{answer.UserDataSize} bytes of user data; nothing was launched");
        if (answer.ProviderVerdict.Length > 0)
            Printer.Say($"would {answer.Spec.Provider} launch it? {answer.ProviderVerdict}");
        // "unknown: …" is no refusal: a cloud without dry runs can't say.
        return answer.ProviderVerdict.StartsWith("no:", StringComparison.Ordinal) ? ExitCodes.Failed : ExitCodes.Ok;
    }

    private static Task<T> Placed<T>(LaunchFile? from, Func<Task<T>> call) => from is null ? call() : from.Placed(call);

    // A file has said it itself, with its lines.
    private static void SayDoubtful(LaunchFile? from, IEnumerable<ProfileProblem> warnings)
    {
        if (from is null)
            DoubtfulText.Say("profile", warnings);
    }

    private LaunchInstancesRequest Request(Session session, LaunchSpec? spec)
    {
        var (from, named, chosen) = (session.Parse.GetValue(file), session.Parse.GetValue(profile), session.Parse.GetValue(image));
        if (from is null == named is null)
            throw new Failure(ExitCodes.Usage, "give either -c FILE or --profile NAME", "overture launch --help has examples");
        if (named is not null)
        {
            return chosen is null ? new LaunchInstancesRequest { Profile = named } : throw new Failure(ExitCodes.Usage,
                "IMAGE goes with -c FILE; a profile has its own");
        }
        if (chosen is not null)
            spec!.Image = chosen;
        return new LaunchInstancesRequest { Spec = spec };
    }

    private static async Task<LaunchInstancesResponse> Launch(Session session, LaunchInstancesRequest request, TimeSpan limit,
        CancellationToken cancel)
    {
        try
        {
            return await session.Conductor((c, o) => c.LaunchInstancesAsync(request, o), cancel, limit);
        }
        catch (Failure f) when (f.Exit is ExitCodes.Unavailable or ExitCodes.Timeout)
        {
            throw f.Then($"repeat it with --request-id {request.RequestId}: whatever was launched is found again");
        }
    }

    private static async Task<Watched> Wait(Session session, List<Instance> instances, TimeSpan left, CancellationToken cancel)
    {
        var next = $"overture instance watch {string.Join(' ', instances.Select(i => i.Certname))}";
        var progress = new Progress(session.Clock);
        try
        {
            return await progress.While(() =>
            {
                instances.ForEach(progress.Report);
                return new InstanceWatcher(session).Follow(instances, filter: null, untilSettled: true, left, answered: true,
                    progress.Report, progress.Say, cancel);
            });
        }
        catch (OperationCanceledException)
        {
            Printer.Say($"the launch goes on by itself; next: {next}");
            throw;
        }
        catch (Failure f) when (f.Exit is ExitCodes.Unavailable)
        {
            throw f.Then($"the launch goes on by itself: {next}");
        }
    }
}
