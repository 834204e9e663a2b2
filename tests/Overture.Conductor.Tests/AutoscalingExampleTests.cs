using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Overture.Conductor.V1;
using Overture.Platform.Objects;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>examples/autoscaling, with a real Conductor, moto for the cloud, and the real cloud-init.</summary>
[Trait("Category", "integration")]
public sealed class AutoscalingExampleTests : IAsyncLifetime
{
    private const string Parameter = "/overture/user-data/" + LifecycleClouds.Instance;
    private static readonly string Spec = RepositoryPaths.File("examples/curl/spec.json");

    private readonly ConductorFixture world = new();
    private readonly TempDirectory scratch = new();
    private readonly LifecycleClouds clouds = new();
    private MotoServer? moto;
    private ConductorHost? host;

    private ConductorService.ConductorServiceClient Viewer => host!.As("viewer");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await clouds.DisposeAsync();
        if (host is not null)
            await host.DisposeAsync();
        if (moto is not null)
            await moto.DisposeAsync();
        world.Dispose();
        scratch.Dispose();
    }

    [Fact]
    public async Task Launch_IsRegistered_AndEndIsTerminated()
    {
        await Start();
        await clouds.Send("launching.json");
        (await Lifecycle()).Ok();
        var instance = Assert.Single((await Viewer.ListInstancesAsync(new())).Instances);
        Assert.Equal((InstanceState.Launching, LifecycleClouds.Instance), (instance.State, instance.Labels["ec2-instance"]));
        Assert.Matches($"^#include-once\nhttp[^\n]+/userdata/{instance.Certname}/[^\n]+\n$", await clouds.Parameter(Parameter));
        Assert.Equal([("CONTINUE", LifecycleClouds.Instance)], clouds.Completed);

        // Delivered twice, as queues do: one instance, and that the action is over is no error.
        await clouds.Send("launching.json");
        (await Lifecycle()).Ok();
        Assert.Single((await Viewer.ListInstancesAsync(new())).Instances);
        Assert.Single(clouds.Completed);
        Assert.Equal(0, await clouds.Waiting());

        await clouds.Send("terminating.json");
        (await Lifecycle(timeout: "3")).Ok();
        instance = (await Viewer.GetInstanceAsync(new() { Certname = instance.Certname })).Instance;
        Assert.Equal(InstanceState.Terminating, instance.State);
        Assert.Null(await clouds.Parameter(Parameter));
        Assert.Equal(2, clouds.Completed.Count);

        // The launch once more, much later: there is nothing left to do.
        await clouds.Send("launching.json");
        Assert.Contains("ABANDON", (await Lifecycle()).Ok(), StringComparison.Ordinal);
        Assert.Equal((2, 0), (clouds.Completed.Count, await clouds.Waiting()));
        Assert.Null(await clouds.Parameter(Parameter));
    }

    /// <summary>Of three messages one is no JSON and one is refused; the third is worked off.</summary>
    [Fact]
    public async Task WhatFails_StaysInTheQueue_AndHoldsUpNothing()
    {
        await Start();
        await clouds.SendText("no JSON");
        await clouds.SendText("""{"Event": "autoscaling:TEST_NOTIFICATION"}""");
        await clouds.Send("launching.json");
        var spec = scratch.File("other.json");
        await File.WriteAllTextAsync(spec, (await File.ReadAllTextAsync(Spec)).Replace("\"web\"", "\"db\"", StringComparison.Ordinal));
        await clouds.Send("terminating.json");
        var ran = await Lifecycle(spec);
        Assert.Equal(1, ran.ExitCode);
        Assert.Contains("SCOPE_MISSING", ran.Errors, StringComparison.Ordinal);
        Assert.Contains("JSONDecodeError", ran.Errors, StringComparison.Ordinal);
        Assert.Single(clouds.Completed);
        Assert.Equal(2, await clouds.Waiting());
    }

    /// <summary>What the parameter includes is all done, by the second boot: also scripts, bootcmd and MIME parts.</summary>
    [Fact]
    public async Task Boot_WaitsForItsParameter_AndBootsAgainWithIt()
    {
        var port = FreePort.Next();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        await using var store = builder.Build();
        store.Run(static context => context.Response.WriteAsync("""
            Content-Type: multipart/mixed; boundary="=="
            MIME-Version: 1.0

            --==
            Content-Type: text/cloud-config

            #cloud-config
            bootcmd: [[sh, -c, "echo bootcmd >> /root/ran"]]
            runcmd: [[sh, -c, "echo runcmd >> /root/ran"]]
            write_files: [{path: /root/ran, content: "file\n", append: true}]
            --==
            Content-Type: text/x-shellscript

            #!/bin/sh
            echo script >> /root/ran
            --==--
            """));
        await store.StartAsync();
        // The parameter is not there at once; the reboot is cloud-init's stages once more, as soon as those of the first boot are through.
        var aws = $"""
            #!/bin/sh
            [ "$*" = "ssm get-parameter --with-decryption --name {Parameter} --query Parameter.Value --output text" ] || exit 64
            [ -e /root/asked ] || exec sh -c "touch /root/asked; exit 254"
            printf '#include-once\nhttp://127.0.0.1:{port}/user-data\n'
            """;
        const string Shutdown = """
            #!/bin/sh
            [ "$*" = "-r now" ] || exit 64
            first=$(pgrep -o -f /run/overture/stages)
            next="while [ -e /proc/$first ]; do sleep 0.1; done; rm -rf /run/cloud-init; exec /usr/bin/python3 /run/overture/stages"
            setsid sh -c "$next" < /dev/null > /root/second.log 2>&1 &
            """;
        var template = "#cloud-config-archive\n" + JsonSerializer.Serialize(new[]
        {
            new { type = "text/cloud-config", content = "#cloud-config\n" + JsonSerializer.Serialize(new { write_files = new[]
            {
                new { path = "/usr/local/bin/aws", permissions = "0755", content = aws },
                new { path = "/usr/local/sbin/shutdown", permissions = "0755", content = Shutdown },
            } }) },
            new { type = "text/x-shellscript",
                content = await File.ReadAllTextAsync(RepositoryPaths.File("examples/autoscaling/boot.sh")) },
        });
        await using var booted = new BootedInstance(LifecycleClouds.Instance, System.Text.Encoding.UTF8.GetBytes(template), []);
        await Eventually.True(() => Task.FromResult(booted.HasBegun), "it boots", TimeSpan.FromMinutes(5));
        await Eventually.True(async () => (await booted.Inside("cat", "/root/ran")).Output == "bootcmd\nfile\nscript\nruncmd\n",
            "all of it was done once", TimeSpan.FromMinutes(5));
        Assert.Equal($"overture-{LifecycleClouds.Instance}", (await booted.Inside("cat", "/var/lib/cloud/data/instance-id")).Ok().Trim());
        Assert.Equal("600", (await booted.Inside("stat", "-c", "%a", "/var/lib/cloud/seed/nocloud/user-data")).Ok().Trim());
    }

    // The records are in a bucket: the parameter names a URL.
    private async Task Start()
    {
        world.Pki.Issue("terraform", Platform.Tls.Role.Operator, "profile=web");
        moto = await MotoServer.Start();
        host = await ConductorHost.Start(world, new()
        {
            Provider = new FakeProvider(),
            Store = S3Store.At($"s3://{MotoServer.Bucket}", "", new S3Options { ServiceUrl = moto.Endpoint.ToString() },
                new Amazon.Runtime.BasicAWSCredentials(moto.AccessKey, moto.SecretKey)),
        }, o => o with { Json = true });
        await clouds.Start();
    }

    private Task<Ran> Lifecycle(string? spec = null, string timeout = "60") =>
        Shell.Run(RepositoryPaths.File("examples/autoscaling/lifecycle.py"), [clouds.Queue, spec ?? Spec],
            new Dictionary<string, string?>(LifecycleClouds.Caller(world.Pki.Files("terraform"), host!.Port, timeout)
                .Concat(clouds.Environment)), limit: TimeSpan.FromMinutes(5));
}
