namespace Overture.Compat.Tests.Contracts;

public sealed class CallOptionsTests
{
    private static readonly DateTime Deadline = new(2030, 1, 2, 3, 4, 5, DateTimeKind.Utc);
    private static readonly Metadata Headers = new() { { "k", "v" } };
    private static readonly WriteOptions Writes = new(WriteFlags.NoCompress);
    private static readonly CallCredentials Credentials = CallCredentials.FromInterceptor((_, _) => Task.CompletedTask);

    private static readonly Dictionary<string, Func<CallOptions, CallOptions>> Changes = new()
    {
        ["headers"] = options => options.WithHeaders(Headers),
        ["deadline"] = options => options.WithDeadline(Deadline),
        ["token"] = options => options.WithCancellationToken(new CancellationToken(true)),
        ["writes"] = options => options.WithWriteOptions(Writes),
        ["credentials"] = options => options.WithCredentials(Credentials),
        ["wait"] = options => options.WithWaitForReady(),
    };

    public static TheoryData<string> Names { get; } = [.. Changes.Keys];

    [Fact]
    public void Default_HasNothingSet() => Assert.Empty(Set(default));

    [Theory]
    [MemberData(nameof(Names))]
    public void With_OneThing_ChangesACopyInThatThingOnly(string name)
    {
        var original = default(CallOptions);

        var changed = Changes[name](original);

        Assert.Equal([name], Set(changed));
        Assert.Empty(Set(original));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void With_OnOptionsWithEverything_KeepsTheRest(string name)
    {
        var all = Changes.Values.Aggregate(default(CallOptions), (options, change) => change(options));

        Assert.Equal(Changes.Keys, Set(Changes[name](all)));
    }

    [Fact]
    public void WithWaitForReady_False_TakesItBack() =>
        Assert.False(default(CallOptions).WithWaitForReady().WithWaitForReady(false).IsWaitForReady);

    [Fact]
    public void Constructor_NamedArguments_SetTheirProperties()
    {
        var options = new CallOptions(
            headers: Headers,
            deadline: Deadline,
            cancellationToken: new CancellationToken(true),
            writeOptions: Writes,
            credentials: Credentials);

        Assert.Equal(Changes.Keys.Where(name => name != "wait"), Set(options));
    }

    private static List<string> Set(CallOptions options)
    {
        var set = new List<string>();
        AddIf(options.Headers == Headers, "headers");
        AddIf(options.Deadline == Deadline, "deadline");
        AddIf(options.CancellationToken.IsCancellationRequested, "token");
        AddIf(options.WriteOptions == Writes, "writes");
        AddIf(options.Credentials == Credentials, "credentials");
        AddIf(options.IsWaitForReady, "wait");
        return set;

        void AddIf(bool condition, string name)
        {
            if (condition)
            {
                set.Add(name);
            }
        }
    }
}
