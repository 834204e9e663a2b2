using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

public sealed class WallsTests
{
    [Fact]
    public void Folders_KnowOnlyThoseBelow() => Walls.Hold(typeof(CertAuthorityModule).Assembly, 
        "PuppetApi", "Approval Queries Renewal StockApproval", "Enrollment", "Revocation", "Import StockCa", "Audit", "Storage", "Signing",
        "Policy", "Csr");
}
