using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Overture.Platform.Tls;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>
/// What an autoscaling group's lifecycle handler talks to: moto's queue and parameters, and a double of the one call that moto does not
/// have (CompleteLifecycleAction).
/// </summary>
internal sealed class LifecycleClouds : IAsyncDisposable
{
    public const string Instance = "i-0123456789abcdef0";
    private const string Region = "eu-central-1", Account = "123456789012", Name = "lifecycle";

    private readonly int port = FreePort.Next(), groupsPort = FreePort.Next();
    private readonly ConcurrentQueue<(string Result, string Instance)> completed = new();
    private readonly ConcurrentDictionary<string, bool> tokens = new();
    private Process? moto;
    private WebApplication? groups;

    public string Queue => $"{Address}/{Account}/{Name}";

    public IReadOnlyList<(string Result, string Instance)> Completed => [.. completed];

    public IReadOnlyDictionary<string, string?> Environment => new Dictionary<string, string?>
    {
        ["AWS_ENDPOINT_URL"] = Address, ["AWS_ENDPOINT_URL_AUTO_SCALING"] = $"http://127.0.0.1:{groupsPort}", ["NO_PROXY"] = "127.0.0.1",
        ["AWS_DEFAULT_REGION"] = Region, ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = "test",
        ["AWS_EC2_METADATA_DISABLED"] = "true",
    };

    private string Address => $"http://127.0.0.1:{port}";

    public async Task Start()
    {
        var start = new ProcessStartInfo("moto_server", ["-H", "127.0.0.1", "-p", port.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        moto = Process.Start(start)!;
        moto.OutputDataReceived += static (_, _) => { };
        moto.ErrorDataReceived += static (_, _) => { };
        moto.BeginOutputReadLine();
        moto.BeginErrorReadLine();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{groupsPort}");
        groups = builder.Build();
        groups.Run(async context =>
        {
            var form = await context.Request.ReadFormAsync();
            Assert.Equal("CompleteLifecycleAction", form["Action"].ToString());
            if (!tokens.TryAdd(form["LifecycleActionToken"].ToString() + form["LifecycleHookName"], true))
            {
                context.Response.StatusCode = StatusCodes.Status400BadRequest;
                await context.Response.WriteAsync($"""
                    <ErrorResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><Error><Type>Sender</Type>
                    <Code>ValidationError</Code><Message>No active Lifecycle Action found with instance ID {form["InstanceId"]}</Message>
                    </Error><RequestId>r</RequestId></ErrorResponse>
                    """);
                return;
            }
            completed.Enqueue((form["LifecycleActionResult"].ToString(), form["InstanceId"].ToString()));
            await context.Response.WriteAsync("""
                <CompleteLifecycleActionResponse xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><CompleteLifecycleActionResult/>
                <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></CompleteLifecycleActionResponse>
                """);
        });
        await groups.StartAsync();
        // Python and moto take their time on a busy machine.
        await Eventually.True(async () => (await Ask($"sqs.create_queue(QueueName='{Name}')"))
            .ExitCode == 0, "moto answers", TimeSpan.FromMinutes(6));
    }

    /// <summary>An action as EventBridge sends it.</summary>
    public async Task Send(string document) => await SendText(
        await File.ReadAllTextAsync(RepositoryPaths.File($"tests/Overture.Conductor.Tests/testdata/lifecycle/{document}")));

    /// <summary>Whatever else comes into a queue.</summary>
    public async Task SendText(string text) =>
        (await Ask($"sqs.send_message(QueueUrl='{Queue}', MessageBody=sys.stdin.read())", text)).Ok();

    /// <summary>The variables of examples/curl/call.sh.</summary>
    /// <param name="files">Whose certificate it is.</param>
    /// <param name="port">Of the service, on this host.</param>
    /// <param name="timeout">In seconds.</param>
    public static IReadOnlyDictionary<string, string?> Caller(TlsFiles files, int port, string timeout) => new Dictionary<string, string?>
    {
        ["OVERTURE_URL"] = $"https://localhost:{port}", ["OVERTURE_CERTIFICATE"] = files.Certificate, ["OVERTURE_KEY"] = files.Key,
        ["OVERTURE_ROOTS"] = files.Roots, ["OVERTURE_TIMEOUT"] = timeout,
    };

    /// <returns>Null: there is none.</returns>
    public async Task<string?> Parameter(string name)
    {
        var ran = await Ask($"ssm.get_parameter(Name='{name}', WithDecryption=True)");
        return ran.ExitCode == 0 ? JsonDocument.Parse(ran.Output).RootElement.GetProperty("Parameter").GetProperty("Value").GetString()
            : ran.Errors.Contains("ParameterNotFound", StringComparison.Ordinal) ? null : throw new InvalidOperationException(ran.Errors);
    }

    /// <summary>Messages that were not taken off the queue, also those that someone has just read.</summary>
    public async Task<int> Waiting() => JsonDocument.Parse((await Ask(
        $"sqs.get_queue_attributes(QueueUrl='{Queue}', AttributeNames=['All'])")).Ok()).RootElement.GetProperty("Attributes")
        .EnumerateObject().Where(a => a.Name is "ApproximateNumberOfMessages" or "ApproximateNumberOfMessagesNotVisible")
        .Sum(a => int.Parse(a.Value.GetString()!, CultureInfo.InvariantCulture));

    public async ValueTask DisposeAsync()
    {
        if (groups is not null)
            await groups.DisposeAsync();
        if (moto is null)
            return;
        moto.Kill(entireProcessTree: true);
        await moto.WaitForExitAsync();
        moto.Dispose();
    }

    private Task<Ran> Ask(string call, string? input = null) => Shell.Run("python3", ["-c", $"""
        import boto3, json, sys
        sqs, ssm = boto3.client("sqs"), boto3.client("ssm")
        print(json.dumps({call}, default=str))
        """], Environment, input, limit: TimeSpan.FromMinutes(5));
}
