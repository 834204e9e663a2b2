using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>--print-options, by the service's own process.</summary>
[Trait("Category", "integration")]
public sealed class PrintedOptionsTests
{
    [Fact]
    public async Task PrintOptions_EveryOption_IsListedAndBindsAndTheDocumentsAgree()
    {
        var printed = await PrintedOptions.Of("certauthority", "services/CertAuthority", "Overture.CertAuthority.dll");
        printed.AssertComplete<CertAuthorityOptions>();
        printed.AssertBinds<CertAuthorityOptions>(o => o.Problems());
        printed.AssertDescribed();
        await printed.AssertWritesItsFile<CertAuthorityOptions>();
        await printed.AssertReferenced();
        await printed.AssertManual();
        printed.AssertDocumented("Every service reads:");
        printed.AssertDocumented("CertAuthority's own");
    }

    [Fact]
    public void ExampleSites_HaveNoUnknownAndNoMissingKey() => ExampleSites.AssertRead<CertAuthorityOptions>("certauthority", o => o.Problems());
}
