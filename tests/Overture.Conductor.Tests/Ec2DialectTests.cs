using Overture.Conductor.Providers.Ec2;

namespace Overture.Conductor.Tests;

/// <summary>How a request is written, and for whom.</summary>
public sealed class Ec2DialectTests
{
    [Theory]
    [InlineData("aws", "/ 2016-11-15 tag metadata spot latest max profile dry alias filters owner token listed")]
    [InlineData("eucalyptus", "/services/compute 2015-10-01 tag profile filters owner token listed")]
    [InlineData("ec2api", "/ 2016-11-15 max filters token listed")]
    [InlineData("spinifex", "/ 2016-11-15 tag metadata profile dry")]
    public void Preset_Name_Understands(string name, string expected)
    {
        var d = Ec2Dialect.Preset(name);
        Assert.NotNull(d);
        (bool Has, string Word)[] flags =
            [(d.TagOnCreate, "tag"), (d.MetadataOptions, "metadata"), (d.Spot, "spot"), (d.ConsoleLatest, "latest"), (d.MaxResults, "max"),
                (d.InstanceProfile, "profile"), (d.DryRun, "dry"), (d.ImageAlias, "alias"), (d.ImageFilters, "filters"),
                (d.ImageOwner, "owner"), (d.TokenFilter, "token"), (d.ListsToken, "listed")];
        Assert.Equal(expected, string.Join(' ', [d.Path, d.Version, .. flags.Where(f => f.Has).Select(f => f.Word)]));
    }

    [Fact]
    public void Preset_UnknownName_Null() => Assert.Null(Ec2Dialect.Preset("AWS"));

    // Tag.1.Value as the aws client sent it on the wire
    [Fact]
    public void Encode_ReservedAndSpaces_AsTheAwsClient() => Assert.Equal(
        "Tag.1.Key=puppet%3Acertname&Tag.1.Value=web+1~%C3%A9%2A.example.com&Name=a%2Bb",
        Ec2Form.Encode([new("Tag.1.Key", "puppet:certname"), new("Tag.1.Value", "web 1~é*.example.com"), new("Name", "a+b")]));
}
