using Google.Protobuf.WellKnownTypes;
using Overture.Conductor.Instances;
using Overture.Conductor.V1;
using Overture.Platform.Faults;
using Overture.Platform.Records;
using Overture.Records.V1;
using Overture.TestSupport;

namespace Overture.Conductor.Tests;

/// <summary>Filters, as tables.</summary>
public sealed class InstanceQueryTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("", true)]
    [InlineData("team=blue", true)]
    [InlineData("team==blue", true)]
    [InlineData("team=red", false)]
    [InlineData("team!=red", true)]
    [InlineData("team!=blue", false)]
    // a label that is not there is unequal to every value
    [InlineData("tier!=web", true)]
    [InlineData("team", true)]
    [InlineData("tier", false)]
    [InlineData("!tier", true)]
    [InlineData("!team", false)]
    [InlineData("team=blue,!tier", true)]
    [InlineData("team=blue, tier", false)]
    public void Selector_Label_DecidesAsInKubernetes(string selector, bool matches) =>
        Assert.Equal(matches, new InstanceQuery(new InstanceFilter { Selector = selector }).Matches(Row()));

    [Theory]
    [InlineData("=blue")]
    [InlineData("team=blue,")]
    [InlineData("!")]
    [InlineData("!!team")]
    [InlineData("team in (a,b)")]
    [InlineData("a=b=c")]
    public void Selector_Malformed_IsRefusedByItsField(string selector)
    {
        var fault = Assert.Throws<FaultException>(() => new InstanceQuery(new InstanceFilter { Selector = selector }));
        Assert.Contains("selector", fault.Message, StringComparison.Ordinal);
    }

    public static TheoryData<InstanceFilter, bool> Fields => new()
    {
        { new InstanceFilter(), true },
        { new InstanceFilter { States = { InstanceState.Running } }, true },
        { new InstanceFilter { States = { InstanceState.Signed, InstanceState.Running } }, true },
        { new InstanceFilter { States = { InstanceState.Signed } }, false },
        { new InstanceFilter { Conditions = { ConditionType.Protected } }, true },
        { new InstanceFilter { Conditions = { ConditionType.Gone, ConditionType.Protected } }, true },
        { new InstanceFilter { Conditions = { ConditionType.Gone } }, false },
        { new InstanceFilter { Profile = "web" }, true },
        { new InstanceFilter { Profile = "we" }, false },
        { new InstanceFilter { LaunchedBy = "jo" }, true },
        { new InstanceFilter { LaunchedBy = "j" }, false },
        { new InstanceFilter { Prefix = "i-0a" }, true },
        { new InstanceFilter { Prefix = "0a" }, false },
        { new InstanceFilter { Since = Start.ToTimestamp() }, true },
        { new InstanceFilter { Since = Start.AddSeconds(1).ToTimestamp() }, false },
        { new InstanceFilter { Before = Start.AddSeconds(1).ToTimestamp() }, true },
        { new InstanceFilter { Before = Start.ToTimestamp() }, false },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    public void Field_Narrows(InstanceFilter filter, bool matches) => Assert.Equal(matches, new InstanceQuery(filter).Matches(Row()));

    [Theory]
    [InlineData("overture")]
    [InlineData("puppetserver")]
    public void OwnNames_AreShownWhenAskedFor(string role)
    {
        Assert.False(new InstanceQuery(new InstanceFilter()).Matches(Row(role)));
        Assert.True(new InstanceQuery(new InstanceFilter { ShowOwn = true }).Matches(Row(role)));
    }

    [Fact]
    public void Take_OldestFirst_IsTheReverseOfNewestFirst_PageByPage()
    {
        var rows = new InstanceRows();
        foreach (var i in Enumerable.Range(0, 25))
            rows.Keep(Row(at: Start.AddSeconds(i / 3)));
        var newest = Pages(rows, oldestFirst: false);
        Assert.Equal(25, newest.Count);
        Assert.Equal(newest.AsEnumerable().Reverse(), Pages(rows, oldestFirst: true));
    }

    private static List<CertName> Pages(InstanceRows rows, bool oldestFirst)
    {
        var all = new List<CertName>();
        for (Place? after = null; rows.Take(after, 4, _ => true, oldestFirst) is { Count: > 0 } page; after = page[^1].Place)
            all.AddRange(page.Select(r => r.Name));
        return all;
    }

    private static InstanceRow Row(string role = "", DateTimeOffset? at = null)
    {
        var name = TestIds.New().CertName();
        return new InstanceRow(new InstanceRecords
        {
            Name = name,
            Launch = new LaunchRecord
            {
                Certname = name.ToString(), Provider = "ec2", NotBefore = (at ?? Start).ToTimestamp(),
                Deadline = Start.AddHours(1).ToTimestamp(), Profile = "web", Caller = "jo", Protected = true, Role = role,
                Labels = { ["team"] = "blue", ["site"] = "x" },
            },
            Facts = [new InstanceFact { Event = "launched", InstanceId = "i-0a12", At = Start.ToTimestamp() }],
        }, Start.AddSeconds(5));
    }
}
