using System.Security.Cryptography;
using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Causes;

/// <summary>
/// Certificate requests that a real CertAuthority refuses or lets wait, and what is done to a name that has its certificate.
/// </summary>
internal static class RequestSeeds
{
    public static IEnumerable<SeededCause> All =>
    [
        Request("token-missing", "TOKEN_MISSING", "TOKEN_MISSING", "a request without the token", (n, k) => new CsrBuilder(n.Name, k)),
        Request("token-wrong", "TOKEN_MISMATCH", "TOKEN_MISMATCH", "a request with another token",
            (n, k) => new CsrBuilder(n.Name, k).Challenge("x" + n.Token[1..])),
        Request("san", "CSR_SAN", "CSR_SAN", "a request for a DNS name that the launch does not grant",
            (n, k) => new CsrBuilder(n.Name, k).Challenge(n.Token).DnsNames("www.example.com")),
        Request("extension", "CSR_EXTENSION", "CSR_EXTENSION", "a request for a trusted fact that the launch does not grant",
            (n, k) => new CsrBuilder(n.Name, k).Challenge(n.Token).PuppetExtension("1.3.6.1.4.1.34380.1.1.13", "web")),
        new("key-size", "KEY_SIZE", "KEY_SIZE", "a request with an RSA key of 1024 bits", async s =>
        {
            var node = await CauseNode.Register(s);
            using var key = RSA.Create(1024);
            await node.Ask(new CsrBuilder(node.Name, key).Challenge(node.Token));
            return node.Name;
        }),
        new("key-reused", "KEY_REUSED", "KEY_REUSED", "two names with one key, as where an image was made of a node", async s =>
        {
            var (first, second) = (await CauseNode.Register(s), await CauseNode.Register(s));
            using var key = CsrBuilder.EcKey();
            await first.Ask(new CsrBuilder(first.Name, key).Challenge(first.Token));
            await second.Ask(new CsrBuilder(second.Name, key).Challenge(second.Token));
            return second.Name;
        }),
        new("contested", "TOKEN_CONFLICT", "two", "two keys with the one right token", async s =>
        {
            var node = await CauseNode.Register(s);
            foreach (var _ in new[] { 1, 2 })
            {
                using var key = CsrBuilder.EcKey();
                await node.Ask(new CsrBuilder(node.Name, key).Challenge(node.Token));
            }
            return node.Name;
        }),
        new("held", "HELD_FOR_APPROVAL", "approval", "a host with a name of its own asks without its token", s => Held(s, (_, _) =>
            Task.CompletedTask)),
        new("denied", "REQUEST_DENIED", "denied", "a person denies a held request, and the agent asks again", s => Held(s, async (node,
            key) =>
        {
            (await s.Overture("certificate", "deny", node.Name, "--reason", "not ours", "--key",
                Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo())))).Ok();
            await node.Ask(new CsrBuilder(node.Name, key));
        })),
        Signed("revoked", "REVOKED", "revoked", "its certificate is revoked", async (s, n) =>
            (await s.Overture("certificate", "revoke", n.Name, "--reason", "keyCompromise")).Ok()),
        Signed("quarantined", "QUARANTINED", "no certificate", "it is quarantined", async (s, n) =>
            (await s.Overture("instance", "quarantine", n.Name, "--reason", "a look at it")).Ok()),
        Signed("definition-missing", "DEFINITION_MISSING", "no definition", "its definition is deleted from the bucket", (s, n) =>
        {
            File.Delete(s.DefinitionOf(n.Name));
            return Task.CompletedTask;
        }, TimeSpan.FromMinutes(2)),
        Signed("definition-broken", "DEFINITION_INVALID", "not served",
            "its definition in the bucket is no YAML, and an agent asks for it", async (s, n) =>
        {
            (await n.Run()).Ok();
            await File.WriteAllTextAsync(s.DefinitionOf(n.Name), "classes: [unclosed\n");
            await n.Run();
        }),
        new("not-collected", "CERTIFICATE_NOT_COLLECTED", "no line says that it was fetched",
            "its request is signed, and nothing asks for the certificate",
            async s =>
            {
                var node = await CauseNode.RegisterBriefly(s);
                using var key = CsrBuilder.EcKey();
                await node.Ask(new CsrBuilder(node.Name, key).Challenge(node.Token));
                return node.Name;
            }) { Known = TimeSpan.FromMinutes(2) },
        new("8140-refused", "CATALOG_NOT_ASKED", "no puppetserver asked",
            "an agent with its certificate, whose serverport nothing listens on", async s =>
        {
            var node = await CauseNode.RegisterBriefly(s);
            await node.Run("--serverport", "9");
            return node.Name;
        }) { Known = TimeSpan.FromMinutes(2) },
        new("no-run", "CATALOG_NOT_ASKED", "no puppetserver asked", "an agent that fetches its certificate and never runs", async s =>
        {
            var node = await CauseNode.RegisterBriefly(s);
            await node.Bootstrap();
            return node.Name;
        }) { Known = TimeSpan.FromMinutes(2) },
        new("agent-no-report", "REPORT_MISSING", "no good run was reported", "an agent that runs with report = false", async s =>
        {
            var node = await CauseNode.RegisterBriefly(s);
            (await node.Run("--no-report")).Ok();
            return node.Name;
        }) { Known = TimeSpan.FromMinutes(2) },
    ];

    private static SeededCause Request(string id, string reason, string proof, string made, Func<CauseNode, ECDsa, CsrBuilder> request) =>
        new(id, reason, proof, made, async site =>
        {
            var node = await CauseNode.Register(site);
            using var key = CsrBuilder.EcKey();
            await node.Ask(request(node, key));
            return node.Name;
        });

    private static async Task<string> Held(CauseSite site, Func<CauseNode, ECDsa, Task> then)
    {
        var node = await CauseNode.Register(site, more: ["--certname", $"h{Guid.CreateVersion7():N}.example.com"]);
        using var key = CsrBuilder.EcKey();
        await node.Ask(new CsrBuilder(node.Name, key));
        await then(node, key);
        return node.Name;
    }

    private static SeededCause Signed(string id, string reason, string proof, string made, Func<CauseSite, CauseNode, Task> then,
        TimeSpan known = default) =>
        new(id, reason, proof, made, async site =>
        {
            var node = await CauseNode.Register(site);
            await node.Bootstrap();
            await then(site, node);
            return node.Name;
        }) { Known = known };
}
