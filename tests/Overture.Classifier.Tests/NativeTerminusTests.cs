using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>The terminus' Ruby inside puppetserver's JRuby.</summary>
[Collection(NativeServer.Collection)]
[Trait("Category", "e2e")]
public sealed class NativeTerminusTests(NativeServer native)
{
    private const string Definition = "classes:\n  base:\n  login_allowed:\n    user: demo\n    times: [1, 2.0, true, ~]\nparameters:\n "
        + " mode: 0777\n  day: 2010-01-02\n  text: \"a \\u00e9 '\\\"\"\nenvironment: production\n";

    [Fact]
    public async Task Node_Known_HasClassesParametersAndEnvironment()
    {
        var answer = await Told(await native.House.Define(Definition));
        Assert.Equal("""{"base":null,"login_allowed":{"user":"demo","times":[1,2.0,true,null]}}""", answer["classes"]!.ToJsonString());
        Assert.Equal(("0777", "2010-01-02", "a é '\"", "production"),
            (Parameter("mode"), Parameter("day"), Parameter("text"), answer["environment"]!.GetValue<string>()));

        string Parameter(string name) => answer["parameters"]![name]!.GetValue<string>();
    }

    [Fact]
    public async Task Node_UnknownOrBlocked_IsAnErrorThatSaysWhyAndNeverEmpty()
    {
        var unknown = TestIds.New().CertName();
        await Refused(unknown, "NODE_UNKNOWN");
        var blocked = await native.House.Define(Definition);
        await Told(blocked);
        await native.House.Block(blocked);
        await Refused(blocked, "NODE_BLOCKED");
        await Refused(await native.House.Define("classes: {Bad Name: }\n"), "DEFINITION_INVALID");
    }

    [Fact]
    public async Task Nodes_Many_ComeOverOneConnection()
    {
        await Told(await native.House.Define(Definition));
        using var accepted = new Accepted(native.House.Port);
        for (var i = 0; i < 30; i++)
            await Told(await native.House.Define(Definition));
        await Refused(TestIds.New().CertName(), "NODE_UNKNOWN");
        await Told(await native.House.Define(Definition));
        Assert.Equal(0, accepted.Count);
    }

    [Fact]
    public async Task Classifier_DownThenHungThenBack_IsAnErrorWithinTheLimitAndRecovers()
    {
        var node = await native.House.Define(Definition);
        await Told(node);
        await native.House.Stop();
        await Refused(node, "java.net.ConnectException");

        // Accepts, and says nothing: neither TLS nor HTTP.
        using (var mute = new TcpListener(IPAddress.Loopback, native.House.Port))
        {
            mute.Start();
            var watch = Stopwatch.StartNew();
            await Refused(node, $"did not answer within {NativeServer.TimeoutSeconds} s");
            Assert.InRange(watch.Elapsed.TotalSeconds, NativeServer.TimeoutSeconds - 1, NativeServer.TimeoutSeconds + 50);
        }

        await native.House.Start();
        await Told(node);
    }

    [Fact]
    public async Task Classifier_Restarted_KeptConnectionIsReplacedWithoutAnError()
    {
        var node = await native.House.Define(Definition);
        await Told(node);
        await native.House.Stop();
        await native.House.Start();
        await Told(node);
    }

    [Fact]
    public async Task Puppetserver_Blocked_IsToldNothingOverItsKeptConnection()
    {
        var node = await native.House.Define(Definition);
        await Told(node);
        await native.House.Block(native.Name);
        try
        {
            await Refused(node, "NOT_PUPPETSERVER");
        }
        finally
        {
            await native.House.Store.Delete(ObjectKeys.Block(native.Name, "1"), default);
        }
        await Told(node);
    }

    private async Task<JsonNode> Told(CertName node)
    {
        using var answer = await native.Server.Node(node.ToString());
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.OK, $"{answer.StatusCode}: {text}");
        return JsonNode.Parse(text)!;
    }

    private async Task Refused(CertName node, string why)
    {
        using var answer = await native.Server.Node(node.ToString());
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.StatusCode == HttpStatusCode.InternalServerError, $"{answer.StatusCode}: {text}");
        Assert.Contains(why, text, StringComparison.Ordinal);
    }

    // Connections that a Kestrel of this process accepted on a port, while this lives.
    private sealed class Accepted : IDisposable
    {
        private readonly MeterListener listener = new();
        private int count;

        public Accepted(int port)
        {
            listener.InstrumentPublished = (instrument, l) =>
            {
                if (instrument.Name == "kestrel.active_connections")
                    l.EnableMeasurementEvents(instrument);
            };
            listener.SetMeasurementEventCallback<long>((_, change, tags, _) =>
            {
                foreach (var (key, value) in tags)
                {
                    if (key == "server.port" && change > 0
                        && Convert.ToInt32(value, System.Globalization.CultureInfo.InvariantCulture) == port)
                    {
                        Interlocked.Increment(ref count);
                    }
                }
            });
            listener.Start();
        }

        public int Count => Volatile.Read(ref count);

        public void Dispose() => listener.Dispose();
    }
}
