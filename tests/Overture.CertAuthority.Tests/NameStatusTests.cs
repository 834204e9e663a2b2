using Overture.CertAuthority.Policy;
using Overture.Records.V1;

namespace Overture.CertAuthority.Tests;

/// <summary>May this name have anything? A table of what bars whom.</summary>
public sealed class NameStatusTests
{
    private static readonly Block Revoked = new() { Kind = BlockKind.Revoked, Sentence = "sold", Claims = { "1", "2" } };

    [Fact]
    public void Free_BarsNothing()
    {
        Assert.All(Enum.GetValues<GrantKind>(), grant => Assert.Null(NameStatus.Free.Bar(grant)));
        Assert.Null(NameStatus.Free.Bar(new Claim { Claim_ = "1", Grant = new Grant { Source = "launch" } }));
    }

    [Fact]
    public void Ending_BarsEverything()
    {
        var ending = new NameStatus(true, []);
        Assert.All(Enum.GetValues<GrantKind>(), grant => Assert.Contains("terminated", ending.Bar(grant), StringComparison.Ordinal));
        Assert.NotNull(ending.Bar(new Claim { Claim_ = "7", Grant = new Grant { Source = "approval by ops" } }));
        Assert.Null(ending.Final);
    }

    [Theory]
    [InlineData(BlockKind.Contested, true), InlineData(BlockKind.Terminated, true), InlineData(BlockKind.Quarantined, false)]
    public void Block_ButARevocation_BarsEverything(BlockKind kind, bool final)
    {
        var status = new NameStatus(false, [new Block { Kind = kind, Sentence = "why" }]);
        Assert.All(Enum.GetValues<GrantKind>(), grant => Assert.Equal("the name is blocked: why", status.Bar(grant)));
        Assert.Equal("the name is blocked: why", status.Bar(new Claim { Claim_ = "7", Grant = new Grant { Source = "import" } }));
        Assert.Equal((final, kind == BlockKind.Contested), (status.Final is not null, status.Contested));
    }

    [Fact]
    public void Revocation_EndsALaunchedName_AndAnyOtherMayBeCertifiedAgain()
    {
        var status = new NameStatus(false, [Revoked]);
        Assert.Equal("the name is blocked: sold", status.Bar(GrantKind.Launch));
        Assert.All(new[] { GrantKind.Approval, GrantKind.Predecessor, GrantKind.Import, GrantKind.Admin }, g => Assert.Null(status.Bar(g)));
    }

    [Theory]
    [InlineData("launch", "9", "", true)]
    [InlineData("approval by ops", "1", "", true), InlineData("approval by ops", "3", "", false)]
    // Of a renewal counts what it goes back to, whenever it was made.
    [InlineData("predecessor", "renew-4f01", "2", true), InlineData("predecessor", "renew-4f01", "3", false)]
    // A name that would be in any list by mistake.
    [InlineData("import", "", "", false)]
    public void Revocation_EndsTheClaimsOfItsMoment(string source, string claim, string origin, bool barred)
    {
        var status = new NameStatus(false, [new Block { Kind = BlockKind.Revoked, Claims = { "8" } }, Revoked]);
        var bar = status.Bar(new Claim { Claim_ = claim, Origin = origin, Grant = new Grant { Source = source } });
        Assert.Equal(barred, bar is not null);
    }
}
