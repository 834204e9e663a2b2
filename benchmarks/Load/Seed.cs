using System.Security.Cryptography;
using System.Text;
using Overture.Platform.Objects;
using Overture.Platform.Records;

namespace Overture.Load;

/// <summary>Node definitions as a launch writes them.</summary>
internal static class Seed
{
    public static async Task<int> Run(string home, int nodes)
    {
        var store = ObjectStore.Open($"file:{home}/objects", "");
        var ids = new Ids(TimeProvider.System, RandomNumberGenerator.Create());
        var body = Encoding.UTF8.GetBytes("\"classes\":\n  \"login_allowed\":\n    \"user\": \"demo\"\n\"parameters\": "
            + "{}\n\"environment\": \"production\"\n");
        var names = new string[nodes];
        await Parallel.ForAsync(0, nodes, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (i, cancel) =>
        {
            var name = ids.CertName();
            await store.PutIfAbsent(ObjectKeys.Node(name), (ReadOnlyMemory<byte>)body, cancel);
            names[i] = name.ToString();
        });
        await File.WriteAllLinesAsync($"{home}/nodes", names);
        Console.WriteLine(names[^1]);
        return 0;
    }
}
