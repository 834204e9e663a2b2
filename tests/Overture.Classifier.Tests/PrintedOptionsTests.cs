using Overture.TestSupport;

namespace Overture.Classifier.Tests;

/// <summary>--print-options, by the service's own process.</summary>
[Trait("Category", "integration")]
public sealed class PrintedOptionsTests
{
    [Fact]
    public async Task PrintOptions_EveryOption_IsListedAndBindsAndTheDocumentsAgree()
    {
        var printed = await PrintedOptions.Of("classifier", "services/Classifier", "Overture.Classifier.dll");
        printed.AssertComplete<ClassifierOptions>();
        printed.AssertBinds<ClassifierOptions>(o => o.Problems());
        printed.AssertDescribed();
        await printed.AssertWritesItsFile<ClassifierOptions>();
        await printed.AssertReferenced();
        await printed.AssertManual();
        printed.AssertDocumented("Every service reads:");
        printed.AssertDocumented("Classifier's:");
    }

    [Fact]
    public void ExampleSites_HaveNoUnknownAndNoMissingKey() => ExampleSites.AssertRead<ClassifierOptions>("classifier", o => o.Problems());
}
