using System.Text.Json.Nodes;

namespace Overture.EndToEnd.Tests;

/// <summary>A second `./run --once`, without a network: a run more, of three minutes.</summary>
[Collection(nameof(StackCollection))]
[Trait("Category", "full")]
public sealed class OfflineRunTests(Stack stack)
{
    [Fact]
    public async Task SecondRun_WithoutANetwork_ResumesAndConverges()
    {
        await stack.StopRun();
        var ran = await stack.RunOnceOffline();
        await stack.StartRun();
        Assert.True(ran.ExitCode == 0, $"exit code {ran.ExitCode}\n{ran.Output}\n{ran.Errors}");
        RunTests.AssertConverged(JsonNode.Parse(ran.Output.TrimEnd('\n').Split('\n')[^1])!);
    }
}
