using System.Text.RegularExpressions;
using Grpc.Core;
using Overture.Conductor.Events;
using Overture.Conductor.Webhooks;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// Events reach receivers that are well, slow, dead, gone and ill for a while: at least once, in order, whatever is killed.
/// </summary>
[Trait("Category", "integration")]
public sealed class WebhookTests : IAsyncLifetime
{
    private static readonly string[] All =
    [
        "instance.requested", "instance.launching", "instance.running", "instance.csr-received", "instance.signed",
        "certificate.signed", "instance.converged",
    ];
    private EventWorld world = null!;
    private WebhookReceiver receiver = null!;

    public async Task InitializeAsync()
    {
        world = await EventWorld.Start();
        receiver = await WebhookReceiver.Start();
    }

    public async Task DisposeAsync()
    {
        await receiver.DisposeAsync();
        await world.DisposeAsync();
    }

    // The example of the document, in another language, on what really came.
    [Fact]
    public async Task Receiver_HasAllInOrder_AsCloudEventsThatTheDocumentedCheckAccepts()
    {
        await using var host = await world.Conductor(Hooks(("chat", world.To(receiver.Url))));
        await Delivering(host);
        var names = new[] { await EventWorld.Launch(host), await EventWorld.Launch(host) };
        foreach (var name in names)
        {
            await world.Sign(name);
            await world.Reaches(name, InstanceEvents.Converged);
        }
        foreach (var name in names)
            await Has(receiver, name, All);

        var one = receiver.All.First();
        Assert.Equal("application/cloudevents+json; charset=utf-8", one.ContentType);
        Assert.Equal(("1.0", "/overture/default", one.Id),
            ((string)one.Json["specversion"]!, (string)one.Json["source"]!, (string)one.Json["id"]!));
        Assert.Equal("blue", (string)one.Json["data"]!["labels"]!["team"]!);

        var example = Regex.Match(await File.ReadAllTextAsync(RepositoryPaths.File("docs/events.md")), "```python\n(.*?)```",
            RegexOptions.Singleline).Groups[1].Value;
        var script = world.World.Data.File("verify.py");
        await File.WriteAllTextAsync(script, example + """

            import json, sys, time
            secret, ident, stamp, signature, body, now = json.load(sys.stdin)
            print(verify(secret.encode(), ident, stamp, signature, body.encode(), now))
            """);
        async Task<string> Verify(string secret, Received r, long later = 0)
        {
            var input = System.Text.Json.JsonSerializer.Serialize(new object[] { secret, r.Id, r.Timestamp, r.Signature, r.Body,
                long.Parse(r.Timestamp, System.Globalization.CultureInfo.InvariantCulture) + later });
            await File.WriteAllTextAsync(script + ".in", input);
            return (await Shell.Run("sh", "-c", $"python3 {script} < {script}.in")).Ok().Trim();
        }
        Assert.Equal("True", await Verify(EventWorld.Secret, one));
        Assert.Equal("False", await Verify("another-secret-of-32-bytes-or-so", one));
        Assert.Equal("False",
            await Verify(EventWorld.Secret, one with { Body = one.Body.Replace("blue", "grey", StringComparison.Ordinal) }));
        Assert.Equal("False", await Verify(EventWorld.Secret, one with { Id = "99" }));
        Assert.Equal("False", await Verify(EventWorld.Secret, one, later: 600));
    }

    [Fact]
    public async Task IllReceiver_HasAllOnceItIsWell_AndOthersDoNotWaitForIt()
    {
        await using var slow = await WebhookReceiver.Start();
        var blocked = new TaskCompletionSource();
        slow.Answer = async _ =>
        {
            await blocked.Task;
            return 200;
        };
        var (ill, port) = (true, FreePort.Next());
        await using var sick = await WebhookReceiver.Start();
        sick.Answer = _ => Task.FromResult(Volatile.Read(ref ill) ? 500 : 204);
        await using var host = await world.Conductor(Hooks(("well", world.To(receiver.Url)), ("sick", world.To(sick.Url)),
            ("slow", world.To(slow.Url) with { Timeout = TimeSpan.FromSeconds(1) }), ("dead", world.To($"http://127.0.0.1:{port}/"))));
        await Delivering(host, 4);
        var name = await EventWorld.Launch(host);
        await world.Sign(name);
        await world.Reaches(name, InstanceEvents.Converged);
        await Has(receiver, name, All);
        await Eventually.True(() => sick.All.Count >= 2 && slow.All.Count >= 2, "both were tried again", EventWorld.Limit);
        Assert.All(sick.All.Concat(slow.All), r => Assert.Equal("1", r.Cursor));
        Assert.Equal(7ul, host.Get<WebhookDelivery>().Pumps["dead"].Waiting);

        Volatile.Write(ref ill, false);
        blocked.SetResult();
        await using var risen = await WebhookReceiver.Start(port: port);
        foreach (var late in new[] { sick, slow, risen })
            await Has(late, name, All);
    }

    [Fact]
    public async Task RefusedEvent_IsADeadLetter_ThatIsReplayedOrDeleted()
    {
        var refusing = true;
        receiver.Answer = r => Task.FromResult(Volatile.Read(ref refusing) && r.Type != "overture.instance.running" ? 422 : 200);
        await using var host = await world.Conductor(Hooks(("chat", world.To(receiver.Url))));
        await Delivering(host);
        var name = await EventWorld.Launch(host);
        var (viewer, operators) = (host.As("viewer"), host.As("operator"));
        await Eventually.True(async () => (await viewer.ListDeadLettersAsync(new())).DeadLetters.Count == 2, "two are dead letters",
            EventWorld.Limit);
        var letters = (await viewer.ListDeadLettersAsync(new() { Webhook = "chat" })).DeadLetters;
        Assert.Equal([("1", "chat", 1u), ("2", "chat", 1u)], letters.Select(l => (l.Event.Cursor, l.Webhook, l.Attempts)));
        Assert.Equal("it answers 422: it does not take this event", letters[0].Cause);

        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(async () =>
            await viewer.ReplayDeadLettersAsync(new() { Webhook = "chat" }))).StatusCode);
        var failed = await operators.ReplayDeadLettersAsync(new() { Webhook = "chat" });
        Assert.Equal((0u, 2u, "chat, event 1: it answers 422: it does not take this event"),
            (failed.Delivered, failed.Left, failed.Failure));
        Volatile.Write(ref refusing, false);
        var replayed = await operators.ReplayDeadLettersAsync(new() { Webhook = "chat", Cursors = { "1" } });
        Assert.Equal((1u, 0u, ""), (replayed.Delivered, replayed.Left, replayed.Failure));
        Assert.Equal((name.ToString(), "1"), (receiver.All.Last().Subject, receiver.All.Last().Cursor));
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(async () =>
            await operators.DeleteDeadLettersAsync(new() { Webhook = "chat", Cursors = { "1" } }))).StatusCode);
        Assert.Equal(1u, (await operators.DeleteDeadLettersAsync(new() { Webhook = "chat" })).Deleted);
        Assert.Empty((await viewer.ListDeadLettersAsync(new())).DeadLetters);
    }

    [Fact]
    public async Task GoneReceiver_IsAskedOnce_AndARedirectIsNotFollowed()
    {
        receiver.Answer = _ => Task.FromResult(410);
        await using var elsewhere = await WebhookReceiver.Start();
        elsewhere.Answer = _ => Task.FromResult(302);
        var host = await world.Conductor(Hooks(("gone", world.To(receiver.Url)),
            ("moved", world.To(elsewhere.Url) with { GiveUpAfter = TimeSpan.FromSeconds(1), Types = ["instance.running"] })));
        await Delivering(host, 2);
        await EventWorld.Launch(host);
        await Eventually.True(async () => (await host.As("viewer").ListDeadLettersAsync(new() { Webhook = "moved" }))
            .DeadLetters.Count == 1,
            "given up", EventWorld.Limit);
        var moved = (await host.As("viewer").ListDeadLettersAsync(new() { Webhook = "moved" })).DeadLetters.Single();
        Assert.Equal(("it answers 302, and redirects are not followed", "overture.instance.running"), (moved.Cause, moved.Event.Type));
        Assert.Equal((uint)elsewhere.All.Count, moved.Attempts);
        await Eventually.True(async () => (await host.As("viewer").ListDeadLettersAsync(new() { Webhook = "gone" })).DeadLetters.Count >= 1,
            "its event is a dead letter", EventWorld.Limit);
        await EventWorld.Launch(host);
        await Eventually.True(async () => (await host.As("viewer").ListDeadLettersAsync(new() { Webhook = "moved" }))
            .DeadLetters.Count == 2,
            "the second launch was recorded and delivered", EventWorld.Limit);
        Assert.Single(receiver.All);
        // that it is gone outlives the process, until it takes a dead letter
        await host.DisposeAsync();
        await using var second = await world.Conductor(Hooks(("gone", world.To(receiver.Url))));
        await Delivering(second);
        await Eventually.True(() => second.Get<WebhookDelivery>().Pumps["gone"].IsGone, "it is known to be gone", EventWorld.Limit);
        await EventWorld.Launch(second);
        receiver.Answer = _ => Task.FromResult(200);
        Assert.Equal("", (await second.As("operator").ReplayDeadLettersAsync(new() { Webhook = "gone", Cursors = { "1" } })).Failure);
        await Eventually.True(() => !second.Get<WebhookDelivery>().Pumps["gone"].IsGone, "it is sent events again", EventWorld.Limit);
        var late = await EventWorld.Launch(second);
        await Has(receiver, late, All[..3]);
    }

    // The limit counts from when the events' turn came, whichever Conductor had it since.
    [Fact]
    public async Task GiveUpAfter_OutlivesTheConductor()
    {
        var clock = new QuickTurnsClock();
        receiver.Answer = _ => Task.FromResult(500);
        var hooks = Hooks(("chat", world.To(receiver.Url) with { GiveUpAfter = TimeSpan.FromHours(1), Types = ["instance.requested"] }));
        await using (var host = await world.Conductor(hooks, clock: clock))
        {
            await Delivering(host);
            await EventWorld.Launch(host);
            await Eventually.True(() => !receiver.All.IsEmpty, "it was tried", EventWorld.Limit);
        }
        clock.Shift += TimeSpan.FromHours(2);
        await using var second = await world.Conductor(hooks, clock: clock);
        await Eventually.True(async () => (await second.As("viewer").ListDeadLettersAsync(new())).DeadLetters.Count == 1, "it is given up",
            EventWorld.Limit);
    }

    [Fact]
    public async Task UntrustedCertificate_IsSentNothing()
    {
        await using var https = await WebhookReceiver.Start(world.World.Ca.Issue("localhost", "localhost"));
        await using var host = await world.Conductor(Hooks(
            ("trusted", world.To(https.Url) with { TlsRoots = world.World.Ca.BundleFile }),
            ("doubted", world.To(https.Url.Replace("/events", "/doubted", StringComparison.Ordinal)) with
            {
                GiveUpAfter = TimeSpan.FromSeconds(1), Types = ["instance.requested"],
            })));
        await Delivering(host, 2);
        var name = await EventWorld.Launch(host);
        await Has(https, name, All[..3]);
        await Eventually.True(async () => (await host.As("viewer").ListDeadLettersAsync(new())).DeadLetters.Count == 1, "given up",
            EventWorld.Limit);
        Assert.Equal("its certificate is not trusted, or it speaks no TLS",
            (await host.As("viewer").ListDeadLettersAsync(new())).DeadLetters.Single().Cause);
        Assert.Equal(3, https.All.Count);
    }

    [Fact]
    public async Task Chat_HasTheTextOfItsTemplate()
    {
        await using var host = await world.Conductor(Hooks(("chat", new WebhookOptions
        {
            Url = receiver.Url, Types = ["instance.running"],
            Template = """{"text": "{{certname}} of {{label.team}} is {{state}}"}""",
        })));
        await Delivering(host);
        var name = await EventWorld.Launch(host, "green");
        await Eventually.True(() => !receiver.All.IsEmpty, "a message came", EventWorld.Limit);
        var message = Assert.Single(receiver.All);
        Assert.Equal(($"{name} of green is running", "", "application/json; charset=utf-8"),
            ((string)message.Json["text"]!, message.Signature, message.ContentType));
    }

    // The receiver has taken an event, and the Conductor dies before it could write that down.
    [Fact]
    public async Task Conductor_KilledBetweenDeliveryAndPosition_DeliversAgain_AndLosesNothing()
    {
        var port = FreePort.Next();
        Dictionary<string, string> environment = new()
        {
            ["OVERTURE_CONDUCTOR__REGISTRY__ENDPOINT"] = world.Redis.Endpoint,
            ["OVERTURE_CONDUCTOR__WEBHOOKS__chat__URL"] = receiver.Url,
            ["OVERTURE_CONDUCTOR__WEBHOOKS__chat__SECRETFILE"] = world.SecretFile,
        };
        var process = world.World.StartProcess(port, environment);
        var killed = new TaskCompletionSource();
        receiver.Answer = async r =>
        {
            if (r.Type == "overture.instance.signed" && !killed.Task.IsCompleted)
            {
                await process.Kill();
                killed.SetResult();
            }
            return 200;
        };
        try
        {
            using var channel = world.World.Pki.Channel(port, "operator");
            var client = new V1.ConductorService.ConductorServiceClient(channel);
            await Eventually.True(async () => await ConductorFixture.Serves(new Grpc.Health.V1.Health.HealthClient(channel)), "it serves",
                EventWorld.Limit);
            // a webhook has what comes after its first start
            await Eventually.True(async () => await world.Store.Get(ObjectKeys.WebhookPosition("chat"), default) is not null,
                "it delivers", EventWorld.Limit);
            var name = CertName.Parse((await client.RegisterInstanceAsync(new() { Spec = ConductorFixture.Spec() })).Instance.Certname);
            await world.Sign(name);
            await killed.Task.WaitAsync(EventWorld.Limit);
            await world.Reaches(name, InstanceEvents.Converged);
            await process.DisposeAsync();
            process = world.World.StartProcess(port, environment);
            await Eventually.True(() => receiver.All.Any(r => r.Type == "overture.instance.converged"), "the last came", EventWorld.Limit);

            var seen = receiver.All.Select(r => (Id: int.Parse(r.Cursor, System.Globalization.CultureInfo.InvariantCulture), r.Type))
                .ToList();
            Assert.Equal(2, seen.Count(e => e.Type == "overture.instance.signed"));
            Assert.Equal(Enumerable.Range(1, seen.Max(e => e.Id)), seen.Select(e => e.Id).Distinct().Order());
            // whatever is sent again: the first of each came in order
            Assert.Equal(seen.Select(e => e.Id).Distinct(), seen.Select(e => e.Id).Distinct().Order());
        }
        finally
        {
            await process.DisposeAsync();
        }
    }

    [Fact]
    public async Task SecondReplica_TakesOver_WhereTheFirstStopped()
    {
        var hooks = Hooks(("chat", world.To(receiver.Url)));
        var first = await world.Conductor(hooks);
        await Delivering(first);
        await using var second = await world.Conductor(hooks, "2");
        var name = await EventWorld.Launch(second);
        await Has(receiver, name, All[..3]);
        Assert.Empty(second.Get<WebhookDelivery>().Pumps);
        // what is not yet written down is sent again, as it may be
        await Eventually.True(async () => (await world.Store.Get<WebhookPosition>(ObjectKeys.WebhookPosition("chat"), default))!.Done == 3,
            "the position is written", EventWorld.Limit);
        await first.DisposeAsync();
        await world.Sign(name);
        await world.Reaches(name, InstanceEvents.Converged);
        await Has(receiver, name, All);
        Assert.Equal(All.Length, receiver.All.Count);
    }

    private static Dictionary<string, WebhookOptions> Hooks(params (string Name, WebhookOptions Options)[] hooks) =>
        hooks.ToDictionary(h => h.Name, h => h.Options);

    // A webhook that is new has only what comes from then on.
    private async Task Delivering(ConductorHost host, int count = 1)
    {
        await Eventually.True(() => host.Get<EventTurn>().IsOurs && host.Get<WebhookDelivery>().Pumps.Count == count, "it is its turn",
            EventWorld.Limit);
        foreach (var hook in host.Options.Webhooks.Keys)
        {
            await Eventually.True(async () => await world.Store.Get(ObjectKeys.WebhookPosition(hook), default) is not null,
                $"{hook} has a position", EventWorld.Limit);
        }
    }

    private static async Task Has(WebhookReceiver receiver, CertName name, string[] types)
    {
        string[] Taken() => [.. receiver.All.Where(r => r.Subject == name.ToString()).DistinctBy(r => r.Id)
            .Select(r => r.Type["overture.".Length..])];
        await Eventually.True(() => Taken().Length >= types.Length, $"{receiver.Url} has {types.Length} events of {name}",
            EventWorld.Limit);
        Assert.Equal(types, Taken());
    }
}
