using System.Collections.Concurrent;
using System.Globalization;
using System.Security;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Overture.Conductor.Providers.Ec2;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// An EC2 API that does what moto can't: idempotent client tokens and mismatches, throttling, missing capacity, lost answers, instances that are
/// not listed yet, strict dialects, answers that are none. It looks at no signature: moto does.
/// </summary>
internal sealed class Ec2Double : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, Instance> instances = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly Ec2Dialect dialect;
    private WebApplication app = null!;

    private Ec2Double(Ec2Dialect dialect) => this.dialect = dialect;

    public string Url { get; private set; } = "";

    /// <summary>Forms of every call, in order.</summary>
    public ConcurrentQueue<IReadOnlyDictionary<string, string>> Calls { get; } = new();

    /// <summary>Answers to give instead of doing anything: status and body; the oldest first.</summary>
    public ConcurrentQueue<(int Status, string Body)> Instead { get; } = new();

    /// <summary>The next RunInstances happens, and its connection breaks.</summary>
    public bool LoseNextLaunch { get; set; }

    /// <summary>How many launches are refused for want of quota.</summary>
    public int RefuseLaunches { get; set; }

    /// <summary>How many DescribeInstances do not show an instance yet.</summary>
    public int ListedLate { get; set; }

    public string? Console { get; set; }

    public int Launched => instances.Count;

    public static async Task<Ec2Double> Start(Ec2Dialect? dialect = null)
    {
        var cloud = new Ec2Double(dialect ?? Ec2Dialect.Aws) { Url = $"http://127.0.0.1:{FreePort.Next()}" };
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls(cloud.Url);
        cloud.app = builder.Build();
        cloud.app.Run(cloud.Serve);
        await cloud.app.StartAsync();
        return cloud;
    }

    /// <summary>How many instances this name ever had.</summary>
    public int Of(string certname) => instances.Values.Count(i => i.Tags.GetValueOrDefault(Ec2Tags.CertName) == certname || i.Token == certname);

    /// <summary>Somebody else's, with our marks put on it.</summary>
    public string Forge(string certname, string deployment)
    {
        var forged = new Instance($"i-{"f".PadLeft(17, '0')}", "theirs", "") { Code = 16 };
        (forged.Tags[Ec2Tags.CertName], forged.Tags[Ec2Tags.Deployment]) = (certname, deployment);
        instances[forged.Id] = forged;
        return forged.Id;
    }

    public bool Runs(string id) => instances[id].Code == 16;

    public void Unmark(string certname) => instances.Values.Where(i => i.Token == certname).ToList().ForEach(i => i.Tags.Clear());

    /// <summary>As by somebody at the cloud's own console.</summary>
    public void Kill(string certname) => instances.Values.Where(i => i.Token == certname).ToList().ForEach(i => i.Code = 48);

    public static string Error(string code) => $"<Response><Errors><Error><Code>{code}</Code><Message>told by the double</Message></Error></Errors><RequestID>x</RequestID></Response>";

    public ValueTask DisposeAsync() => app.DisposeAsync();

    private sealed class Instance(string id, string token, string hash)
    {
        public string Id { get; } = id;
        public string Token { get; } = token;
        public string Hash { get; } = hash;
        public int Code { get; set; }
        public int Hidden { get; set; }
        public ConcurrentDictionary<string, string> Tags { get; } = new(StringComparer.Ordinal);
    }

    private async Task Serve(HttpContext context)
    {
        var form = (await context.Request.ReadFormAsync()).ToDictionary(f => f.Key, f => f.Value.ToString(), StringComparer.Ordinal);
        Calls.Enqueue(form);
        if (Instead.TryDequeue(out var instead))
        {
            if (instead.Status == 307)
                context.Response.Headers.Location = $"{Url}/elsewhere"; // a follower would be seen
            await Answer(context, instead.Status, instead.Body);
            return;
        }
        if (context.Request.Path != dialect.Path || Unknown(form) is not null)
        {
            await Answer(context, 400, Error(context.Request.Path == dialect.Path ? "UnknownParameter" : "NoSuchPath"));
            return;
        }
        var (status, body) = Do(form["Action"], form);
        if (form["Action"] == "RunInstances" && LoseNextLaunch)
        {
            LoseNextLaunch = false;
            context.Abort();
            return;
        }
        await Answer(context, status, body);
    }

    // The strict ones refuse a whole request for one parameter.
    private string? Unknown(Dictionary<string, string> form) => form.Keys.FirstOrDefault(k =>
        (!dialect.MetadataOptions && k.StartsWith("MetadataOptions", StringComparison.Ordinal)) || (!dialect.TagOnCreate && k.StartsWith("TagSpecification", StringComparison.Ordinal))
        || (!dialect.Spot && k.StartsWith("InstanceMarket", StringComparison.Ordinal)) || (!dialect.ConsoleLatest && k == "Latest") || (!dialect.MaxResults && k == "MaxResults"));

    private (int Status, string Body) Do(string action, Dictionary<string, string> form)
    {
        lock (gate)
        {
            return action switch
            {
                "RunInstances" => Run(form),
                "DescribeInstances" => (200, $"<DescribeInstancesResponse><reservationSet><item>{Set(Listed(form))}</item></reservationSet></DescribeInstancesResponse>"),
                "TerminateInstances" => Terminate(form),
                "DescribeImages" => (200, "<DescribeImagesResponse><imagesSet><item><imageId>ami-1</imageId><imageState>available</imageState></item></imagesSet></DescribeImagesResponse>"),
                "CreateTags" => Tag(form),
                "GetConsoleOutput" => (200, $"<GetConsoleOutputResponse><output>{Convert.ToBase64String(Encoding.UTF8.GetBytes(Console ?? ""))}</output></GetConsoleOutputResponse>"),
                _ => (500, "<html>unknown action</html>"),
            };
        }
    }

    private (int, string) Run(Dictionary<string, string> form)
    {
        if (RefuseLaunches > 0)
        {
            RefuseLaunches--;
            return (400, Error("VcpuLimitExceeded"));
        }
        var hash = string.Join('\n', form.OrderBy(f => f.Key, StringComparer.Ordinal).Select(f => $"{f.Key}={f.Value}"));
        if (instances.Values.FirstOrDefault(i => i.Token == form["ClientToken"]) is { } standing)
            return standing.Hash == hash ? (200, $"<RunInstancesResponse>{Set([standing])}</RunInstancesResponse>") : (400, Error("IdempotentParameterMismatch"));
        var made = new Instance($"i-{instances.Count.ToString("x17", CultureInfo.InvariantCulture)}", form["ClientToken"], hash) { Hidden = ListedLate };
        for (var i = 1; form.TryGetValue($"TagSpecification.1.Tag.{i}.Key", out var key); i++)
            made.Tags[key] = form[$"TagSpecification.1.Tag.{i}.Value"];
        instances[made.Id] = made;
        var answer = $"<RunInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">{Set([made])}</RunInstancesResponse>";
        made.Code = 16;
        return (200, answer);
    }

    private List<Instance> Listed(Dictionary<string, string> form)
    {
        var found = instances.Values.Where(i => i.Hidden == 0).ToList();
        foreach (var hidden in instances.Values.Where(i => i.Hidden > 0))
            hidden.Hidden--;
        for (var i = 1; form.TryGetValue($"Filter.{i}.Name", out var filter); i++)
        {
            var value = form[$"Filter.{i}.Value.1"];
            found = [.. found.Where(f => filter switch
            {
                "client-token" => f.Token == value,
                "instance-id" => f.Id == value,
                _ => f.Tags.GetValueOrDefault(filter["tag:".Length..]) == value,
            })];
        }
        return found;
    }

    private (int, string) Terminate(Dictionary<string, string> form)
    {
        var ids = form.Where(f => f.Key.StartsWith("InstanceId.", StringComparison.Ordinal)).Select(f => f.Value).ToList();
        if (ids.Exists(id => !instances.TryGetValue(id, out var known) || known.Hidden > 0))
            return (400, Error("InvalidInstanceID.NotFound"));
        ids.ForEach(id => instances[id].Code = 48);
        return (200, "<TerminateInstancesResponse/>");
    }

    private (int, string) Tag(Dictionary<string, string> form)
    {
        for (var i = 1; form.TryGetValue($"Tag.{i}.Key", out var key); i++)
            instances[form["ResourceId.1"]].Tags[key] = form[$"Tag.{i}.Value"];
        return (200, "<CreateTagsResponse/>");
    }

    private static string Set(IEnumerable<Instance> all) => $"<instancesSet>{string.Concat(all.Select(Item))}</instancesSet>";

    private static string Item(Instance i) =>
        $"<item><instanceId>{i.Id}</instanceId><instanceState><code>{i.Code}</code></instanceState><privateIpAddress>10.0.0.9</privateIpAddress><clientToken>{i.Token}</clientToken><launchTime>2026-11-25T07:19:09.000Z</launchTime>"
        + $"<tagSet>{string.Concat(i.Tags.Select(t => $"<item><key>{SecurityElement.Escape(t.Key)}</key><value>{SecurityElement.Escape(t.Value)}</value></item>"))}</tagSet></item>";

    private static Task Answer(HttpContext context, int status, string body)
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(body);
    }
}
