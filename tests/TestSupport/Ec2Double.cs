using System.Collections.Concurrent;
using System.Globalization;
using System.Security;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Overture.TestSupport;

/// <summary>
/// An EC2 API that does what moto can't: idempotent client tokens and mismatches, throttling, missing capacity, lost answers, instances
/// that are not listed yet, strict dialects, answers that are none; and with a boot of its own, instances that run. It looks at no
/// signature itself: moto does, where one is there to judge.
/// </summary>
public sealed partial class Ec2Double : IAsyncDisposable
{
    private const string CertNameTag = "overture:certname", DeploymentTag = "overture:deployment";
    private const int Pending = 0, Running = 16, ShuttingDown = 32, Terminated = 48, StoppedCode = 80;

    private readonly ConcurrentDictionary<string, Instance> instances = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Instance> byToken = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<Instance>> rests = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false });
    private readonly Strictness strictness;
    private readonly Func<string, byte[], BootedInstance>? boot;
    private readonly Uri? judge;
    private WebApplication app = null!;

    private Ec2Double(string dialect, Func<string, byte[], BootedInstance>? boot, Uri? judge) =>
        (strictness, this.boot, this.judge) = (Strictness.Of(dialect), boot, judge);

    public string Url { get; private set; } = "";

    /// <summary>Forms of every call, in order.</summary>
    public ConcurrentQueue<IReadOnlyDictionary<string, string>> Calls { get; } = new();

    /// <summary>Answers to give instead of doing anything: status and body; the oldest first.</summary>
    public ConcurrentQueue<(int Status, string Body)> Instead { get; } = new();

    /// <summary>The next RunInstances happens, and its connection breaks.</summary>
    public bool LoseNextLaunch { get; set; }

    /// <summary>What <see cref="RefuseLaunches"/> is from then on.</summary>
    public int RefuseAfterLost { get; set; }

    /// <summary>How many launches are refused, as <see cref="LaunchRefusal"/> has it.</summary>
    public int RefuseLaunches { get; set; }

    /// <summary>For want of quota, unless a test says otherwise.</summary>
    public (int Status, string Code) LaunchRefusal { get; set; } = (400, "VcpuLimitExceeded");

    /// <summary>Launches whatever is asked, as a server without DryRun.</summary>
    public bool IgnoresDryRun { get; set; }

    /// <summary>How many DescribeInstances do not show an instance yet.</summary>
    public int ListedLate { get; set; }

    public string? Console { get; set; }

    public int Launched => instances.Count;

    /// <summary>How long each call takes.</summary>
    public TimeSpan Latency { get; set; }

    /// <summary>Keep <see cref="Calls"/>.</summary>
    public bool Remembers { get; set; } = true;

    /// <summary>One that runs already, launched with its name as token.</summary>
    public void Add(string id, string certname, string deployment)
    {
        var added = new Instance(id, certname, "") { Code = Running };
        (added.Tags[CertNameTag], added.Tags[DeploymentTag]) = (certname, deployment);
        Keep(added);
    }

    /// <param name="dialect">Whose server it is: aws, eucalyptus, ec2api or spinifex.</param>
    /// <param name="boot">Makes an instance of its id and user data, once a launch; null: nothing boots, it only says so.</param>
    /// <param name="judge">A moto_server that is asked first whether each request's signature and policy are good; null: all are.</param>
    /// <param name="port">Where it listens; 0: anywhere.</param>
    public static async Task<Ec2Double> Start(string dialect = "aws", Func<string, byte[], BootedInstance>? boot = null,
        Uri? judge = null, int port = 0)
    {
        var cloud = new Ec2Double(dialect, boot, judge) { Url = $"http://127.0.0.1:{(port > 0 ? port : FreePort.Next())}" };
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(cloud.Url);
        builder.Logging.ClearProviders();
        cloud.app = builder.Build();
        cloud.app.Run(cloud.Serve);
        await cloud.app.StartAsync();
        return cloud;
    }

    /// <summary>How many instances this name ever had.</summary>
    public int Of(string certname) => instances.Values.Count(i => i.Tags.GetValueOrDefault(CertNameTag) == certname || i.Token == certname
        || i.Token.StartsWith(certname + ".", StringComparison.Ordinal));

    /// <summary>Another owner's, with our tags put on it.</summary>
    public string Forge(string certname, string deployment)
    {
        var forged = new Instance($"i-{"f".PadLeft(17, '0')}", "theirs", "") { Code = Running };
        (forged.Tags[CertNameTag], forged.Tags[DeploymentTag]) = (certname, deployment);
        instances[forged.Id] = forged;
        return forged.Id;
    }

    public bool Runs(string id) => instances[id].State == Running;

    /// <summary>What was booted for this id; null: nothing.</summary>
    public BootedInstance? Booted(string id) => instances[id].Boot;

    public void Unmark(string certname) => instances.Values.Where(i => i.Token == certname).ToList().ForEach(i => i.Tags.Clear());

    /// <summary>The cloud lists all it has.</summary>
    public void ListAll() => instances.Values.ToList().ForEach(i => i.Hidden = 0);

    /// <summary>As if by hand at the cloud's own console.</summary>
    public void Kill(string certname) => instances.Values.Where(i => i.Token == certname).ToList().ForEach(i => i.End());

    /// <summary>Somebody stops it at the cloud; what is booted is not stopped.</summary>
    public void Stop(string certname) => SetCode(certname, StoppedCode);

    /// <summary>And starts it again.</summary>
    public void StartAgain(string certname) => SetCode(certname, Running);

    /// <summary>It is no longer in any list.</summary>
    public void Forget(string certname)
    {
        foreach (var (id, _) in instances.Where(i => i.Value.Token == certname).ToList())
            instances.TryRemove(id, out _);
    }

    private void SetCode(string certname, int code) =>
        instances.Values.Where(i => i.Token == certname).ToList().ForEach(i => i.Code = code);

    public static string Error(string code) =>
        $"<Response><Errors><Error><Code>{code}</Code><Message>from the "
            + "double</Message></Error></Errors><RequestID>x</RequestID></Response>";

    /// <summary>Whatever it booted ends, too.</summary>
    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        await Task.WhenAll(instances.Values.Select(i => i.Boot?.End() ?? Task.CompletedTask));
        http.Dispose();
    }

    private sealed class Instance(string id, string token, string hash)
    {
        public string Id { get; } = id;
        public string Token { get; } = token;
        public string Hash { get; } = hash;
        public string Image { get; init; } = "ami-1";

        /// <summary>Of whose key, and in which region; empty: everyone's.</summary>
        public string Site { get; init; } = "";
        public int Code { get; set; }
        public int Hidden { get; set; }
        public BootedInstance? Boot { get; set; }

        /// <summary>What is booted has the state of its processes; like all we launch, it is terminated when it ends by itself.</summary>
        public int State => Boot switch
        {
            null => Code,
            { HasEnded: true } => Terminated,
            _ => Code == ShuttingDown ? ShuttingDown : Boot.HasBegun ? Running : Pending,
        };

        // A booted one shares this host's network.
        public string Address => Boot is null ? "10.0.0.9" : "127.0.0.1";

        public void End()
        {
            Code = Boot is null ? Terminated : ShuttingDown;
            _ = Boot?.End();
        }

        public ConcurrentDictionary<string, string> Tags { get; } = new(StringComparer.Ordinal);
    }

    private async Task Serve(HttpContext context)
    {
        context.Request.EnableBuffering();
        var form = (await context.Request.ReadFormAsync()).ToDictionary(f => f.Key, f => f.Value.ToString(), StringComparer.Ordinal);
        if (Remembers)
            Calls.Enqueue(form);
        if (Latency > TimeSpan.Zero)
            await Task.Delay(Latency);
        if (await Judged(context.Request) is var (refusal, why))
        {
            await Answer(context, refusal, why);
            return;
        }
        if (Instead.TryDequeue(out var instead))
        {
            if (instead.Status == 307)
                context.Response.Headers.Location = $"{Url}/elsewhere"; // a follower would be seen
            await Answer(context, instead.Status, instead.Body);
            return;
        }
        if (context.Request.Path != strictness.Path || strictness.Refuses(form))
        {
            var unknown = context.Request.Path == strictness.Path ? strictness.UnknownIs : (400, "NoSuchPath");
            await Answer(context, unknown.Item1, Error(unknown.Item2));
            return;
        }
        form[SiteField] = SiteOf(context.Request);
        var (status, body) = Do(form["Action"], form);
        if (form["Action"] == "RunInstances" && LoseNextLaunch)
        {
            (LoseNextLaunch, RefuseLaunches) = (false, RefuseAfterLost);
            FullAfterLost.ForEach(f => Full[f] = "InsufficientInstanceCapacity");
            context.Abort();
            return;
        }
        await Answer(context, status, strictness.Dressed(body, form));
    }

    // The very request, with the host that was signed. That moto has no such image or instance is no judgement.
    private async Task<(int Status, string Body)?> Judged(HttpRequest request)
    {
        if (judge is null)
            return null;
        request.Body.Position = 0;
        using var copy = new HttpRequestMessage(HttpMethod.Post,
            new Uri(judge, request.Path)) { Content = new StreamContent(request.Body) };
        copy.Headers.Host = request.Host.Value;
        foreach (var (name, value) in request.Headers.Where(h => h.Key is "Authorization" or "Content-Type"
            || h.Key.StartsWith("X-Amz-", StringComparison.OrdinalIgnoreCase)))
        {
            _ = copy.Headers.TryAddWithoutValidation(name, value.ToString())
                || copy.Content.Headers.TryAddWithoutValidation(name, value.ToString());
        }
        using var answer = await http.SendAsync(copy);
        return (int)answer.StatusCode is 401 or 403 or >= 500 ? ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()) : null;
    }

    private (int Status, string Body) Do(string action, Dictionary<string, string> form)
    {
        lock (gate)
        {
            return action switch
            {
                "RunInstances" => Run(form),
                "DescribeInstances" => Describe(form),
                "TerminateInstances" => Terminate(form),
                "DescribeImages" => DescribeImages(form),
                "AssumeRole" => AssumeRole(form),
                "CreateTags" => Tag(form),
                "GetConsoleOutput" =>
                    (200, $"<GetConsoleOutputResponse><output>{Convert.ToBase64String(Encoding.UTF8.GetBytes(ConsoleOf(form["InstanceId"])))}</output></GetConsoleOutputResponse>"),
                _ => (500, "<html>unknown action</html>"),
            };
        }
    }

    private (int, string) Run(Dictionary<string, string> form)
    {
        // Permission is all that AWS looks at; the room it may not have is another matter.
        if (form.GetValueOrDefault("DryRun") == "true" && !IgnoresDryRun)
            return (412, Error("DryRunOperation"));
        if (RefuseLaunches > 0)
        {
            RefuseLaunches--;
            return (LaunchRefusal.Status, Error(LaunchRefusal.Code));
        }
        if (RoomFirst && NoRoom(form) is { } full)
            return full;
        var hash = string.Join('\n', form.Where(f => f.Key != SiteField).OrderBy(f => f.Key, StringComparer.Ordinal)
            .Select(f => $"{f.Key}={f.Value}"));
        if (byToken.GetValueOrDefault(form["ClientToken"]) is { } standing)
        {
            if (standing.State is Terminated or ShuttingDown)
                return (400, Error("IdempotentInstanceTerminated"));
            return strictness.ComparesNothing || standing.Hash == hash
                ? (200, $"<RunInstancesResponse>{Set([standing])}</RunInstancesResponse>")
                : (400, Error("IdempotentParameterMismatch"));
        }
        if (NoRoom(form) is { } none)
            return none;
        var made = new Instance($"i-{instances.Count.ToString("x17", CultureInfo.InvariantCulture)}", form["ClientToken"],
            hash) { Hidden = ListedLate, Image = ImageOf(form["ImageId"]), Site = form[SiteField] };
        for (var i = 1; form.TryGetValue($"TagSpecification.1.Tag.{i}.Key", out var key); i++)
            made.Tags[key] = form[$"TagSpecification.1.Tag.{i}.Value"];
        Keep(made);
        var answer = $"<RunInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">{Set([made])}</RunInstancesResponse>";
        made.Code = Running;
        made.Boot = boot?.Invoke(made.Id, Convert.FromBase64String(form["UserData"]));
        return (200, answer);
    }

    private void Keep(Instance made)
    {
        instances[made.Id] = made;
        byToken.TryAdd(made.Token, made);
    }

    private string ConsoleOf(string id) => instances.GetValueOrDefault(id)?.Boot?.Console ?? Console ?? "";

    private (int, string) Describe(Dictionary<string, string> form)
    {
        var next = "";
        if (!rests.Remove(form.GetValueOrDefault("NextToken", ""), out var found))
            found = Listed(form);
        if (form.TryGetValue("MaxResults", out var most) && int.Parse(most, CultureInfo.InvariantCulture) is var size && found.Count > size)
        {
            var token = $"rest-{rests.Count}-{instances.Count}-{found.Count}";
            rests[token] = found[size..];
            (found, next) = (found[..size], $"<nextToken>{token}</nextToken>");
        }
        return (200,
            $"<DescribeInstancesResponse><reservationSet><item>{Set(found)}</item></reservationSet>{next}</DescribeInstancesResponse>");
    }

    private List<Instance> Listed(Dictionary<string, string> form)
    {
        var found = instances.Values.Where(i => i.Hidden == 0 && (i.Site.Length == 0 || i.Site == form[SiteField])).ToList();
        foreach (var hidden in instances.Values.Where(i => i.Hidden > 0))
            hidden.Hidden--;
        for (var i = 1; form.TryGetValue($"Filter.{i}.Name", out var filter); i++)
        {
            var values = form.Where(f => f.Key.StartsWith($"Filter.{i}.Value.", StringComparison.Ordinal)).Select(f => f.Value).ToHashSet();
            found = [.. found.Where(f => values.Contains(filter switch
            {
                "client-token" => f.Token,
                "instance-id" => f.Id,
                _ => f.Tags.GetValueOrDefault(filter["tag:".Length..], ""),
            }))];
        }
        return found;
    }

    private (int, string) Terminate(Dictionary<string, string> form)
    {
        var ids = form.Where(f => f.Key.StartsWith("InstanceId.", StringComparison.Ordinal)).Select(f => f.Value).ToList();
        if (ids.Exists(id => !instances.TryGetValue(id, out var known) || known.Hidden > 0
            || (known.Site.Length > 0 && known.Site != form[SiteField])))
        {
            return (400, Error("InvalidInstanceID.NotFound"));
        }
        ids.ForEach(id => instances[id].End());
        return (200, "<TerminateInstancesResponse/>");
    }

    private (int, string) Tag(Dictionary<string, string> form)
    {
        for (var i = 1; form.TryGetValue($"Tag.{i}.Key", out var key); i++)
            instances[form["ResourceId.1"]].Tags[key] = form[$"Tag.{i}.Value"];
        return (200, "<CreateTagsResponse/>");
    }

    private string Set(IEnumerable<Instance> all) => $"<instancesSet>{string.Concat(all.Select(Item))}</instancesSet>";

    private string Item(Instance i) =>
        $"<item><instanceId>{i.Id}</instanceId><imageId>{i.Image}</imageId><instanceState><code>{i.State}</code></instanceState><privateIpAddress>{i.Address}</privateIpAddress>{(strictness.ListsNoToken ? "" : $"<clientToken>{i.Token}</clientToken>")}<launchTime>2026-11-25T07:19:09.000Z</launchTime>"
        + $"<tagSet>{string.Concat(i.Tags.Select(t => $"<item><key>{SecurityElement.Escape(t.Key)}</key><value>{SecurityElement.Escape(t.Value)}</value></item>"))}</tagSet></item>";

    private static Task Answer(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(body);
    }
}
