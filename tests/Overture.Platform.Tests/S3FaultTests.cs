using System.Text;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Platform.Tests;

/// <summary>Servers that lie, and answers that are lost (threats T89, T93).</summary>
public sealed class S3FaultTests
{
    private static readonly byte[] Ours = Encoding.ASCII.GetBytes("our write id"), Theirs = Encoding.ASCII.GetBytes("their write id");

    [Theory]
    [InlineData(Lies.IgnoresIfNoneMatch, StoreProbe.OneWinner, "8 of 8 racing creators")]
    [InlineData(Lies.IgnoresIfMatch, StoreProbe.RefusesStale, "stale version was taken")]
    [InlineData(Lies.ListsLate, StoreProbe.ListedAtOnce, "missing from the listing")]
    public async Task Probe_LyingServer_IsRefusedByName(Lies lie, string promise, string says)
    {
        await using var server = await S3Double.Start(lie);
        using var store = server.Open();
        var probe = new StoreProbe(store, TestIds.New());
        var refused = await Assert.ThrowsAsync<FaultException>(() => probe.Run(rounds: 1, writers: 8, default));
        Assert.Equal(FaultKind.Precondition, refused.Kind);
        Assert.Contains(promise, refused.Message, StringComparison.Ordinal);
        Assert.Contains(says, refused.Message, StringComparison.Ordinal);
        Assert.Contains("docs/operations.md", refused.Message, StringComparison.Ordinal);
        var broken = (await probe.Check(writers: 8, default)).Promises.Where(p => !p.Kept).Select(p => p.Name);
        Assert.Equal(lie == Lies.IgnoresIfMatch ? [promise, StoreProbe.RefusesMissing] : [promise], broken);
    }

    [Fact]
    public async Task Probe_HonestServer_Passes()
    {
        await using var server = await S3Double.Start();
        using var store = server.Open();
        await new StoreProbe(store, TestIds.New()).Run(rounds: 3, writers: 8, default);
    }

    // A racing creator's first try got no answer; a proxy delivers it when the probe has removed what was raced for.
    [Fact]
    public async Task Probe_WriteOfItsRacesThatLandsAfterTheDeletion_BreaksNoPromise()
    {
        await using var server = await S3Double.Start();
        var late = "";
        server.BeforePut = (number, context) =>
        {
            if (number > 1)
                return Task.FromResult(false);
            late = context.Request.Path.Value!["/bucket/".Length..];
            return S3Double.Answer(context, 500, "InternalError");
        };
        server.AfterDelete = key =>
        {
            if (key == late)
                server.Hold(key, Ours);
        };
        using var store = server.Open();
        var (promises, _) = await new StoreProbe(store, TestIds.New()).Check(writers: 4, default);
        Assert.All(promises, p => Assert.True(p.Kept, p.Detail));
        Assert.Contains(server.Requests, r => r.Method == "DELETE" && r.Path == "/bucket/" + late);
    }

    [Theory]
    [InlineData("500")]
    [InlineData("hangs up")]
    [InlineData("says nothing")]
    public async Task T93_PutIfAbsent_OwnAnswerLost_IsStored(string how)
    {
        await using var server = await S3Double.Start();
        server.AfterPut = (number, context) => number == 1 ? Lose(context, how) : Task.FromResult(false);
        using var store = server.Open(TimeSpan.FromSeconds(how == "says nothing" ? 3 : 30));
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("a/b", Ours, default));
        Assert.Equal(2, server.Puts);
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Ours, default));
    }

    [Fact]
    public async Task T93_PutIfMatch_OwnAnswerLost_IsStored()
    {
        await using var server = await S3Double.Start();
        server.Hold("n", Theirs);
        using var store = server.Open();
        var etag = (await store.Get("n", default))!.ETag;
        server.AfterPut = (number, context) => number == 1 ? S3Double.Answer(context, 503, "SlowDown") : Task.FromResult(false);
        Assert.Equal(PutOutcome.Stored, await store.PutIfMatch("n", Ours, etag, default));
        Assert.Equal(2, server.Puts);
    }

    [Fact]
    public async Task T93_PutIfAbsent_AnswerLostAndAnotherWon_Conflicts()
    {
        await using var server = await S3Double.Start();
        server.BeforePut = (number, context) =>
        {
            if (number > 1)
                return Task.FromResult(false);
            server.Hold("a/b", Theirs);
            return S3Double.Answer(context, 500, "InternalError");
        };
        using var store = server.Open();
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Ours, default));
        Assert.Equal(Theirs, (await store.Get("a/b", default))!.Body);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(100, true)]
    public async Task PutIfAbsent_409_IsTriedAgainAndNotForEver(int times, bool outage)
    {
        await using var server = await S3Double.Start();
        server.BeforePut = (number, context) => number <= times
            ? S3Double.Answer(context, 409, "ConditionalRequestConflict") : Task.FromResult(false);
        using var store = server.Open();
        if (outage)
        {
            Assert.Equal(FaultKind.Unavailable,
                (await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("a/b", Ours, default))).Kind);
            Assert.Equal(4, server.Puts);
            return;
        }
        Assert.Equal(PutOutcome.Stored, await store.PutIfAbsent("a/b", Ours, default));
    }

    [Theory]
    [InlineData(403, "RequestTimeTooSkewed",
        "refuses us (RequestTimeTooSkewed): its clock and this host's differ by more than it allows; set "
        + "both by NTP")]
    [InlineData(403, "SignatureDoesNotMatch", "refuses us (SignatureDoesNotMatch): check the key and its policy")]
    [InlineData(400, "AuthorizationHeaderMalformed", "answers 400 AuthorizationHeaderMalformed: check s3.region and s3.serviceUrl")]
    [InlineData(404, "NoSuchBucket", "answers 404 NoSuchBucket: check the bucket's name, s3.region and s3.serviceUrl")]
    public async Task Refusal_OfAMistakeInTheOptions_NamesTheNextStep(int status, string code, string says)
    {
        await using var server = await S3Double.Start();
        server.BeforePut = (_, context) => S3Double.Answer(context, status, code);
        using var store = server.Open();
        var failed = await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("a/b", Ours, default));
        Assert.Contains($"the object store s3://bucket {says}", failed.Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Puts);
    }

    [Fact]
    public async Task PutIfAbsent_409AndAnotherWroteTheSame_Conflicts()
    {
        await using var server = await S3Double.Start();
        server.BeforePut = (number, context) =>
        {
            if (number > 1)
                return Task.FromResult(false);
            server.Hold("a/b", Ours); // 409 did nothing: this is not ours
            return S3Double.Answer(context, 409, "ConditionalRequestConflict");
        };
        using var store = server.Open();
        Assert.Equal(PutOutcome.Conflict, await store.PutIfAbsent("a/b", Ours, default));
    }

    [Fact]
    public async Task AnyCall_ServerAway_IsUnavailable()
    {
        await using var server = await S3Double.Start();
        using var store = server.Open();
        await server.DisposeAsync();
        foreach (var call in (Func<Task>[])[() => store.PutIfAbsent("a", Ours, default), () => store.Get("a", default),
            () => store.Any("a/", default), () => store.Delete("a", default)])
        {
            Assert.Equal(Overture.Platform.Faults.Reason.StoreUnavailable, (await Assert.ThrowsAsync<FaultException>(call)).Reason);
        }
    }

    [Theory]
    [InlineData(301)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task T89_Redirect_IsNotFollowed(int status)
    {
        await using var elsewhere = await S3Double.Start();
        await using var server = await S3Double.Start();
        server.BeforePut = (_, context) =>
        {
            context.Response.Headers.Location = elsewhere.Endpoint + context.Request.Path;
            return S3Double.Answer(context, status, "TemporaryRedirect");
        };
        using var store = server.Open();
        var failed = await Assert.ThrowsAsync<FaultException>(() => store.PutIfAbsent("a/b", Ours, default));
        Assert.Contains("redirect", failed.Message, StringComparison.Ordinal);
        Assert.Empty(elsewhere.Requests);
    }

    [Fact]
    public async Task EveryRequest_SendsNoAclAndNoFraming()
    {
        await using var server = await S3Double.Start();
        using var store = server.Open();
        await new StoreProbe(store, TestIds.New()).Check(writers: 4, default);
        Assert.NotEmpty(server.Requests);
        Assert.All(server.Requests, r => Assert.DoesNotContain(r.Headers.Keys, h => h.StartsWith("x-amz-acl", StringComparison.Ordinal)
            || h.StartsWith("x-amz-grant", StringComparison.Ordinal)));
        Assert.All(server.Requests.Where(r => r.Method == "PUT"), r =>
        {
            Assert.Matches("^[0-9a-f]{64}$", r.Headers["x-amz-content-sha256"]);
            Assert.False(r.Headers.ContainsKey("x-amz-trailer"));
        });
        // The anonymous request goes to the same address, without a signature.
        Assert.Contains(server.Requests, r => r.Method == "GET" && !r.Headers.ContainsKey("authorization"));
    }

    private static async Task<bool> Lose(Microsoft.AspNetCore.Http.HttpContext context, string how)
    {
        switch (how)
        {
            case "500":
                await S3Double.Answer(context, 500, "InternalError");
                break;
            case "hangs up":
                context.Abort();
                break;
            default:
                await new TaskCompletionSource().Task.WaitAsync(context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                break;
        }
        return true;
    }
}
