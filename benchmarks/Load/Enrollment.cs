using System.Buffers.Text;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.TestSupport;

namespace Overture.Load;

/// <summary>
/// Agents that enrol as fast as the CA lets them: PUT the request, GET the certificate, each a fresh name with its own key.
/// </summary>
internal static class Enrollment
{
    // Parsed and verified in full, after the measured time.
    private const int LookCloselyEvery = 50;

    public static async Task<int> Run(Agent[] agents, string roots, int port, int connections, Tally tally)
    {
        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPemFile(roots);
        var samples = new string?[agents.Length / LookCloselyEvery + 1];
        var failures = await tally.Run(agents.Length, async () =>
        {
            var link = await AgentLink.Open(port, trusted);
            return i => Enrol(link, agents[i], i % LookCloselyEvery == 0 ? pem => samples[i / LookCloselyEvery] = pem : null);
        });
        for (var i = 0; i < samples.Length; i++)
        {
            if (samples[i] is { } pem && Flaw(pem, agents[i * LookCloselyEvery], trusted) is { } flaw)
            {
                await Console.Error.WriteLineAsync($"{agents[i * LookCloselyEvery].Name}: {flaw}");
                failures++;
            }
        }
        return failures == 0 ? 0 : 1;
    }

    /// <summary>One name, registered and enrolled; prints it.</summary>
    public static async Task<int> One(string home, int port)
    {
        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPemFile($"{home}/ca/ca_crt.pem");
        var agent = (await Fleet.Registered(home, 1))[0];
        await using var link = await AgentLink.Open(port, trusted);
        var good = await Enrol(link, agent, null);
        Console.WriteLine(agent.Name);
        return good ? 0 : 1;
    }

    public static async ValueTask<bool> Enrol(AgentLink link, Agent agent, Action<string>? keep)
    {
        var put = await link.Send(agent.Put);
        if (put.Status != 200)
            return await Describe("PUT", put);
        var got = await link.Send(agent.Get);
        if (got.Status != 200 || !IsFor(got.Body.Span, agent.Name))
            return await Describe("GET", got);
        keep?.Invoke(Encoding.ASCII.GetString(got.Body.Span));
        return true;
    }

    // A certificate that has the name in it; whether it is right in every respect, the samples tell.
    public static bool IsFor(ReadOnlySpan<byte> body, string name)
    {
        var begin = "-----BEGIN CERTIFICATE-----"u8;
        var end = body.IndexOf("\n-----END"u8);
        if (!body.StartsWith(begin) || end < 0)
            return false;
        Span<byte> der = stackalloc byte[4096];
        Span<byte> wanted = stackalloc byte[name.Length];
        Encoding.ASCII.GetBytes(name, wanted);
        Base64.DecodeFromUtf8(body[begin.Length..end], der, out _, out var length);
        return der[..length].IndexOf(wanted) >= 0;
    }

    private static string? Flaw(string pem, Agent agent, X509Certificate2Collection trusted)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        if (certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false) != agent.Name)
            return "it is another name's certificate";
        if (!certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(agent.Spki))
            return "it certifies another key";
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.AddRange(trusted);
        return chain.Build(certificate) ? null : "it does not chain to the CA";
    }

    public static async ValueTask<bool> Describe(string what, (int Status, ReadOnlyMemory<byte> Body) answer)
    {
        var body = Encoding.ASCII.GetString(answer.Body.Span[..Math.Min(200, answer.Body.Length)]);
        await Console.Error.WriteLineAsync($"{what}: {answer.Status} {body}");
        return false;
    }
}
