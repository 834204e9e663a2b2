using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Overture.CertAuthority.PuppetApi;
using Overture.CertAuthority.PuppetApi.Limits;
using Overture.Platform.Connections;
using Overture.Platform.Records;
using Overture.TestSupport;

namespace Overture.CertAuthority.Tests;

/// <summary>The arithmetic of the limits, and what is read of a body.</summary>
public sealed class LimitTests
{
    // 60 a minute, at most 3 at once; each row: seconds since the start, and whether one is to be had.
    [Theory]
    [InlineData("0+ 0+ 0+ 0- 0.9- 1+ 1- 2+ 2-"), InlineData("0+ 0+ 0+ 100+ 100+ 100+ 100-"),
        InlineData("5+ 5.5+ 6+ 6.5+ 7+ 7.5- 8+ 8.5- 9+ 9.5-")]
    public void Take_OneAfterTheOther_GivesBurstThenRate(string course)
    {
        var rate = new Rate(60, 3);
        var fullAt = 0L;
        foreach (var step in course.Split(' '))
        {
            var now = Ticks(double.Parse(step[..^1], System.Globalization.CultureInfo.InvariantCulture));
            Assert.True((rate.Take(ref fullAt, now) == TimeSpan.Zero) == (step[^1] == '+'), $"{step} of {course}");
        }
    }

    [Fact]
    public void Wait_Empty_IsTheTimeToTheNext()
    {
        var rate = new Rate(30, 2);
        var fullAt = 0L;
        rate.Take(ref fullAt, Ticks(10));
        rate.Take(ref fullAt, Ticks(10));
        Assert.Equal(TimeSpan.FromSeconds(1.5), rate.Wait(fullAt, Ticks(10.5)));
        Assert.Equal(TimeSpan.FromSeconds(1.5), rate.Take(ref fullAt, Ticks(10.5)));
    }

    [Fact]
    public void Spend_FarMoreThanThereIs_IsForgivenAtTheRate()
    {
        var rate = new Rate(60, 3);
        var fullAt = 0L;
        for (var i = 0; i < 1_000; i++)
            rate.Spend(ref fullAt, Ticks(7));
        Assert.Equal(TimeSpan.FromSeconds(1), rate.Wait(fullAt, Ticks(7)));
        Assert.Equal(TimeSpan.Zero, rate.Wait(fullAt, Ticks(8)));
    }

    [Fact]
    public void Buckets_OfOtherKeys_AreTheirOwn()
    {
        var clock = new HandClock();
        var buckets = new Buckets<string>(new Rate(60, 1), 1_000, clock);
        Assert.Equal(TimeSpan.Zero, buckets.Take("a"));
        Assert.Equal(TimeSpan.FromSeconds(1), buckets.Take("a"));
        Assert.Equal(TimeSpan.Zero, buckets.Take("b"));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.Zero, buckets.Take("a"));
    }

    [Fact]
    public void Buckets_TakenForNothing_IsGivenBackAndNeverMore()
    {
        var buckets = new Buckets<string>(new Rate(60, 2), 1_000, new HandClock());
        buckets.GiveBack("a");
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero), (buckets.Take("a"), buckets.Take("a")));
        Assert.Equal(TimeSpan.FromSeconds(1), buckets.Take("a"));
        buckets.GiveBack("a");
        Assert.Equal(TimeSpan.Zero, buckets.Take("a"));
        Assert.NotEqual(TimeSpan.Zero, buckets.Take("a"));
    }

    [Fact]
    public void Buckets_StrangersBringAMillionNames_TheBusyOneIsRememberedAndMemoryBounded()
    {
        var map = new BoundedMap<int, string>(1_000);
        map.Of(-1) = "busy";
        for (var i = 0; i < 1_000_000; i++)
        {
            map.Of(i) = "stranger";
            if (i % 400 == 0)
                Assert.Equal("busy", map.Of(-1));
            Assert.InRange(map.Count, 1, 1_000);
        }
        Assert.Null(map.Of(0));
    }

    [Theory]
    [InlineData("10.0.0.1", "10.0.0.1", true), InlineData("10.0.0.1", "::ffff:10.0.0.1", true), InlineData("10.0.0.1", "10.0.0.2", false)]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", true), InlineData("2001:db8::1", "2001:db8:0:1::1", false),
        InlineData("::1", "127.0.0.1", false)]
    public void Address_OfOneOwner_IsOneKey(string one, string other, bool same) =>
        Assert.Equal(same, AddressKey.Of(IPAddress.Parse(one)) == AddressKey.Of(IPAddress.Parse(other)));

    [Fact]
    public void Challenge_OfARequestWhoseSignatureIsBroken_IsRead()
    {
        using var key = CsrBuilder.EcKey();
        var pem = new CsrBuilder("a", key) { BreakSignature = true }.DnsNames("x").Challenge("secret").Pem();
        Assert.Equal(EnrollmentToken.Hash("secret"), ChallengeReader.Sha256(Encoding.ASCII.GetBytes(pem)));
    }

    [Theory]
    [InlineData(""), InlineData("-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"),
        InlineData("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n")]
    public void Challenge_OfNoRequest_IsNone(string body) => Assert.Null(ChallengeReader.Sha256(Encoding.ASCII.GetBytes(body)));

    [Fact]
    public void Challenge_Absent_IsNone()
    {
        using var key = CsrBuilder.EcKey();
        Assert.Null(ChallengeReader.Sha256(Encoding.ASCII.GetBytes(new CsrBuilder("a", key).Pem())));
    }

    [Theory]
    [InlineData(1L << 25, null, 0), InlineData(1L << 30, null, 0), InlineData(null, 16_385, 16_385), InlineData(10L, 16_385, 16_385),
        InlineData(null, 16_384, 16_384)]
    public async Task T61_TooLargeOrLyingBody_NeverMoreIsRead(long? claimed, int? given, int read)
    {
        var context = new DefaultHttpContext();
        var endless = new CountedBody(given == 16_384 ? 16_384 : long.MaxValue);
        context.Request.Body = endless;
        context.Request.ContentLength = claimed;
        var body = await RequestBody.Read(context.Request, 16 * 1024, default);
        Assert.Equal(read, endless.Taken);
        Assert.Equal(given == 16_384 ? 16_384 : 16_385, body.Length);
    }

    [Fact]
    public void Problems_NumbersOutOfBounds_AreNamedAllAtOnce()
    {
        var limits = new PuppetLimitOptions { Connections = 1, CsrBurst = 0, Request = TimeSpan.Zero };
        Assert.Equal(["x.connections", "x.csrBurst", "x.request"], limits.Problems("x").Select(p => p.Field));
        Assert.Empty(new PuppetLimitOptions().Problems("x"));
    }

    private static long Ticks(double seconds) => TimeSpan.FromSeconds(seconds).Ticks;

    private sealed class HandClock : TimeProvider
    {
        private long ticks = 1_000;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public void Advance(TimeSpan by) => ticks += by.Ticks;

        public override long GetTimestamp() => ticks;
    }

    private sealed class CountedBody(long length) : MemoryStream
    {
        public long Taken { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = (int)Math.Min(buffer.Length, length - Taken);
            RandomNumberGenerator.Fill(buffer.Span[..count]);
            Taken += count;
            return ValueTask.FromResult(count);
        }
    }
}
