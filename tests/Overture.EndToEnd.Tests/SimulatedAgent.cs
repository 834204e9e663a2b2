using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Overture.Conductor.V1;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests;

/// <summary>
/// What one instance, its agent and its puppetserver do, with the simplest client there is: of two replicas one is asked first, and where
/// that one is not there, or goes before it answered, the other; once.
/// </summary>
public sealed class SimulatedAgent(ReplicaStack stack, int number)
{
    private const int LargestAnswer = 16 * 1024;
    private readonly ECDsa key = CsrBuilder.EcKey();
    private int calls;

    public string Name { get; private set; } = "";

    /// <summary>As the CA API gave it out.</summary>
    public string Pem { get; private set; } = "";

    public string Yaml { get; private set; } = "";

    public ReadOnlySpan<byte> Key => key.ExportSubjectPublicKeyInfo();

    /// <summary>How often it had to ask the other replica.</summary>
    public int Mended { get; private set; }

    // 127.1.0.0 up: what one address may do is not what is looked at here.
    private string Address => $"127.1.{number / 250}.{number % 250 + 1}";

    public static LaunchSpec Spec() => new()
    {
        Puppet = new PuppetSettings { Server = "puppet.example.com" },
        Node = new NodeSpec { Classes = Struct.Parser.ParseJson("""{"login_allowed": {"user": "demo"}}""") },
    };

    /// <summary>From its registration to its first report; each call begins at another replica than the one before.</summary>
    /// <param name="registered">What happens before its agent comes.</param>
    public async Task Live(Func<Task>? registered = null)
    {
        // 1. It is registered.
        var request = new RegisterInstanceRequest { Spec = Spec(),
            RequestId = $"storm-{Convert.ToHexStringLower(SHA256.HashData(Key))[..32]}" };
        (Name, var token) = await Impatiently(() => Ask(stack.Conductors,
            async c => await c.Conductor.RegisterInstanceAsync(request) is var r ? (r.Instance.Certname, r.Token) : default));
        await (registered?.Invoke() ?? Task.CompletedTask);
        // 2. It asks for a certificate at one CA, and for what became of that at the other, at once.
        var csr = Encoding.ASCII.GetBytes(new CsrBuilder(Name, key).Challenge(token).Renews().Pem());
        await Impatiently(() => Say(stack.CertAuthorities, AgentLink.Request("PUT", $"certificate_request/{Name}", csr)));
        Pem = await Impatiently(Collect);
        // 3. puppetserver asks what it is: for its node, and again for its catalog.
        Yaml = await Classify();
        Assert.Equal(Yaml, await Classify());
        // 4. It ran, and puppetserver reports.
        await Report();
    }

    public Task<string> Collect() => Say(stack.CertAuthorities, AgentLink.Request("GET", $"certificate/{Name}"));

    public async Task<string> Classify() =>
        (await Ask(stack.Classifiers, c => c.Classifier.ClassifyAsync(new() { Certname = Name }).ResponseAsync)).Yaml;

    public Task Report(string status = "changed") =>
        Say(stack.Conductors, AgentLink.RequestTo("POST", "/reports", Encoding.ASCII.GetBytes(ReportOf(Name, status))), stack.Puppetserver);

    /// <summary>A whole report, as far as it is looked at.</summary>
    internal static string ReportOf(string certname, string status) => $"""
        --- !ruby/object:Puppet::Transaction::Report
        host: {certname}
        time: '2026-01-01T12:00:00.123456789+00:00'
        transaction_uuid: {certname}
        status: {status}
        transaction_completed: true
        noop: false
        environment: production
        cached_catalog_status: not_used

        """;

    /// <summary>POST certificate_renewal, by its certificate.</summary>
    /// <returns>PEM.</returns>
    public async Task<string> Renew()
    {
        using var bare = X509Certificate2.CreateFromPem(Pem);
        using var own = bare.CopyWithPrivateKey(key);
        return await Say(stack.CertAuthorities, AgentLink.Request("POST", "certificate_renewal"),
            SslStreamCertificateContext.Create(own, stack.Roots, offline: true));
    }

    // Every fourth does not wait for an answer before it asks the other replica as well; both say the same.
    private async Task<T> Impatiently<T>(Func<Task<T>> ask)
    {
        if (number % 4 != 0)
            return await ask();
        var (one, other) = (ask(), ask());
        Assert.Equal(await one, await other);
        return await one;
    }

    private Task<string> Say(IReadOnlyList<Replica> replicas, byte[] request, SslStreamCertificateContext? identity = null) =>
        Ask(replicas, async replica =>
    {
        await using var link = await AgentLink.Open(replica.PuppetPort, stack.Roots, identity, Address, LargestAnswer);
        var (status, body) = await link.Send(request);
        var text = Encoding.ASCII.GetString(body.Span);
        if (status == 503)
            throw new IOException($"{replica.Name}: 503 {text}");
        Assert.True(status is 200 or 202,
            $"{replica.Name}: {status} {text} to {Encoding.ASCII.GetString(request.AsSpan(0, request.AsSpan().IndexOf((byte)'\r')))}");
        return text;
    });

    private async Task<T> Ask<T>(IReadOnlyList<Replica> replicas, Func<Replica, Task<T>> call)
    {
        var first = (number + Interlocked.Increment(ref calls)) % replicas.Count;
        try
        {
            return await call(replicas[first]);
        }
        // A connection that its server closes as the call begins is INTERNAL to the client library.
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException
            or RpcException { StatusCode: StatusCode.Unavailable }
            or RpcException { StatusCode: StatusCode.Internal, Status.DebugException: HttpRequestException })
        {
            Mended++;
            return await call(replicas[^(first + 1)]);
        }
    }
}
