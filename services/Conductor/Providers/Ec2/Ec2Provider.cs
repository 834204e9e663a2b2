using System.Text;
using System.Threading.RateLimiting;
using System.Xml.Linq;
using Amazon.Runtime;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;

namespace Overture.Conductor.Providers.Ec2;

/// <summary>
/// Instances of an EC2-compatible cloud. An instance is found by its tag, and by the client token, which is its certname: starting it a
/// second time returns the first one, on clouds that honor the token even while the tag is not visible yet.
/// </summary>
internal sealed class Ec2Provider : IProvider, IDisposable
{
    private const int PageSize = 1000, MaxConsole = 64 * 1024, Burst = 5, MaxWaiting = 10_000;
    private const int CapacityTries = 3;
    private readonly Ec2Options options, all;
    private readonly Ec2Site site;
    private readonly Ec2Dialect dialect;
    private readonly Ec2Client client;
    private readonly TimeProvider clock;
    private readonly string deployment;
    private readonly RateLimiter launches;
    private readonly KeyedLock oneAtATime = new();
    private readonly Ec2Images images;
    private readonly Ec2AssumedRole? role;

    /// <param name="all">The options with every account and region.</param>
    /// <param name="deployment">In the marks.</param>
    /// <param name="clock">Of signatures and ages.</param>
    /// <param name="credentials">Null: as every AWS tool finds them.</param>
    /// <param name="site">Which account and region of them; null: the default one.</param>
    internal Ec2Provider(Ec2Options all, string deployment, TimeProvider clock, AWSCredentials? credentials, Ec2Site? site = null)
    {
        (this.all, this.deployment, this.clock, this.site) = (all, deployment, clock, site ?? Ec2Sites.Of(all)[0]);
        options = Ec2Sites.At(all, this.site);
        dialect = Ec2Dialect.Preset(options.Dialect)!; // the options were checked
        role = this.site.Role is { } to ? new Ec2AssumedRole(options, to, deployment, credentials, clock) : null;
        client = new Ec2Client(options, dialect, clock, role ?? credentials);
        images = new Ec2Images(client, dialect, options.Region, clock);
        Account = options.Account;
        launches = new TokenBucketRateLimiter(new TokenBucketRateLimiterOptions
        {
            TokenLimit = Math.Max(Burst, options.LaunchesPerSecond),
            TokensPerPeriod = options.LaunchesPerSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
            QueueLimit = MaxWaiting,
        });
    }

    public string Name => "ec2";
    public string Account { get; }
    public string Region => options.Region;
    public TimeSpan Settling => TimeSpan.FromMinutes(10);
    public TimeSpan LookEvery => TimeSpan.FromSeconds(30);

    public async Task<string?> CheckReady(CancellationToken cancel)
    {
        try
        {
            await client.Call("DescribeInstances", [("Filter.1.Name", $"tag:{Ec2Tags.CertName}"), ("Filter.1.Value.1", "none")], cancel);
            return null;
        }
        catch (Ec2Exception e)
        {
            return $"the cloud at {options.Url.Authority} can't be used: {e.Message}";
        }
    }

    public IEnumerable<FieldProblem> Check(LaunchSpec spec) => Ec2Launch.Check(spec, dialect).Concat(Ec2Sites.Check(spec, all));

    public bool IsFurther => site.Role is not null || !site.IsDefault;

    public bool Serves(LaunchSpec spec) => site.Serves(spec);

    public IReadOnlyList<LaunchPlace> Places(LaunchSpec spec) => Ec2Places.Of(spec);

    public Task<string> Image(LaunchSpec spec, CancellationToken cancel) => spec.Ec2?.Image is { } wanted
        ? Guarded(() => images.Newest(wanted, cancel)) : Task.FromResult(spec.Image);

    public Task<Started> Start(CertName name, LaunchSpec spec, string userData, bool again, CancellationToken cancel) =>
        Start(name, new LaunchPlace(0, "", spec), userData, again, cancel);

    public async Task<Started> Start(CertName name, LaunchPlace place, string userData, bool again, CancellationToken cancel)
    {
        using var alone = await oneAtATime.Enter(name, cancel);
        var asked = false;
        try
        {
            return await Guarded(() => Start(name, place, userData, again, () => asked = true, cancel));
        }
        catch (ProviderException e) when (!asked && e.Means == NotStarted.Unclear)
        {
            throw new ProviderException(e.Message, e.Final) { Means = NotStarted.Nothing };
        }
    }

    private async Task<Started> Start(CertName name, LaunchPlace place, string userData, bool again, Action asks, CancellationToken cancel)
    {
        var spec = place.Spec;
        // 1. It was started before, and its answer was lost.
        var found = again ? await Known(name, cancel) : [];
        if (found.FirstOrDefault(i => !i.Seen.IsGone) is { } standing)
        {
            asks();
            return await Marked(standing, name, spec, cancel);
        }
        if (found.Count > 0)
            throw Ended(found[0].Id, found[0]);

        // 2. The image can boot at all.
        if (await images.Check(spec.Image, cancel) is { } unfit)
            throw new ProviderException(unfit.Text, unfit.Final);
        // 3. Started, or found by its token. Where there are other places, they are better than waiting for room at this one.
        using var turn = await launches.AcquireAsync(1, cancel);
        asks();
        var answer = Ec2Instance.All(await Run(Ec2Launch.Fields(name, spec, userData, deployment, dialect, place.Number),
            place.Text.Length > 0 ? 1 : CapacityTries, cancel));
        var started = answer.Count > 0 ? answer[0]
            : throw new ProviderException("the cloud's answer names no instance; it will be looked up again");
        return started.Seen.IsGone ? throw Ended("the instance of this name", started) : await Marked(started, name, spec, cancel);
    }

    private static ProviderException Ended(string what, Ec2Instance instance) =>
        new($"{what} was terminated at the cloud{(instance.Reason.Length > 0 ? $" ({instance.Reason})" : "")}; a name is launched once",
            final: true) { Means = NotStarted.Ended };

    private async Task<XElement> Run(IEnumerable<(string Name, string Value)> fields, int capacityTries, CancellationToken cancel)
    {
        try
        {
            return await client.Call("RunInstances", fields, cancel, capacityTries: capacityTries);
        }
        catch (Ec2Exception e)
        {
            throw new ProviderException(e.Message, e.Verdict.Final)
            {
                Elsewhere = e.Verdict.Elsewhere, Code = e.Code,
                // A token that was used with other parameters has an instance.
                Means = e.Verdict.Action switch
                {
                    Ec2Action.Ended => NotStarted.Ended,
                    Ec2Action.Mismatch => NotStarted.Unclear,
                    _ => e.MayBeDone ? NotStarted.Unclear : NotStarted.Nothing,
                },
            };
        }
    }

    public Task<Rehearsal?> Rehearse(CertName name, LaunchSpec spec, string userData, CancellationToken cancel) =>
        Guarded<Rehearsal?>(async () =>
    {
        if (!dialect.DryRun)
            return new Rehearsal(null, "this endpoint does not support dry runs");
        try
        {
            // 1. The image can boot at all.
            if (await images.Check(spec.Image, cancel) is { } unfit)
                return new Rehearsal(false, unfit.Text);
            // 2. Asked in turn with launches, of which there are only so many a second. A good answer is an error.
            using var turn = await launches.AcquireAsync(1, cancel);
            var answer = await client.Call("RunInstances",
                Ec2Launch.Fields(name, Places(spec)[0].Spec, userData, deployment, dialect).Append(("DryRun", "true")), cancel);
            // 3. The endpoint launched anyway: undo that. Whatever remains carries our mark and is found as an orphan.
            var started = Ec2Instance.All(answer);
            if (started.Count > 0)
            {
                await client.Call("TerminateInstances", started.Select((s, i) => ($"InstanceId.{i + 1}", s.Id)), CancellationToken.None,
                    untilFound: true);
            }

            return new Rehearsal(null, "this endpoint ignores DryRun; the instance it started was terminated");
        }
        catch (Ec2Exception e)
        {
            return e.Verdict.Action switch
            {
                Ec2Action.DryRunOk => new Rehearsal(true, ""),
                Ec2Action.Retry or Ec2Action.SlowDown => new Rehearsal(null, e.Message),
                _ => new Rehearsal(false, e.Message),
            };
        }
    });

    public Task Stop(CertName name, string instanceId, DateTimeOffset since, CancellationToken cancel) => Guarded(async () =>
    {
        // 1. By its id, and by its mark: there may be another than we know.
        var found = await Known(name, cancel);
        var ids = found.Where(i => !i.Seen.IsGone).Select(i => i.Id).ToHashSet(StringComparer.Ordinal);
        if (instanceId.Length > 0 && found.All(i => i.Id != instanceId))
            ids.Add(instanceId);
        var young = clock.GetUtcNow() < since + Settling;
        if (ids.Count == 0)
        {
            return found.Count > 0 || !young ? true
                : throw new ProviderException("the cloud does not list it yet: it is looked up again until 10 minutes after its launch");
        }

        // 2. Its end; an instance that the cloud has forgotten is over, unless it has not heard of it yet.
        try
        {
            await client.Call("TerminateInstances", ids.Select((id, i) => ($"InstanceId.{i + 1}", id)), cancel);
        }
        catch (Ec2Exception e) when (e.Verdict.Action == Ec2Action.NotFound && !young)
        {
            return true;
        }
        return true;
    });

    public Task<Sighting> Look(CertName name, string instanceId, CancellationToken cancel) => Guarded(async () =>
    {
        var found = await Known(name, cancel);
        // Its mark may have been taken off: then it is not gone.
        if (instanceId.Length > 0 && found.All(i => i.Id != instanceId))
            found = [.. found, .. await Describe([("instance-id", [instanceId])], cancel)];
        return found.FirstOrDefault(i => !i.Seen.IsGone)?.Seen ?? Sighting.Gone;
    });

    public Task<Sighting> Find(CertName name, CancellationToken cancel) => Guarded(async () =>
    {
        var found = await Known(name, cancel);
        if (found.Count == 0 && dialect is { TagOnCreate: true, TokenFilter: true })
            found = await ByToken(name, cancel);
        return found.FirstOrDefault(i => !i.Seen.IsGone)?.Seen ?? Sighting.Gone;
    });

    public Task<IReadOnlyList<Listed>> Inventory(CancellationToken cancel) => Guarded<IReadOnlyList<Listed>>(async () =>
        [.. (await Describe([($"tag:{Ec2Tags.Deployment}", [deployment])], cancel)).Where(i => i.IsOurs(dialect))
            .Select(i => new Listed(i.Name, i.Seen, i.Since))]);

    public Task<string?> Console(CertName name, string instanceId, CancellationToken cancel) => Guarded(async () =>
    {
        var id = instanceId.Length > 0 ? instanceId : (await Known(name, cancel)).FirstOrDefault(i => !i.Seen.IsGone)?.Id;
        return id is null ? null : await Console(id, dialect.ConsoleLatest, cancel);
    });

    public void Dispose()
    {
        role?.Dispose();
        client.Dispose();
        launches.Dispose();
    }

    // Only some instance types show what their console shows now; of the others there is a copy, some minutes old.
    private async Task<string?> Console(string id, bool latest, CancellationToken cancel)
    {
        try
        {
            var answer = await client.Call("GetConsoleOutput", [("InstanceId", id), ("Latest", latest ? "true" : "")], cancel);
            var text = answer.Elements().FirstOrDefault(e => e.Name.LocalName == "output")?.Value ?? "";
            var bytes = Convert.FromBase64String(string.Concat(text.Where(c => !char.IsWhiteSpace(c))));
            return bytes.Length == 0 ? null : Encoding.UTF8.GetString(bytes.AsSpan(Math.Max(0, bytes.Length - MaxConsole)));
        }
        catch (Ec2Exception e) when (latest && e.Code is "UnsupportedOperation" or "Unsupported")
        {
            return await Console(id, latest: false, cancel);
        }
        catch (FormatException)
        {
            throw new ProviderException("the cloud's copy of the console cannot be decoded");
        }
    }

    private async Task<Started> Marked(Ec2Instance instance, CertName name, LaunchSpec spec, CancellationToken cancel)
    {
        // Where tags can't come with the launch, they come now; until then only the client token says whose it is.
        if (!dialect.TagOnCreate && instance.Name.Length == 0)
        {
            await client.Call("CreateTags", new[] { ("ResourceId.1", instance.Id) }.Concat(Ec2Launch.Tags(name, spec, deployment, "")),
                cancel, untilFound: true);
        }

        // Whether it runs, and at which addresses, is in the inventory.
        return new Started(instance.Id, Runs: false)
        {
            Place = instance.Place,
            Image = spec.Image.StartsWith(Ec2Images.Alias, StringComparison.Ordinal) ? instance.Image : "",
        };
    }

    private async Task<IReadOnlyList<Ec2Instance>> Known(CertName name, CancellationToken cancel)
    {
        IReadOnlyList<Ec2Instance> marked = [.. (await Describe([($"tag:{Ec2Tags.CertName}", [name.ToString()]),
            ($"tag:{Ec2Tags.Deployment}", [deployment])], cancel)).Where(i => i.IsOurs(dialect))];
        // Where the mark comes after the launch, a crash in between leaves only the token.
        return marked.Count > 0 || dialect.TagOnCreate ? marked : await ByToken(name, cancel);
    }

    private async Task<IReadOnlyList<Ec2Instance>> ByToken(CertName name, CancellationToken cancel) =>
        [.. (await Describe([("client-token", Ec2Places.Tokens(name))], cancel))
            .Where(i => Ec2Places.PlaceOf(i.Token, name.ToString()) is not null)];

    private async Task<IReadOnlyList<Ec2Instance>> Describe(IReadOnlyList<(string Name, IReadOnlyList<string> Values)> filters,
        CancellationToken cancel)
    {
        var all = new List<Ec2Instance>();
        var next = "";
        var seen = new HashSet<string>(StringComparer.Ordinal);
        do
        {
            var fields = filters.Index()
                .SelectMany(f => f.Item.Values.Select((v, i) => ($"Filter.{f.Index + 1}.Value.{i + 1}", v))
                    .Prepend(($"Filter.{f.Index + 1}.Name", f.Item.Name)))
                .Append(("MaxResults", dialect.MaxResults ? $"{PageSize}" : "")).Append(("NextToken", next));
            var page = await client.Call("DescribeInstances", fields, cancel);
            // Any other XML page would look like an empty list.
            if (page.DescendantsAndSelf().All(e => e.Name.LocalName != "reservationSet"))
                throw new ProviderException("the cloud's answer is not a list of instances: is that the right endpoint?");
            all.AddRange(Ec2Instance.All(page));
            next = page.Elements().FirstOrDefault(e => e.Name.LocalName == "nextToken")?.Value ?? "";
        }
        while (next.Length > 0 && seen.Add(next));
        // Part of a list would look as if the rest were gone.
        return next.Length == 0 ? all : throw new ProviderException("the cloud gave the same page of its list twice");
    }

    private static async Task<T> Guarded<T>(Func<Task<T>> act)
    {
        try
        {
            return await act();
        }
        catch (Ec2Exception e)
        {
            throw new ProviderException(e.Message, e.Verdict.Final);
        }
        catch (Exception e) when (e is not (ProviderException or OperationCanceledException))
        {
            // E.g. from the SDK: never its text, which may hold what was sent.
            throw new ProviderException($"the cloud can't be asked: {e.GetType().Name}");
        }
    }
}
