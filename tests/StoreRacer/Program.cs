// One of several processes that race for the same keys: prints the keys it won, one a line.
// Arguments: directory, rounds, name. All processes wait for the file "go" before they begin.
using System.Text;
using Overture.Platform.Objects;

var (directory, rounds, name) = (args[0], int.Parse(args[1]), args[2]);
var store = DirectoryStore.At(directory);
File.WriteAllText(Path.Combine(directory, $".ready-{name}"), "");
while (!File.Exists(Path.Combine(directory, ".go")))
    await Task.Delay(1);
for (var round = 0; round < rounds; round++)
{
    var key = $"race/{round}";
    if (await store.PutIfAbsent(key, (ReadOnlyMemory<byte>)Encoding.ASCII.GetBytes(name), default) == PutOutcome.Stored)
        Console.WriteLine(key);
}
