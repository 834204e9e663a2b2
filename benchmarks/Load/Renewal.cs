using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.TestSupport;

namespace Overture.Load;

/// <summary>
/// Nodes that renew as fast as the CA lets them. A renewal is by the certificate that the connection shows, so each is a connection of its
/// own, with a full handshake; the next one of the same node shows what the last one brought.
/// </summary>
internal static class Renewal
{
    private const int MaxARun = 1_000_000;

    public static async Task<int> Run(string home, int port, int connections, Tally tally)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile($"{home}/ca/ca_crt.pem");
        var agents = await Fleet.Registered(home, connections);
        var next = -1;
        var request = AgentLink.Request("POST", "certificate_renewal");
        return await tally.Run(MaxARun, async () =>
        {
            var agent = agents[Interlocked.Increment(ref next)];
            var pem = "";
            await using (var link = await AgentLink.Open(port, roots))
            {
                if (!await Enrollment.Enrol(link, agent, got => pem = got))
                    throw new InvalidOperationException("the node did not enrol");
            }
            using var key = ECDsa.Create();
            key.ImportPkcs8PrivateKey(agent.PrivateKey, out _);
            var keyPem = key.ExportPkcs8PrivateKeyPem();
            return async _ =>
            {
                using var mine = X509Certificate2.CreateFromPem(pem, keyPem);
                await using var link = await AgentLink.Open(port, roots, SslStreamCertificateContext.Create(mine, roots, offline: true));
                var answer = await link.Send(request);
                if (answer.Status != 200 || !Enrollment.IsFor(answer.Body.Span, agent.Name))
                    return await Enrollment.Describe("POST certificate_renewal", answer);
                var renewed = Encoding.ASCII.GetString(answer.Body.Span);
                var isNew = renewed != pem;
                pem = renewed;
                return isNew;
            };
        }) == 0 ? 0 : 1;
    }
}
