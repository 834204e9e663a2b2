using Overture.CertAuthority.Signing;
using Overture.CertAuthority.Storage;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>What a replica remembers of the claims it wrote.</summary>
[Trait("Category", "integration")]
public sealed class SpentNamesTests : IAsyncLifetime
{
    private readonly CaFixture house = new();

    public Task InitializeAsync() => house.Open();

    public Task DisposeAsync() => house.DisposeAsync();

    [Theory]
    [InlineData(" 1")] // cut before its serial
    [InlineData(" 1 4")] // and in it
    [InlineData(" 1 4f0")]
    [InlineData(" 1 4f")] // which is another's serial
    public void Point23_SpentNames_TornLine_LosesNoOtherAndIsNoSerial(string left)
    {
        var state = new StateDirectory(Path.Combine(house.Home, $"torn{left.Length}"));
        using var signer = CaSigner.Open(house.CaDirectory);
        var (whole, torn, late) = (house.NewName(), house.NewName(), house.NewName());
        using (var names = new SpentNames(state, signer))
            names.Add(whole.ToString(), "1", "4f01");
        var file = Directory.EnumerateFiles(Path.Combine(house.Home, $"torn{left.Length}"), "spent-*").Single();
        File.AppendAllText(file, $"{torn}{left}");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));

        using (var names = new SpentNames(state, signer))
        {
            // A claim of it was in the store before the line was begun.
            Assert.Equal((true, left.Length > 2), (names.Holds(whole), names.Holds(torn)));
            Assert.Empty(names.SerialsOf(torn));
            names.Add(torn.ToString(), "1", "4f02");
            names.Add(late.ToString(), "renew-4f02", "4f03");
            names.Add(late.ToString(), "renew-4f02", "4f03");
            names.Sync();
        }

        using var again = new SpentNames(state, signer);
        Assert.Equal((true, true, false, true), (again.Holds(whole), again.Holds(torn), again.Holds(late), again.Knows(late)));
        Assert.Equal(["4f02"], again.SerialsOf(torn));
        Assert.Equal(["4f03"], again.SerialsOf(late));
        Assert.Equal(4, File.ReadAllLines(file).Length); // the torn one, which says nothing, is one of them
    }
}
