using System.Collections.Concurrent;
using System.Security.Cryptography;
using Google.Protobuf.WellKnownTypes;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.Storage;
using Overture.Cli.Pki;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>
/// What every CertAuthority of a test shares: PKI, a Puppet CA (2048 bits, for speed), a real Redis, a bucket. And a stand-in for the
/// Conductor.
/// </summary>
public sealed class CaFixture : IAsyncLifetime
{
    private readonly TempDirectory home = new();
    private readonly ConcurrentDictionary<string, CertName> tokens = new(StringComparer.Ordinal);
    private readonly Ids ids = new(TimeProvider.System, RandomNumberGenerator.Create());
    private ECDsa launchKey = null!;
    private LaunchSigner conductor = null!;

    public TestPki Pki { get; } = new();
    public RedisServer Redis { get; private set; } = null!;
    public ObjectStore Store { get; private set; } = null!;

    /// <summary>A CertAuthority for all tests that neither stop nor break it.</summary>
    public RunningCa Ca { get; private set; } = null!;
    public string CaDirectory => home.File("ca");
    public string Bucket => home.File("objects");
    public string Home => home.Path;
    public string BundleFile => Path.Combine(CaDirectory, PuppetCaInit.Bundle);

    public async Task InitializeAsync()
    {
        await Open();
        Ca = await Start("api");
    }

    /// <summary>All but the CertAuthority, for tests that are alone with theirs.</summary>
    /// <param name="anotherCa">Its Puppet CA is not that of the other houses.</param>
    public async Task Open(bool anotherCa = false)
    {
        TestCaFiles.Write(CaDirectory, anotherCa);
        launchKey = ECDsa.Create();
        launchKey.ImportFromPem(await File.ReadAllTextAsync(Pki.LaunchSigningKey));
        conductor = new LaunchSigner(launchKey);
        Store = DirectoryStore.At(Bucket);
        Redis = await RedisServer.Start();
    }

    public async Task DisposeAsync()
    {
        if (Ca is not null)
            await Ca.DisposeAsync();
        await Redis.DisposeAsync();
        conductor.Dispose();
        Pki.Dispose();
        home.Dispose();
    }

    public TestCaOptions Options(string replica) => new()
    {
        Bucket = "file:" + Bucket,
        Listen = $"127.0.0.1:{FreePort.Next()}",
        StateDirectory = home.File($"state-{replica}"),
        Replica = replica,
        Tls = Pki.Files("certauthority"),
        Registry = new() { Endpoint = Redis.Endpoint },
        CaDirectory = CaDirectory,
        LaunchKeys = Pki.TrustedLaunchKeys,
        // One address sends here what thousands would.
        RefusalLinesPerMinute = 1_000_000,
        Audit = new() { RefusalsPerMinute = 1_000_000 },
        Approval = new() { WaitingPerAddress = 1_000 },
        PuppetApi = new() { AccessLogLinesPerMinute = 10_000_000, Listen = $"127.0.0.1:{FreePort.Next()}",
            AccessLog = home.File($"access-{ids.Ordered()}.log") },
    };

    /// <summary>A CertAuthority without rate limits, for rows in which one agent sends what thousands would.</summary>
    public Task<RunningCa> StartUnlimited(string replica)
    {
        const int most = 1_000_000;
        var options = Options(replica);
        return RunningCa.Start(this, options with
        {
            PuppetApi =
                options.PuppetApi with { Limits = new() { CsrBurst = most, ProvenBurst = most, PollBurst = most, FailureBurst = most } },
        });
    }

    public Task<RunningCa> Start(string replica) => RunningCa.Start(this, Options(replica));

    /// <summary>A launched instance: its name and token, registered as the Conductor would.</summary>
    public async Task<Launched> Launch(
        Action<LaunchRecord>? change = null, string? certname = null, ECDsa? signWith = null, Action<SignedLaunch>? tamper = null)
    {
        var name = certname is null ? ids.CertName() : CertName.Parse(certname);
        var token = EnrollmentToken.Derive("a launch key of the tests"u8, ids.Ordered(), name);
        tokens.TryAdd(token, name);
        var now = DateTimeOffset.FromUnixTimeSeconds(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds());
        var record = new LaunchRecord
        {
            Schema = 1,
            Certname = name.ToString(),
            NotBefore = now.ToTimestamp(),
            Deadline = now.AddHours(1).ToTimestamp(),
            TokenSha256 = EnrollmentToken.Hash(token),
            Attestation = Attestation.Token,
            Provider = "local",
            Traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        };
        change?.Invoke(record);
        using var other = signWith is null ? null : new LaunchSigner(signWith);
        var signed = (other ?? conductor).Sign(record, ids.Unguessable());
        tamper?.Invoke(signed);
        await Store.PutIfAbsent(ObjectKeys.Launch(name), signed, default);
        return new Launched(name, token);
    }

    public Task Fact(CertName name, string what) =>
        Store.PutIfAbsent(ObjectKeys.Fact(name, what), new InstanceFact { Schema = 1, Certname = name.ToString(), Event = what }, default);

    /// <summary>What the provider says of an instance, written down as the Conductor would; in place of what it said before.</summary>
    public async Task Observe(CertName name, string state, DateTimeOffset? at = null, string address = "127.0.0.1", ECDsa? signWith = null,
        Action<Observation>? change = null)
    {
        var observation = new Observation
        {
            Schema = 1,
            Certname = name.ToString(),
            At = (at ?? TimeProvider.System.GetUtcNow()).ToTimestamp(),
            State = state,
            Addresses = { address },
            Provider = "local",
            InstanceId = "i-1",
        };
        change?.Invoke(observation);
        using var other = signWith is null ? null : new LaunchSigner(signWith);
        await Store.Delete(ObjectKeys.Observation(name), default);
        await Store.PutIfAbsent(ObjectKeys.Observation(name), (other ?? conductor).Sign(observation, ids.Unguessable()), default);
    }

    /// <summary>What someone who can write the bucket could do.</summary>
    public async Task Rewrite<T>(string key, Action<T> change) where T : class, Google.Protobuf.IMessage, new()
    {
        var record = (await Store.Get<T>(key, default))!;
        change(record);
        await Store.Delete(key, default);
        await Store.PutIfAbsent(key, record, default);
    }

    /// <summary>One of the tokens this house gave out.</summary>
    public bool IsToken(string text) => tokens.ContainsKey(text);

    public CertName NewName() => ids.CertName();

    public async Task<IReadOnlyList<string>> Keys(string prefix)
    {
        var keys = new List<string>();
        await foreach (var key in Store.List(prefix, null, default))
            keys.Add(key);
        return keys;
    }

    public async Task<IReadOnlyList<T>> All<T>(string prefix) where T : class, Google.Protobuf.IMessage, new()
    {
        var found = new List<T>();
        foreach (var key in await Keys(prefix))
            found.Add((await Store.Get<T>(key, default))!);
        return found;
    }
}

/// <summary>An instance that was launched: what its user data would hold.</summary>
public sealed record Launched(CertName Name, string Token)
{
    public CsrBuilder Csr(AsymmetricAlgorithm key) => new CsrBuilder(Name.ToString(), key).Challenge(Token);
}

[CollectionDefinition(Name)]
public sealed class CaCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "one house";
}

/// <summary>What becomes of certificates later: a house like the first, so that the two run side by side.</summary>
[CollectionDefinition(Name)]
public sealed class LaterLifeCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "later life";
}

/// <summary>What starts CertAuthorities of its own again and again: a third.</summary>
[CollectionDefinition(Name)]
public sealed class RestartCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "restarts";
}

/// <summary>A house of their own, beside the first: each test compares all that the store holds.</summary>
[CollectionDefinition(Name)]
public sealed class ThreatCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "threats";
}

/// <summary>A house of their own, since they use up its limits.</summary>
[CollectionDefinition(Name)]
public sealed class LimitCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "limits";
}

/// <summary>
/// A house of their own, since they fill it; alone, since agents who are to be served meanwhile share this process with them.
/// </summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class FloodCollection : ICollectionFixture<CaFixture>
{
    public const string Name = "floods";
}
