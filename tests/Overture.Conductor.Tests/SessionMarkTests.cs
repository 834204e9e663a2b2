using Grpc.Core;
using Overture.Conductor.V1;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>MarkSession: what the replicas of a console know of a session, with a real Redis.</summary>
[Trait("Category", "integration")]
public sealed class SessionMarkTests : IAsyncLifetime
{
    private readonly ConductorFixture world = new();
    private RedisServer redis = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        world.Pki.Issue("jo", Role.Viewer);
        redis = await RedisServer.Start();
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Redis = redis.Endpoint });
    }

    public async Task DisposeAsync()
    {
        await host.DisposeAsync();
        await redis.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Session_IsEnteredOnce_ByOneOfAllThatTry()
    {
        var session = Session();
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Mark(session, SessionMark.Entered)));
        Assert.Single(answers, a => a.First);
        Assert.All(answers, a => Assert.False(a.Ended));
        // Another session of the same person is another.
        Assert.True((await Mark(Session(), SessionMark.Entered)).First);
    }

    [Fact]
    public async Task Session_ThatWasLeft_IsLeftForAll_AndIsNotEnteredAgain()
    {
        var session = Session();
        Assert.False((await Mark(session, SessionMark.Unspecified)).Ended);
        Assert.Equal((false, true), await Mark(session, SessionMark.Ended) is var end ? (end.First, end.Ended) : default);
        Assert.True((await Mark(session, SessionMark.Unspecified)).Ended);
        Assert.Equal((false, true), await Mark(session, SessionMark.Entered) is var again ? (again.First, again.Ended) : default);
    }

    [Fact]
    public async Task OnlyAConsole_HasSessions()
    {
        var fault = await Assert.ThrowsAsync<RpcException>(async () =>
            await host.As("jo").MarkSessionAsync(new() { Mark = SessionMark.Ended }));
        Assert.Equal(StatusCode.FailedPrecondition, fault.StatusCode);
    }

    private Metadata Session() => TestDelegation.Header(TestDelegation.Of(world.Pki, "jo", TimeProvider.System.GetUtcNow().AddHours(1)));

    private async Task<MarkSessionResponse> Mark(Metadata session, SessionMark mark) =>
        await host.As("console").MarkSessionAsync(new() { Mark = mark }, session);
}
