using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>--print-options, by the service's own process.</summary>
[Trait("Category", "integration")]
public sealed class PrintedOptionsTests
{
    [Fact]
    public async Task PrintOptions_EveryOption_IsListedAndBindsAndTheDocumentsAgree()
    {
        var printed = await PrintedOptions.Of("conductor", "services/Conductor", "Overture.Conductor.dll");
        printed.AssertComplete<ConductorOptions>();
        printed.AssertBinds<ConductorOptions>(o => o.Problems());
        printed.AssertDescribed();
        await printed.AssertWritesItsFile<ConductorOptions>();
        await printed.AssertReferenced();
        await printed.AssertManual();
        printed.AssertDocumented("Every service reads:");
        printed.AssertDocumented("Conductor's:");
    }

    [Fact]
    public void ExampleSites_HaveNoUnknownAndNoMissingKey() => ExampleSites.AssertRead<ConductorOptions>("conductor", o => o.Problems());
}
