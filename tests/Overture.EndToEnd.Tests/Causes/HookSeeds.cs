using Overture.TestSupport;

namespace Overture.EndToEnd.Tests.Causes;

/// <summary>What is wrong with the puppetserver's own hook and settings: each is broken, one agent runs, and it is mended again.</summary>
internal static class HookSeeds
{
    public static IEnumerable<SeededCause> All =>
    [
        // The first two take a minute until they are late; what follows runs meanwhile.
        Forwarding("reports-none", "none"),
        Forwarding("reports-store", "store"),
        Broken("hook-missing", "ENC_MISSING", "overture-enc", "the hook is not there", async s =>
        {
            File.Move(s.Hook, s.Hook + ".away");
            await Task.CompletedTask;
            return () => File.Move(s.Hook + ".away", s.Hook);
        }),
        Broken("hook-not-executable", "ENC_NOT_EXECUTABLE", "overture-enc", "the hook has mode 0644", async s =>
        {
            await Mode(s, "0644");
            return () => File.SetUnixFileMode(s.Hook, (UnixFileMode)0b111_101_101);
        }),
        Broken("hook-settings", "ENC_CONFIG", "returned 78", "hooks.yaml is no YAML", s => Settings(s, _ => "classifier: [unclosed\n")),
        Broken("hook-unreachable", "ENC_UNAVAILABLE", "returned 5", "hooks.yaml names a port that nothing listens on",
            s => Settings(s, t => t.Replace($"localhost:{CauseSite.Port(7003)}", "localhost:9", StringComparison.Ordinal))),
        Broken("hook-role", "ENC_DENIED", "returned 4", "the hook's certificate has another role", async s =>
        {
            var hooks = Path.GetDirectoryName(s.HookSettings)!;
            foreach (var end in new[] { "pem", "key" })
                (await Shell.Run("install", "-g", "puppet", "-m", "0640", $"{s.Home}/pki/autosign.{end}", $"{hooks}/enc.{end}")).Ok();
            return () =>
            {
                foreach (var end in new[] { "pem", "key" })
                    File.Copy($"{s.Home}/pki/enc.{end}", $"{hooks}/enc.{end}", overwrite: true);
            };
        }),
        new("node-unknown", "ENC_NODE_UNKNOWN", "returned 3", "the definition is deleted from the bucket, and the agent runs", async s =>
        {
            var node = await CauseNode.Register(s);
            await node.Bootstrap();
            File.Delete(s.DefinitionOf(node.Name));
            await node.Run();
            return node.Name;
        }),
    ];

    private static SeededCause Broken(string id, string reason, string proof, string made, Func<CauseSite, Task<Action>> harm) =>
        new(id, reason, proof, made, async site =>
        {
            var node = await CauseNode.Register(site);
            await node.Bootstrap();
            var mend = await harm(site);
            try
            {
                await node.Run();
            }
            finally
            {
                mend();
            }
            return node.Name;
        }, Alone: true);

    private static SeededCause Forwarding(string id, string reports) =>
        new(id, "REPORT_MISSING", "no good run was reported", $"puppet.conf of the puppetserver says reports = {reports}", async site =>
        {
            var node = await CauseNode.RegisterBriefly(site);
            try
            {
                await site.Configure("reports = http", $"reports = {reports}");
                (await node.Run()).Ok();
            }
            finally
            {
                await site.Configure($"reports = {reports}", "reports = http");
            }
            return node.Name;
        }, Alone: true) { Known = TimeSpan.FromMinutes(2) };

    private static async Task<Action> Settings(CauseSite site, Func<string, string> change)
    {
        var good = await File.ReadAllTextAsync(site.HookSettings);
        await File.WriteAllTextAsync(site.HookSettings, change(good));
        return () => File.WriteAllText(site.HookSettings, good);
    }

    private static Task Mode(CauseSite site, string mode) => Shell.Run("chmod", mode, site.Hook);
}
