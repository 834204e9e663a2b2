using Overture.CertAuthority.StockApproval;
using Overture.CertAuthority.StockCa;
using Overture.Platform.Records;

namespace Overture.CertAuthority.Tests;

/// <summary>Which of the requests that wait at puppetserver are judged, and when again.</summary>
public sealed class StockQueueTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 25, 12, 0, 0, TimeSpan.Zero);
    private static readonly CertName Web = CertName.Parse("web.example.org");
    private readonly StockQueue queue = new();

    [Fact]
    public void Due_JustArrived_IsLeftToTheHookFirst()
    {
        Assert.Empty(Due(0));
        Assert.Empty(Due(2.9));
        Assert.Equal(TimeSpan.FromSeconds(0.1), queue.Youngest(At(2.9)));
        Assert.Equal([Web], Due(3));
        Assert.Null(queue.Youngest(At(3)));
    }

    [Fact]
    public void Due_Left_IsNotJudgedAgainForTenMinutes()
    {
        Judged();
        Assert.Empty(Due(602.9));
        Assert.Equal([Web], Due(603));
    }

    [Fact]
    public void Due_LeftThenReopened_IsJudgedAtOnce()
    {
        Judged();
        queue.Reopen(Web);
        Assert.Equal([Web], Due(4));
    }

    [Fact]
    public void Due_AnotherRequestUnderTheName_IsNew()
    {
        Judged();
        Assert.Empty(Due(4, "other"));
        Assert.Equal([Web], Due(7, "other"));
    }

    [Fact]
    public void Due_GoneAndBack_IsNew()
    {
        Judged();
        queue.Due([], At(4));
        Assert.Equal(0, queue.Count);
        Assert.Empty(Due(5));
        Assert.Equal([Web], Due(8));
    }

    [Fact]
    public void Unregistered_OnlyThoseLeftForThat()
    {
        var mail = CertName.Parse("mail.example.org");
        StockRequest[] both = [new(Web, "a"), new(mail, "b")];
        queue.Due(both, At(0));
        Assert.Empty(queue.Unregistered);
        queue.Leave(Web, registered: true, At(3));
        queue.Leave(mail, registered: false, At(3));
        Assert.Equal([mail], queue.Unregistered);
        Assert.Equal(TimeSpan.FromSeconds(3), queue.Waited(mail, At(3)));
    }

    [Fact]
    public void Due_MoreThanAnybodyCanRemember_KeepsTheBoundAndThoseItKnows()
    {
        Judged();
        var flood = Enumerable.Range(0, StockQueue.Most * 2).Select(i => new StockRequest(CertName.Parse($"n{i}.example.org"), "x"))
            .Append(new StockRequest(Web, "a")).ToList();
        Assert.Empty(queue.Due(flood, At(4)));
        Assert.Equal(StockQueue.Most, queue.Count);
        Assert.Equal(StockQueue.Most - 1, queue.Due(flood, At(8)).Count);
        Assert.Equal([Web], queue.Due([.. flood.Take(StockQueue.Most - 1), new StockRequest(Web, "a")], At(603)).Where(r => r.Name == Web)
            .Select(r => r.Name));
    }

    private void Judged()
    {
        Due(0);
        Assert.Equal([Web], Due(3));
        queue.Leave(Web, registered: true, At(3));
    }

    private IEnumerable<CertName> Due(double seconds, string fingerprint = "a") =>
        queue.Due([new StockRequest(Web, fingerprint)], At(seconds)).Select(r => r.Name);

    private static DateTimeOffset At(double seconds) => Start.AddSeconds(seconds);
}
