using System.Text;
using Amazon.Runtime;
using Amazon.S3;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Overture.Conductor.Instances;
using Overture.Conductor.Launch;
using Overture.Conductor.Reports;
using Overture.Conductor.Specs;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Objects;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>User data behind a URL, with the records in an S3 bucket.</summary>
[Trait("Category", "integration")]
public sealed class FetchedUserDataTests : IAsyncLifetime
{
    // cloud-init's own reader of user data: each part that comes of it.
    private const string CloudInit = """
        import sys
        from cloudinit import helpers, user_data
        paths = helpers.Paths({"cloud_dir": sys.argv[1], "run_dir": sys.argv[1]})
        for part in user_data.UserDataProcessor(paths).process(sys.stdin.read()).walk():
            if part.get_content_maintype() != "multipart":
                print(part.get_content_type(), part.get_payload(decode=True).decode(), sep="\n", end="")
        """;

    private readonly ConductorFixture world = new();
    private MotoServer moto = null!;
    private FaultyStore store = null!;
    private ConductorHost host = null!;

    public async Task InitializeAsync()
    {
        moto = await MotoServer.Start();
        store = new FaultyStore(S3Store.At($"s3://{MotoServer.Bucket}", "", new S3Options { ServiceUrl = moto.Endpoint.ToString() },
            Key()));
        host = await ConductorHost.Start(world, new() { Provider = new FakeProvider(), Store = store });
    }

    public async Task DisposeAsync()
    {
        if (host is not null)
            await host.DisposeAsync();
        await moto.DisposeAsync();
        world.Dispose();
    }

    [Fact]
    public async Task Register_UserDataUrl_FetchesWhatItWouldHaveBeen()
    {
        var plain = await Register("plain", url: false);
        Assert.Equal("", plain.UserDataUrl);
        Assert.Empty(await Kept());

        var answer = await Register("r1", url: true);
        Assert.Equal($"#include-once\n{answer.UserDataUrl}\n", answer.UserData);
        Assert.InRange(answer.UserDataUrlExpires.ToDateTimeOffset() - TimeProvider.System.GetUtcNow(), TimeSpan.FromMinutes(9),
            TimeSpan.FromMinutes(10));
        Assert.Matches("X-Amz-Expires=(59[0-9]|60[01])(&|$)", answer.UserDataUrl);
        await moto.Enforce(false); // moto knows no presigned URLs while it enforces
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var fetched = await http.GetStringAsync(new Uri(answer.UserDataUrl));
        var booted = await Shell.Run("/usr/bin/python3", ["-c", CloudInit, world.Data.Path],
            new Dictionary<string, string?> { ["no_proxy"] = "127.0.0.1" }, input: answer.UserData);
        await moto.Enforce(true);
        Assert.StartsWith("#cloud-config\n", fetched, StringComparison.Ordinal);
        Assert.Equal("text/cloud-config\n" + fetched, booted.Ok());
        Assert.Contains(answer.Token, fetched, StringComparison.Ordinal);
        Assert.Contains(answer.Instance.Certname, fetched, StringComparison.Ordinal);

        var again = await Register("r1", url: true);
        Assert.Equal(answer.Instance.Certname, again.Instance.Certname);
        Assert.Equal(new Uri(answer.UserDataUrl).AbsolutePath, new Uri(again.UserDataUrl).AbsolutePath);
        Assert.Single(await Kept());
    }

    [Fact]
    public async Task Register_UserDataUrlWithADirectory_IsRefusedBeforeAnythingIsWritten()
    {
        await using var onDisk = await ConductorHost.Start(world, new() { Provider = new FakeProvider() }, replica: "2");
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await onDisk.As("admin")
            .RegisterInstanceAsync(new() { RequestId = "url", Spec = ConductorFixture.Spec(), UserDataUrl = true }));
        Assert.Equal((StatusCode.FailedPrecondition, "INVALID_FIELD"), (refused.StatusCode, RpcDetails.Reason(refused)));
        Assert.Contains("user_data_url", refused.Status.Detail, StringComparison.Ordinal);
        Assert.False(await onDisk.Get<ObjectStore>().Any("requests/", default));
    }

    [Fact]
    public async Task T79_WholeBucket_HoldsTheTokenInThatOneObjectOnly()
    {
        var answer = await Register("r1", url: true);
        var token = Encoding.ASCII.GetBytes(answer.Token);
        using var bucket = new AmazonS3Client(Key(), new AmazonS3Config { ServiceURL = moto.Endpoint.ToString(), ForcePathStyle = true });
        var all = (await bucket.ListObjectsV2Async(new() { BucketName = MotoServer.Bucket })).S3Objects.Select(o => o.Key).ToList();
        var holding = new List<string>();
        foreach (var key in all)
        {
            Assert.DoesNotContain(answer.Token, key, StringComparison.Ordinal);
            if ((await store.Get(key, default))!.Body.AsSpan().IndexOf(token) >= 0)
                holding.Add(key);
        }
        Assert.True(all.Count >= 4, string.Join(' ', all));
        Assert.Matches($"^userdata/{answer.Instance.Certname}/[0-9a-f]{{64}}$", Assert.Single(holding));
    }

    [Fact]
    public async Task Register_MoreThanACloudTakes_GoesByUrlOnly()
    {
        void Large(LaunchSpec spec)
        {
            for (var i = 0; i < 90; i++)
                spec.Extensions[$"1.3.6.1.4.1.34380.1.2.{i}"] = new string('x', 250);
        }
        var refused = await Assert.ThrowsAsync<RpcException>(() => Register("big", url: false, Large));
        Assert.Equal("TOO_LARGE", RpcDetails.Reason(refused));
        var answer = await Register("big", url: true, Large);
        Assert.True((await store.Get(Assert.Single(await Kept()), default))!.Body.Length > 16 * 1024);
        Assert.True(answer.UserData.Length < 1024);
    }

    [Fact]
    public async Task Converged_Instance_LeavesNoUserDataAndGetsNone()
    {
        var answer = await Register("r1", url: true);
        var name = CertName.Parse(answer.Instance.Certname);
        await Served(name);
        store.Arm(2, after: false); // killed between the removal and the fact
        await Assert.ThrowsAnyAsync<Exception>(() => Report(name));
        Assert.Empty(await Kept());
        await Register("r1", url: true); // repeated before the fact
        Assert.Single(await Kept());
        await Report(name);
        Assert.Empty(await Kept());
        Assert.Equal(InstanceState.Converged,
            (await host.As("viewer").GetInstanceAsync(new() { Certname = name.ToString() })).Instance.State);

        var late = await Assert.ThrowsAsync<RpcException>(() => Register("r1", url: true));
        Assert.Equal((StatusCode.FailedPrecondition, "TOKEN_EXPIRED"), (late.StatusCode, RpcDetails.Reason(late)));
        Assert.Empty(await Kept());
    }

    [Fact]
    public async Task Terminated_Instance_LeavesNoUserData()
    {
        var name = CertName.Parse((await Register("r1", url: true)).Instance.Certname);
        await store.PutIfAbsent(ObjectKeys.Closed(name),
            new Closure { Schema = 1, Certname = name.ToString(), At = TimeProvider.System.GetUtcNow().ToTimestamp() }, default);
        await host.As("admin").TerminateInstanceAsync(new() { Certname = name.ToString() });
        Assert.Empty(await Kept());
        Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => Register("r1", url: true))).StatusCode);
        Assert.Empty(await Kept());
    }

    [Fact]
    public async Task CheckBucket_GoodServer_KeepsAllAndIsForOperators()
    {
        var answer = await host.As("operator").CheckBucketAsync(new());
        Assert.Equal(($"s3://{MotoServer.Bucket}", false, "off"), (answer.Bucket, answer.Public, answer.Versioning));
        Assert.Equal(7, answer.Promises.Count);
        Assert.Equal(("quoted", "127.0.0.1"), (answer.EtagForm, Assert.Single(answer.Addresses)));
        Assert.All(answer.Promises, p => Assert.True(p.Kept, p.Detail));
        Assert.Equal(StatusCode.PermissionDenied,
            (await Assert.ThrowsAsync<RpcException>(async () => await host.As("viewer").CheckBucketAsync(new()))).StatusCode);
    }

    private BasicAWSCredentials Key() => new(moto.AccessKey, moto.SecretKey);

    private Task<RegisterInstanceResponse> Register(string id, bool url, Action<LaunchSpec>? change = null) =>
        host.As("admin").RegisterInstanceAsync(new()
    {
        RequestId = id,
        UserDataUrl = url,
        Spec = ConductorFixture.Spec(s =>
        {
            s.Deadline = Duration.FromTimeSpan(TimeSpan.FromMinutes(10));
            change?.Invoke(s);
        }),
    }).ResponseAsync;

    private async Task<List<string>> Kept() => await store.List(ObjectKeys.UserData, null, default).ToListAsync();

    private async Task Served(CertName name)
    {
        var now = TimeProvider.System.GetUtcNow().ToTimestamp();
        await store.PutIfAbsent(ObjectKeys.Certificate("0a0b"), new CertificateRecord { SignedAt = now }, default);
        await store.PutIfAbsent(ObjectKeys.Claim(name, "1"), new Claim { Claim_ = "1", Serial = "0a0b", CsrReceivedAt = now }, default);
        await store.PutIfAbsent(ObjectKeys.History(name, "01"), new NodeHistory { Kind = "served", At = now }, default);
    }

    private Task Report(CertName name)
    {
        var good = ReportReaderTests.Good.Replace("0f8fad5b-d9cb-469f-a165-70867728950e", name.ToString(), StringComparison.Ordinal);
        return ActivatorUtilities.CreateInstance<ProcessReport>(host.Services)
            .Run(ReportReader.Read(new MemoryStream(Encoding.UTF8.GetBytes(good))), TimeProvider.System.GetUtcNow(), default);
    }
}
