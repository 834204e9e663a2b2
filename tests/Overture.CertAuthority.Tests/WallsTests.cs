using Overture.CertAuthority.V1;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() => Walls.Hold(typeof(CertAuthorityModule).Assembly, 
        "Api PuppetApi", "Approval Queries Renewal StockApproval", "Enrollment", "Revocation", "Import StockCa", "Audit", "Storage", "Signing",
        "Policy", "Csr");

    [Fact]
    public void Rpcs_EachHaveOneClass_ThatNeedsFewThings() =>
        RpcClasses.Hold(CertAuthorityService.Descriptor, typeof(CertAuthorityService.CertAuthorityServiceBase),
            typeof(CertAuthorityModule).Assembly);
}
