using System.Globalization;
using System.Runtime.InteropServices;
using Overture.TestSupport;

namespace Overture.Load;

/// <summary>The tests' EC2 double as a process of its own.</summary>
internal static class Cloud
{
    /// <param name="home">With the names of instances that it already runs, where there are any.</param>
    /// <param name="port">Of 127.0.0.1.</param>
    /// <param name="latency">How long each of its calls takes.</param>
    public static async Task<int> Run(string home, int port, TimeSpan latency)
    {
        await using var cloud = await Ec2Double.Start(port: port);
        cloud.Latency = latency;
        cloud.Remembers = false;
        if (File.Exists($"{home}/names"))
        {
            var names = await File.ReadAllLinesAsync($"{home}/names");
            for (var i = 0; i < names.Length; i++)
                cloud.Add(Records.InstanceId(i), names[i], Records.Deployment);
        }
        var ended = new TaskCompletionSource();
        using var signal = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context =>
        {
            context.Cancel = true;
            ended.TrySetResult();
        });
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cloud.Url} with {cloud.Launched} instances"));
        await ended.Task;
        return 0;
    }
}
