namespace Overture.Compat.Tests.Contracts;

public sealed class MetadataTests
{
    [Fact]
    public void Entry_KeyWithCapitals_IsKeptInLowerCase() =>
        Assert.Equal("x-request_id.9", new Metadata.Entry("X-Request_Id.9", "v").Key);

    [Theory]
    [InlineData("with space")]
    [InlineData("colon:")]
    [InlineData("umlaut-ä")]
    [InlineData("line\nbreak")]
    public void Entry_KeyWithOtherCharacters_Throws(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "v"));

    [Theory]
    [InlineData("data-bin")]
    [InlineData("DATA-BIN")]
    public void Entry_TextUnderABinaryKey_Throws(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, "text"));

    [Theory]
    [InlineData("data")]
    [InlineData("data-binary")]
    public void Entry_BytesUnderATextKey_Throws(string key) =>
        Assert.Throws<ArgumentException>(() => new Metadata.Entry(key, [1]));

    [Fact]
    public void Entry_Null_Throws()
    {
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry(null!, "v")); // null is the point of the test
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("k", (string)null!)); // as above
        Assert.Throws<ArgumentNullException>(() => new Metadata.Entry("k-bin", (byte[])null!)); // as above
    }

    [Fact]
    public void Entry_OfBytes_HasNoTextAndIsBinary()
    {
        var entry = new Metadata.Entry("k-bin", [1, 2]);

        Assert.True(entry.IsBinary);
        Assert.Throws<InvalidOperationException>(() => entry.Value);
    }

    [Fact]
    public void Entry_OfText_IsNotBinaryAndHasItsAsciiBytes()
    {
        var entry = new Metadata.Entry("k", "Az");

        Assert.False(entry.IsBinary);
        Assert.Equal("Az"u8.ToArray(), entry.ValueBytes);
    }

    [Fact]
    public void Entry_BytesChangedByGiverOrTaker_StaysAsItWas()
    {
        byte[] given = [1, 2];
        var entry = new Metadata.Entry("k-bin", given);

        given[0] = 9;
        entry.ValueBytes[1] = 9;

        Assert.Equal(new byte[] { 1, 2 }, entry.ValueBytes);
    }

    [Fact]
    public void Get_KeyThreeTimes_ReturnsTheLast()
    {
        var metadata = new Metadata { { "k", "1" }, { "k", "2" }, { "other", "x" }, { "K", "3" } };

        Assert.Equal("3", metadata.GetValue("k"));
        Assert.Equal("3", metadata.Get("k")?.Value);
        Assert.Equal(["1", "2", "3"], metadata.GetAll("k").Select(entry => entry.Value));
    }

    [Fact]
    public void Get_KeyInOtherCase_FindsTheEntry()
    {
        var metadata = new Metadata { { "key", "v" }, { "key-bin", [1] } };

        Assert.Equal("v", metadata.GetValue("KEY"));
        Assert.Equal(new byte[] { 1 }, metadata.GetValueBytes("Key-Bin"));
        Assert.Single(metadata.GetAll("Key"));
    }

    [Fact]
    public void GetValueBytes_KeyTwice_ReturnsTheLast()
    {
        var metadata = new Metadata { { "k-bin", [1] }, { "k-bin", [2] } };

        Assert.Equal(new byte[] { 2 }, metadata.GetValueBytes("k-bin"));
        Assert.Throws<InvalidOperationException>(() => metadata.GetValue("k-bin"));
    }

    [Fact]
    public void Get_KeyNotThere_ReturnsNothing()
    {
        var metadata = new Metadata { { "k", "1" } };

        Assert.Null(metadata.Get("none"));
        Assert.Null(metadata.GetValue("none"));
        Assert.Null(metadata.GetValueBytes("none-bin"));
        Assert.Empty(metadata.GetAll("none"));
    }

    [Fact]
    public void Empty_AnyChange_Throws()
    {
        var entry = new Metadata.Entry("k", "v");

        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add(entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("k", "v"));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("k-bin", [1]));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Insert(0, entry));
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Remove(entry));
        Assert.Throws<InvalidOperationException>(Metadata.Empty.Clear);
        Assert.True(Metadata.Empty.IsReadOnly);
        Assert.Empty(Metadata.Empty);
    }

    [Fact]
    public void List_InsertReplaceRemove_KeepsTheOrder()
    {
        Metadata.Entry first = new("a", "1"), second = new("b", "2"), third = new("c", "3"), replacement = new("d", "4");
        var metadata = new Metadata { first, third };

        metadata.Insert(1, second);
        Assert.Equal([first, second, third], metadata);
        Assert.Equal(1, metadata.IndexOf(second));

        metadata[2] = replacement;
        metadata.RemoveAt(0);
        Assert.True(metadata.Remove(second));
        Assert.False(metadata.Remove(second));
        Assert.Equal([replacement], metadata);
        Assert.Contains(replacement, metadata);

        var array = new Metadata.Entry[2];
        metadata.CopyTo(array, 1);
        Assert.Same(replacement, array[1]);
        metadata.Clear();
        Assert.Empty(metadata);
        Assert.False(metadata.IsReadOnly);
    }
}
