using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Overture.TestSupport;

namespace Overture.Load;

/// <summary>GET /puppet/v3/node/NAME of a puppetserver, as that node, over kept connections.</summary>
internal static class Nodes
{
    private const int MaxARun = 10_000_000;

    /// <param name="directory">Holds ca.pem, node.pem and node.key.</param>
    /// <param name="name">Whose certificate that is.</param>
    public static async Task<int> Run(string directory, string name, int port, Tally tally)
    {
        var roots = new X509Certificate2Collection();
        roots.ImportFromPemFile($"{directory}/ca.pem");
        using var own = X509Certificate2.CreateFromPemFile($"{directory}/node.pem", $"{directory}/node.key");
        var identity = SslStreamCertificateContext.Create(own, roots, offline: true);
        var request = Encoding.ASCII.GetBytes($"GET /puppet/v3/node/{name}?environment=production HTTP/1.1\r\nHost: "
            + "localhost\r\nAccept: application/json\r\n\r\n");
        return await tally.Run(MaxARun, async () =>
        {
            var link = await AgentLink.Open(port, roots, identity);
            return async _ =>
            {
                var answer = await link.Send(request);
                // The class that the definition names: an empty node is no answer.
                return answer is { Status: 200 } && answer.Body.Span.IndexOf("login_allowed"u8) >= 0
                    || await Enrollment.Describe("GET node", answer);
            };
        }) == 0 ? 0 : 1;
    }
}
