using Overture.TestSupport;

namespace Overture.Console.Tests;

/// <summary>--print-options, by the console's own process.</summary>
[Trait("Category", "integration")]
public sealed class PrintedOptionsTests
{
    [Fact]
    public async Task PrintOptions_EveryOption_IsListedAndBindsAndTheDocumentsAgree()
    {
        var printed = await PrintedOptions.Of("console", "console", "Overture.Console.dll");
        printed.AssertComplete<ConsoleOptions>();
        printed.AssertBinds<ConsoleOptions>(o => o.Problems());
        printed.AssertDescribed();
        await printed.AssertWritesItsFile<ConsoleOptions>();
        await printed.AssertReferenced();
        await printed.AssertManual();
    }

    [Fact]
    public void ExampleSites_HaveNoUnknownAndNoMissingKey() => ExampleSites.AssertRead<ConsoleOptions>("console", o => o.Problems());
}
